"""Checks of one value each, and the check of each attribute of a testbed, a resource, a controller and a port."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from gtsdsl.circuits import SITES, site
from gtsdsl.model.jitter import parse_jitter, parse_order
from gtsdsl.model.losses import parse_loss
from gtsdsl.model.routing import parse_routing
from gtsdsl.model.shares import parse_reorder, parse_share
from gtsdsl.model.units import (
    LEAST_IPV6_MTU_BYTES,
    each_direction,
    parse_bandwidth,
    parse_duration_us,
    parse_mtu_bytes,
    parse_switch,
)
from gtsdsl.model.values import Value, describe
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
    return _parsed_by(lambda value: parse_stated(attribute, value, is_own=is_own), "GTS033")


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


def whole(value: Value) -> int | None:
    """Return a whole number, also from its digits in a string; None for any other value."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number_up_to(maximum: int, what: str) -> Check:
    def check(value: Value) -> Bad | None:
        number = whole(value)
        if number is not None and 1 <= number <= maximum:
            return None
        return Bad("GTS035", f"{describe(value)} is not {what}; it is a whole number from 1 to {maximum}")

    return check


def _parsed_by(parse: Callable[[Value], object], code: str) -> Check:
    def check(value: Value) -> Bad | None:
        try:
            parse(value)
        except ValueError as error:
            return Bad(code, str(error))
        return None

    return check


def _directions_by(parse: Callable[[Value], object], code: str) -> Check:
    return _parsed_by(lambda value: each_direction(parse, value), code)


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


def text(value: Value) -> Bad | None:
    """Refuse what is neither a string nor a number, because the text is for people."""
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

_OF_ANYTHING: Mapping[str, Check] = {"description": text, "label": text}

_OF_PLACED: Mapping[str, Check] = {**_OF_ANYTHING, "location": _location, "x": _coordinate, "y": _coordinate}
OF_TESTBEDS: Mapping[str, Check] = {**_OF_PLACED, "routing": _parsed_by(parse_routing, "GTS039")}

OF_RESOURCES: Mapping[str, Check] = {
    **_OF_PLACED,
    "image": _string,
    "imageId": _string,
    "flavor": _flavor,
    "flavorId": _flavor,
    "cpuSpeed": _positive,
    "bandwidth": _directions_by(parse_bandwidth, "GTS036"),
    "delay": _directions_by(parse_duration_us, "GTS038"),
    "jitter": _directions_by(parse_jitter, "GTS038"),
    "order": _directions_by(parse_order, "GTS038"),
    "loss": _directions_by(parse_loss, "GTS038"),
    "corrupt": _directions_by(parse_share, "GTS038"),
    "duplicate": _directions_by(parse_share, "GTS038"),
    "reorder": _directions_by(parse_reorder, "GTS038"),
    "mtu": _mtu,
    "black_hole": _parsed_by(parse_switch, "GTS039"),
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

OF_CONTROLLERS: Mapping[str, Check] = {"ipv4": _address, "port": _tcp_port}

OF_PORTS: Mapping[str, Check] = {
    **_OF_ANYTHING,
    "logicalPort": _number_up_to(MAX_LOGICAL_PORT, "an OpenFlow port"),
    "mode": _one_of(PORT_MODES),
    **{name: _stated(name, is_own=False) for name in ATTRIBUTES},
}
