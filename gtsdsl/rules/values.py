"""Rules about values: sites, addresses, rates, flavors, delays … (GTS032 to GTS039, GTS045, GTS047, GTS051, GTS052)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from gtsdsl.circuits import SITES, site
from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.classes import CLASSES
from gtsdsl.model.jitter import parse_jitter, parse_order
from gtsdsl.model.losses import parse_loss
from gtsdsl.model.routing import parse_routing
from gtsdsl.model.shares import parse_reorder, parse_share
from gtsdsl.model.testbed import SWITCH_CLASSES, Port, Resource, Testbed
from gtsdsl.model.units import (
    LEAST_IPV6_MTU_BYTES,
    each_direction,
    parse_bandwidth,
    parse_duration_us,
    parse_mtu_bytes,
    parse_switch,
)
from gtsdsl.model.values import Value, describe
from gtsdsl.rules.effects import check_effects
from gtsdsl.rules.index import Index, place_of, shown
from gtsdsl.topology.stated import ATTRIBUTES, Attribute, parse_stated


class Bad(NamedTuple):
    """A violation by a value. A near word of ``words`` makes a better hint than ``hint``."""

    code: str
    sentence: str
    hint: str | None = None
    words: tuple[str, ...] = ()


Check: TypeAlias = Callable[[Value], Bad | None]

MAX_TCP_PORT = 65_535
MAX_LOGICAL_PORT = 65_280
"""The highest number of a switch's port in OpenFlow 1.0 (5.2.1), 0xff00; higher numbers are reserved."""

SWITCH_MODES = ("hard", "soft")
PORT_MODES = ("CONTROL", "DATA")
NAMED_FLAVORS = ("tiny", "small", "medium", "large")
"""The named sizes that the public editor offers."""

_FLAVOR = re.compile(r"c[1-9][0-9]{0,5}r[1-9][0-9]{0,5}h[1-9][0-9]{0,5}")
_FLAVOR_FORM = "a flavor is `c2r4h20`: 2 cores, 4 GB of memory (RAM), 20 GB of disk; each a positive number"
_WHOLE = re.compile(r"0|[1-9][0-9]{0,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


_UNDEFINED = "undefined"
_LEFT_UNDEFINED = Bad(
    "GTS047",
    '"undefined" is what the drag-and-drop editor writes for a field that has no value',
    "give it a value, or leave the attribute out",
)


def check_values(index: Index) -> Iterator[Diagnostic]:
    """Yield all findings about the values of attributes."""
    for scope in index.scopes:
        testbed = scope.testbed
        yield from _each(index, testbed, testbed.attributes, _OF_TESTBEDS)
        for port in testbed.ports:
            yield from _each(index, port, port.attributes, _OF_PORTS)
        for resource in testbed.resources:
            if isinstance(resource, Testbed) or resource.cls not in CLASSES:
                continue
            if resource.location is not None:
                yield from _each(index, resource, {"location": resource.location}, _OF_RESOURCES)
            if resource.attributes:
                yield from _each(index, resource, resource.attributes, _OF_RESOURCES)
            if resource.cls == "link" and resource.attributes:
                yield from check_effects(index, resource)
            if "controller" in resource.attributes:
                for block, prefix in blocks(resource.attributes.get("controller"), "controller"):
                    yield from _each(index, resource, block, _OF_CONTROLLERS, prefix)
            for port in resource.ports:
                if port.attributes:
                    yield from _each(index, port, port.attributes, _OF_PORTS)
            if resource.cls in SWITCH_CLASSES:
                yield from _logical_ports_twice(index, resource)


def blocks(value: Value, name: str) -> Iterator[tuple[Mapping[str, Value], str]]:
    """Yield each nested block of a value, with the prefix of its attributes' names in `attribute_places`."""
    if isinstance(value, dict):
        yield value, f"{name}."
    elif isinstance(value, list):
        for number, block in enumerate(value):
            if isinstance(block, dict):
                yield block, f"{name}.{number}."


def _each(
    index: Index,
    item: Testbed | Resource | Port,
    values: Mapping[str, Value],
    checks: Mapping[str, Check],
    prefix: str = "",
) -> Iterator[Diagnostic]:
    for name, value in values.items():
        check = checks.get(name)
        if value == _UNDEFINED and check is not None and check is not _text:
            bad: Bad | None = _LEFT_UNDEFINED
        else:
            bad = check(value) if check is not None else None
        if bad is not None:
            near = index.near(value, bad.words) if isinstance(value, str) and bad.words else None
            where = prefix + name
            # without the item's id: findings with the same place and message, as from a loop, are kept once
            yield index.finding(
                bad.code, f"{shown(where)}: {bad.sentence}", place_of(item, where), hint=near or bad.hint
            )


def _logical_ports_twice(index: Index, switch: Resource) -> Iterator[Diagnostic]:
    first: dict[str, Port] = {}
    for port in switch.ports:
        number = _whole(port.attributes.get("logicalPort"))
        if number is not None and (before := first.setdefault(str(number), port)) is not port:
            yield index.finding(
                "GTS035",
                f"ports {shown(before.id)} and {shown(port.id)} of {switch.cls} {shown(switch.id)} have the same "
                f"`logicalPort`, {number}",
                place_of(port, "logicalPort"),
                note=("the first one is here", place_of(before, "logicalPort")),
            )


# --- one kind of value each ---------------------------------------------------------------------------------------


def _location(value: Value) -> Bad | None:
    if not isinstance(value, str):
        return Bad("GTS039", f'{describe(value)} is not a site\'s code, such as "AMS"')
    if site(value) is not None:
        return None
    city = value.strip().casefold()
    by_city = next((known.code for known in SITES if known.city.casefold() == city), None)
    hint = f"did you mean `{by_city}`?" if by_city else f"the known sites: {', '.join(_SITE_CODES)}"
    return Bad("GTS032", f"{describe(value)} is not a known site", hint, () if by_city else _SITE_CODES)


def _ipv4(value: Value) -> ipaddress.IPv4Address | None:
    try:
        # only texts, because IPv4Address takes integers too; it refuses parts that look octal, as in 010.0.0.1
        return ipaddress.IPv4Address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _address(value: Value) -> Bad | None:
    address = _ipv4(value)
    if address is None:
        return Bad(
            "GTS033",
            f"{describe(value)} is not an IPv4 address",
            'write four numbers from 0 to 255, such as "10.10.10.1"',
        )
    if address.is_unspecified or address.is_multicast or address.is_reserved:
        return Bad("GTS033", f"{describe(value)} is not an address that a machine can have")
    return None


def _stated(attribute: Attribute, *, is_own: bool) -> Check:
    def check(value: Value) -> Bad | None:
        try:
            parse_stated(attribute, value, is_own=is_own)
        except ValueError as error:
            return Bad("GTS033", str(error))
        return None

    return check


def _mask(value: Value) -> Bad | None:
    mask = _ipv4(value)
    form = 'write it in four numbers, such as "255.255.255.0"'
    if mask is None:
        return Bad("GTS034", f"{describe(value)} is not an IPv4 mask", form)
    host_bits = ~int(mask) & 0xFFFFFFFF
    if host_bits & (host_bits + 1):
        return Bad("GTS034", f"{describe(value)} is not an IPv4 mask: its ones are not all at the front", form)
    if int(mask) == 0:
        return Bad("GTS034", f"{describe(value)} is not the mask of a network: every address would be in it", form)
    return None


def _whole(value: Value) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number_up_to(maximum: int, what: str) -> Check:
    def check(value: Value) -> Bad | None:
        number = _whole(value)
        if number is not None and 1 <= number <= maximum:
            return None
        return Bad("GTS035", f"{describe(value)} is not {what}; it is a whole number from 1 to {maximum}")

    return check


def _parsed_by(parse: Callable[[Value], object], code: str) -> Check:
    def check(value: Value) -> Bad | None:
        try:
            each_direction(parse, value)
        except ValueError as error:
            return Bad(code, str(error))
        return None

    return check


def _routing(value: Value) -> Bad | None:
    try:
        parse_routing(value)
    except ValueError as error:
        return Bad("GTS039", str(error))
    return None


def _mtu(value: Value) -> Bad | None:
    try:
        mtu_bytes = parse_mtu_bytes(value)
    except ValueError as error:
        return Bad("GTS051", str(error))
    if mtu_bytes >= LEAST_IPV6_MTU_BYTES:
        return None
    return Bad(
        "GTS052",
        f"IPv6 does not work over a circuit of {mtu_bytes} bytes, because it needs {LEAST_IPV6_MTU_BYTES}",
        f"write at least {LEAST_IPV6_MTU_BYTES}, or emulate it with `--ipv4-only`",
    )


def _true_or_false(value: Value) -> Bad | None:
    try:
        parse_switch(value)
    except ValueError as error:
        return Bad("GTS039", str(error))
    return None


def _flavor(value: Value) -> Bad | None:
    if isinstance(value, str) and (_FLAVOR.fullmatch(value) or value in NAMED_FLAVORS):
        return None
    return Bad("GTS037", f"{describe(value)} is not a flavor", _FLAVOR_FORM)


def _one_of(words: tuple[str, ...]) -> Check:
    def check(value: Value) -> Bad | None:
        if isinstance(value, str) and value in words:
            return None
        return Bad("GTS039", f"{describe(value)} is not one of {', '.join(words)}", None, words)

    return check


def _string(value: Value) -> Bad | None:
    return None if isinstance(value, str) else Bad("GTS039", f"{describe(value)} is not a string")


def _text(value: Value) -> Bad | None:
    """Accept a number too, because the text is for people."""
    single = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return None if single else Bad("GTS039", f"{describe(value)} is not a string")


def _coordinate(value: Value) -> Bad | None:
    if isinstance(value, str):
        good = _DECIMAL.fullmatch(value) is not None
    else:
        good = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return None if good else Bad("GTS039", f"{describe(value)} is not a number")


def _positive(value: Value) -> Bad | None:
    number = value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = Decimal(value)
    if isinstance(number, int | Decimal) and not isinstance(number, bool) and number > 0:
        return None
    return Bad("GTS039", f"{describe(value)} is not a speed: it is a positive number, in GHz", "write `cpuSpeed = 2.5`")


def _controller(value: Value) -> Bad | None:
    values = value if isinstance(value, list) else [value]
    if values and all(isinstance(each, dict) for each in values):
        return None
    return Bad(
        "GTS039", f"{describe(value)} is not a block", 'write `controller { ipv4 = "10.10.10.10"; port = 6633 }`'
    )


_SITE_CODES = tuple(code for known in SITES for code in (known.code, *known.aliases))

_tcp_port = _number_up_to(MAX_TCP_PORT, "a TCP port")

_OF_ANYTHING: Mapping[str, Check] = {"description": _text, "label": _text}

_OF_PLACED: Mapping[str, Check] = {**_OF_ANYTHING, "location": _location, "x": _coordinate, "y": _coordinate}
_OF_TESTBEDS: Mapping[str, Check] = {**_OF_PLACED, "routing": _routing}

_OF_RESOURCES: Mapping[str, Check] = {
    **_OF_PLACED,
    "image": _string,
    "imageId": _string,
    "flavor": _flavor,
    "flavorId": _flavor,
    "cpuSpeed": _positive,
    "bandwidth": _parsed_by(parse_bandwidth, "GTS036"),
    "delay": _parsed_by(parse_duration_us, "GTS038"),
    "jitter": _parsed_by(parse_jitter, "GTS038"),
    "order": _parsed_by(parse_order, "GTS038"),
    "loss": _parsed_by(parse_loss, "GTS038"),
    "corrupt": _parsed_by(parse_share, "GTS038"),
    "duplicate": _parsed_by(parse_share, "GTS038"),
    "reorder": _parsed_by(parse_reorder, "GTS038"),
    "mtu": _mtu,
    "black_hole": _true_or_false,
    "fabricIPv4": _address,
    "fabricSubnetMaskv4": _mask,
    "switchIPv4Addr": _address,
    "switchIPv4Mask": _mask,
    "switchMode": _one_of(SWITCH_MODES),
    "controllerIPv4": _address,
    "controllerPort": _tcp_port,
    "controller": _controller,
    **{name: _stated(name, is_own=True) for name in ATTRIBUTES},
}

_OF_CONTROLLERS: Mapping[str, Check] = {"ipv4": _address, "port": _tcp_port}

_OF_PORTS: Mapping[str, Check] = {
    **_OF_ANYTHING,
    "logicalPort": _number_up_to(MAX_LOGICAL_PORT, "an OpenFlow port"),
    "mode": _one_of(PORT_MODES),
    **{name: _stated(name, is_own=False) for name in ATTRIBUTES},
}
