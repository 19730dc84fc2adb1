"""Rules about names: unknown classes (GTS031) and unknown attributes (GTS030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.rules.index import IdScope, Index, place_of, shown
from gtsdsl.rules.values import blocks
from gtsdsl.text import printable


def check_attributes(index: Index) -> Iterator[Diagnostic]:
    """Yield all findings about the names of classes and attributes."""
    for scope in index.scopes:
        testbed = scope.testbed
        yield from _unknown_classes(index, scope)
        # a misspelt parameter is an attribute too: let the hint name both
        known = {**TESTBED_ATTRIBUTES, **dict.fromkeys(testbed.parameters, "")} if testbed.attributes else {}
        yield from _unknown(index, testbed, testbed.attributes, known, f"testbed {printable(testbed.type)}")
        for port in testbed.ports:
            yield from _unknown(index, port, port.attributes, PORT_ATTRIBUTES, "port")
        for resource in testbed.resources:
            if isinstance(resource, Resource) and resource.cls in CLASSES:
                spec = CLASSES[resource.cls]
                if resource.location is not None and "location" not in spec.attributes:
                    yield from _unknown(index, resource, {"location": resource.location}, spec.attributes, spec.name)
                if resource.attributes:
                    yield from _unknown(index, resource, resource.attributes, spec.attributes, spec.name)
                    for block, prefix in blocks(resource.attributes.get("controller"), "controller"):
                        yield from _unknown(index, resource, block, CONTROLLER_ATTRIBUTES, "controller", prefix=prefix)
                for port in resource.ports:
                    if port.attributes:
                        yield from _unknown(index, port, port.attributes, PORT_ATTRIBUTES, "port")


def _unknown(
    index: Index,
    item: Testbed | Resource | Port,
    attributes: Mapping[str, Value],
    known: Mapping[str, str],
    owner: str,
    *,
    prefix: str = "",
) -> Iterator[Diagnostic]:
    if attributes.keys() <= known.keys():
        return
    for name in attributes:
        if name not in known:
            place = place_of(item, prefix + name)
            yield index.finding(
                "GTS030", f"{owner} has no attribute {shown(name)}", place, hint=index.near(name, known)
            )


def _unknown_classes(index: Index, scope: IdScope) -> Iterator[Diagnostic]:
    resources = [item for item in scope.testbed.resources if isinstance(item, Resource) and item.cls not in CLASSES]
    numbers = Counter(resource.cls for resource in resources)
    firsts = {resource.cls: resource for resource in reversed(resources)}
    for name, number in numbers.items():
        many = f" (of {number:,} resources)" if number > 1 else ""
        yield index.finding(
            "GTS031",
            f"class {shown(name)}{many} is unknown; gtsdsl keeps it as it is",
            firsts[name].place,
            hint=index.near(name, CLASSES),
        )
