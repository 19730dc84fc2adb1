"""Testbeds in a line or two, and what the rules say of them."""

from __future__ import annotations

from itertools import count
from typing import TypeAlias

from gtsdsl.diagnostics import Diagnostic, Findings
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.rules import apply
from gtsdsl.source import Source, Span

Item: TypeAlias = Resource | Testbed | str
"""A resource, a nested testbed, or an adjacency such as ``"h1.p, l.src"``."""

_numbers = count()


def place() -> Span:
    """Return a location that nothing else has."""
    number = next(_numbers)
    return Span(number, number + 1)


def port(id: str, **attributes: Value) -> Port:
    return Port(id, attributes, place(), {name: place() for name in attributes})


def resource(cls: str, id: str, *ports: str | Port, location: str | None = None, **attributes: Value) -> Resource:
    places = {name: place() for name in ("location", *attributes)}
    made = tuple(each if isinstance(each, Port) else port(each) for each in ports)
    return Resource(cls, id, location, attributes, made, place(), places)


def host(id: str, *ports: str | Port, location: str | None = "AMS", **attributes: Value) -> Resource:
    return resource("host", id, *(ports or ("p", "q")), location=location, **attributes)


def link(id: str, *ports: str, location: str | None = None, **attributes: Value) -> Resource:
    return resource("link", id, *(ports or ("src", "dst")), location=location, **attributes)


def vsi(id: str, *ports: str | Port, location: str | None = "AMS", **attributes: Value) -> Resource:
    return resource("vsi", id, *ports, location=location, **attributes)


def ofx(id: str, *ports: str | Port, location: str | None = "AMS", **attributes: Value) -> Resource:
    return resource("ofx", id, *ports, location=location, **attributes)


def bed(*items: Item, id: str = "bed", ports: tuple[str, ...] = (), **attributes: Value) -> Testbed:
    """Return a testbed of resources, nested testbeds and adjacencies; ``ports`` are its exported ports."""
    return Testbed(
        type=id.capitalize(),
        id=id,
        attributes=attributes,
        ports=tuple(port(each) for each in ports),
        resources=tuple(item for item in items if not isinstance(item, str)),
        adjacencies=tuple(_adjacency(item) for item in items if isinstance(item, str)),
        place=place(),
        attribute_places={name: place() for name in attributes},
    )


def _adjacency(text: str) -> Adjacency:
    first, second = (each.strip() for each in text.split(","))
    return Adjacency(_ref(first), _ref(second), place(), place(), place())


def _ref(text: str) -> PortRef:
    resource_id, dot, port_id = text.partition(".")
    return PortRef(resource_id, port_id) if dot else PortRef("", text)


def findings(testbed: Testbed) -> Findings:
    return Findings.of(apply(testbed, Source("bed.dsl", "")))


def codes(testbed: Testbed) -> list[str]:
    return sorted(finding.code for finding in findings(testbed))


def only(testbed: Testbed) -> Diagnostic:
    """Return the only finding of a testbed."""
    found = findings(testbed)
    assert len(found) == 1, found
    return found[0]


PAIR: tuple[Item, ...] = (host("h1"), host("h2"), link("l"), "h1.p, l.src", "h2.p, l.dst")
"""Two hosts and a link between them; their ports ``q`` are free."""


def item(cls: str, name: str, value: Value) -> Resource:
    return Resource(cls, "x", attributes={name: value})


def judged(cls: str, name: str, value: Value) -> list[str]:
    """Return the codes of the findings about a value, without those about the topology and links."""
    found = codes(bed(item(cls, name, value)))
    return [code for code in found if "GTS030" <= code < "GTS040" or code in {"GTS051", "GTS052"}]
