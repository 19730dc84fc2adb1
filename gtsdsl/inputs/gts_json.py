"""GTS JSON to a testbed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NotRequired, TypedDict, cast

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.inputs.json_schema import GTS_JSON, violations
from gtsdsl.model.nested import nested_types
from gtsdsl.model.references import split_reference
from gtsdsl.model.testbed import NO_PLACES, NOTHING, TESTBED_CLASS, Adjacency, Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import JsonPath, Location, Source
from gtsdsl.text import printable


class _ResourceJson(TypedDict("_Class", {"class": str})):  # a key that is a keyword of Python
    """A resource as the schema describes it. Only a nested testbed has the members after ``ports``."""

    id: str
    location: NotRequired[str]
    attributes: NotRequired[dict[str, Value]]
    ports: NotRequired[list[dict[str, Value]]]
    type: NotRequired[str]
    description: NotRequired[str]
    parameters: NotRequired[dict[str, Value]]
    resources: NotRequired[list[_ResourceJson]]
    adjacencies: NotRequired[list[tuple[str, str]]]


def read(document: Value, source: Source) -> tuple[Testbed | None, tuple[Diagnostic, ...]]:
    """Return the testbed of a GTS JSON document, None if the document is not GTS JSON, and the findings.

    Nested testbeds that contradict each other are findings, but the testbed is returned. ``source`` is the text of the
    document.
    """
    found = tuple(violations(document, GTS_JSON, source))
    if found:
        return None, found
    testbed = _read_testbed(cast(_ResourceJson, document), ())
    return testbed, tuple(_contradictions(testbed, source))


def _contradictions(testbed: Testbed, source: Source) -> Iterator[Diagnostic]:
    for contradiction in nested_types(testbed).contradictions:
        element, other = contradiction.element, contradiction.other
        note = (Note(f"`{printable(other.id)}` is here", other.place),) if other and other.place is not None else ()
        yield Diagnostic("GTS044", f"`{printable(element.id)}` {contradiction.message}", source, element.place, note)


def _read_testbed(found: _ResourceJson, path: JsonPath) -> Testbed:
    ports = _read_ports(found.get("ports", []), path)
    resources = tuple(
        _read_testbed(item, (*path, "resources", index))
        if item["class"] == TESTBED_CLASS
        else _read_resource(item, (*path, "resources", index))
        for index, item in enumerate(found.get("resources", []))
    )
    ports_of: dict[str, set[str]] = {}
    for resource in resources:
        ports_of.setdefault(resource.id, set()).update(port.id for port in resource.ports)
    own_ports = {port.id for port in ports}
    adjacencies = tuple(
        Adjacency(
            split_reference(first, ports_of, own_ports),
            split_reference(second, ports_of, own_ports),
            (*path, "adjacencies", index),
            (*path, "adjacencies", index, 0),
            (*path, "adjacencies", index, 1),
        )
        for index, (first, second) in enumerate(found.get("adjacencies", []))
    )
    attributes = found.get("attributes", NOTHING)
    places = {
        **_attribute_places(found.get("parameters", NOTHING), (*path, "parameters")),
        **_attribute_places(attributes, (*path, "attributes")),
    }
    if "description" in found:
        places["description"] = (*path, "description")
    return Testbed(
        type=found.get("type", ""),
        id=found["id"],
        description=found.get("description"),
        parameters=found.get("parameters", NOTHING),
        attributes=attributes,
        ports=ports,
        resources=resources,
        adjacencies=adjacencies,
        place=(*path, "id"),
        attribute_places=places,
    )


def _read_resource(found: _ResourceJson, path: JsonPath) -> Resource:
    attributes = found.get("attributes", NOTHING)
    places = _attribute_places(attributes, (*path, "attributes"))
    location = found.get("location")
    if location is not None:
        places = {"location": (*path, "location"), **places}
    ports = _read_ports(found.get("ports", []), path)
    return Resource(found["class"], found["id"], location, attributes, ports, (*path, "id"), places)


def _read_ports(found: list[dict[str, Value]], path: JsonPath) -> tuple[Port, ...]:
    ports = []
    for index, members in enumerate(found):
        attributes = {name: value for name, value in members.items() if name != "id"} if len(members) > 1 else NOTHING
        places = _attribute_places(attributes, (*path, "ports", index))
        ports.append(Port(cast(str, members["id"]), attributes, (*path, "ports", index, "id"), places))
    return tuple(ports)


def _attribute_places(attributes: Mapping[str, Value], path: JsonPath) -> Mapping[str, Location]:
    return {name: (*path, name) for name in attributes} if attributes else NO_PLACES
