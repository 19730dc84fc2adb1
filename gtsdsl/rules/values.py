"""Rules about values: sites, addresses, rates, flavors, delays … (GTS032 to GTS039, GTS045, GTS047, GTS051, GTS052)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.classes import CLASSES
from gtsdsl.model.testbed import SWITCH_CLASSES, Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.rules.effects import check_effects
from gtsdsl.rules.index import Index, place_of, shown
from gtsdsl.rules.value_checks import OF_CONTROLLERS, OF_PORTS, OF_RESOURCES, OF_TESTBEDS, Bad, Check, text, whole

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
        yield from _each(index, testbed, testbed.attributes, OF_TESTBEDS)
        for port in testbed.ports:
            yield from _each(index, port, port.attributes, OF_PORTS)
        for resource in testbed.resources:
            if isinstance(resource, Testbed) or resource.cls not in CLASSES:
                continue
            if resource.location is not None:
                yield from _each(index, resource, {"location": resource.location}, OF_RESOURCES)
            if resource.attributes:
                yield from _each(index, resource, resource.attributes, OF_RESOURCES)
            if resource.cls == "link" and resource.attributes:
                yield from check_effects(index, resource)
            if "controller" in resource.attributes:
                for block, prefix in blocks(resource.attributes.get("controller"), "controller"):
                    yield from _each(index, resource, block, OF_CONTROLLERS, prefix)
            for port in resource.ports:
                if port.attributes:
                    yield from _each(index, port, port.attributes, OF_PORTS)
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
        if value == _UNDEFINED and check is not None and check is not text:
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
        number = whole(port.attributes.get("logicalPort"))
        if number is not None and (before := first.setdefault(str(number), port)) is not port:
            yield index.finding(
                "GTS035",
                f"ports {shown(before.id)} and {shown(port.id)} of {switch.cls} {shown(switch.id)} have the same "
                f"`logicalPort`, {number}",
                place_of(port, "logicalPort"),
                note=("the first one is here", place_of(before, "logicalPort")),
            )
