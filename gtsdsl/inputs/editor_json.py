"""A project of the public drag-and-drop editor for GTS to a testbed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NotRequired, TypedDict, cast

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.inputs.json_schema import EDITOR_JSON, violations
from gtsdsl.model.references import is_name
from gtsdsl.model.testbed import LINK_CLASS, SWITCH_CLASSES, Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import JsonPath, Location, Source
from gtsdsl.syntax.nodes import Literal
from gtsdsl.syntax.strings import EscapeError, read_string
from gtsdsl.text import printable

CLASSES = {"host": "host", "bms": "baremetalserver", "vsi": "vsi"}
"""The DSL's class of a node, by the node's group."""

FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "host": {"imageId": ("image",), "flavorId": ("flavor",)},
    "baremetalserver": {"image": ("image",)},
    "vsi": {
        "switchIPv4Addr": ("switchIPv4Addr",),
        "switchIPv4Mask": ("switchIPv4Mask",),
        "switchMode": ("switchMode",),
        "controller": ("controller",),
    },
    "ofx": {
        "fabricIPv4": ("switchIPv4Addr",),
        "fabricSubnetMaskv4": ("switchIPv4Mask",),
        "controllerIPv4": ("controller", "ipv4"),
        "controllerPort": ("controller", "port"),
    },
    LINK_CLASS: {"bandwidth": ("bandwidth",)},
}
"""The editor's field of an attribute, by the resource's class: a field, or a field inside a field."""

_IN_QUOTES = re.compile(r"""(["'])(?:(?!\1)[^\\]|\\.)*\1""", re.DOTALL)

_LINK_PORTS: dict[str, Value] = {"src": "src", "dst": "dst"}


class _NodeJson(TypedDict):
    id: str
    group: str
    dsl_id: str
    dsl_class: NotRequired[str]
    dsl_defaults: NotRequired[dict[str, Value]]


_Wires = TypedDict("_Wires", {"from": str, "to": str})  # a key that is a keyword of Python


class _EdgeJson(_Wires):
    from_port: str
    to_port: str
    name: NotRequired[str | None]
    ports: NotRequired[dict[str, Value]]


class _ProjectJson(TypedDict):
    dsl_id: str
    dsl_description: NotRequired[str | None]
    dsl_type: NotRequired[str]
    attributes: NotRequired[dict[str, Value]]
    nodes: list[_NodeJson]
    edges: list[_EdgeJson]


def default_type(testbed: str) -> str:
    """Return the type of a testbed with this id, because a project states no type unless it differs from this one."""
    return testbed if is_name(testbed) else "Testbed"


def read(document: Value, source: Source) -> tuple[Testbed | None, tuple[Diagnostic, ...]]:
    """Return the testbed of a project, None if the document is not a project, and the findings.

    Nodes become resources. Edges become links, each with a ``src`` at its ``from`` and a ``dst`` at its ``to``. An edge
    without a name becomes ``l1``, ``l2`` …. Empty fields count as missing. So do the fields that gtsdsl itself made up
    when it wrote the project (``dsl_defaults``), unless somebody has changed them since. The testbed's type is its id
    if that can be the name of a type, else ``Testbed``. ``source`` is the text of the document.
    """
    found = tuple(violations(document, EDITOR_JSON, source))
    if found:
        return None, found
    project = cast(_ProjectJson, document)
    found = tuple(_bad_ids(project, source))
    if found:
        return None, found
    nodes, edges = project["nodes"], project["edges"]
    resources = [
        _resource(
            node.get("dsl_class", CLASSES[node["group"]]), node["dsl_id"], cast(dict[str, Value], node),
            ("nodes", index), "dsl_id",
        )
        for index, node in enumerate(nodes)
    ]  # fmt: skip
    ids = {node["id"]: node["dsl_id"] for node in nodes}
    adjacencies: list[Adjacency] = []
    for index, (edge, name) in enumerate(zip(edges, _link_names(project), strict=True)):
        path = ("edges", index)
        members: dict[str, Value] = {**cast(dict[str, Value], edge), "ports": {**edge.get("ports", _LINK_PORTS)}}
        link = _resource(LINK_CLASS, name, members, path, "name")
        resources.append(link)
        first, second = link.ports[0].id, link.ports[1].id
        start, end = PortRef(ids[edge["from"]], edge["from_port"]), PortRef(ids[edge["to"]], edge["to_port"])
        adjacencies.append(Adjacency(start, PortRef(name, first), path, (*path, "from_port"), path))
        adjacencies.append(Adjacency(end, PortRef(name, second), path, (*path, "to_port"), path))
    attributes = project.get("attributes", {})
    places: dict[str, Location] = {name: ("attributes", name) for name in attributes}
    testbed = Testbed(
        type=project.get("dsl_type", default_type(project["dsl_id"])),
        id=project["dsl_id"],
        description=project.get("dsl_description") or None,
        attributes=attributes,
        resources=tuple(resources),
        adjacencies=tuple(adjacencies),
        place=("dsl_id",),
        attribute_places=places | {"description": ("dsl_description",)},
    )
    return testbed, ()


def _bad_ids(project: _ProjectJson, source: Source) -> Iterator[Diagnostic]:
    """Yield findings that a JSON Schema cannot make: two nodes with one id, and edges to missing nodes."""
    seen: dict[str, JsonPath] = {}
    for index, node in enumerate(project["nodes"]):
        place: JsonPath = ("nodes", index, "id")
        if node["id"] in seen:
            notes = (Note("the first one is here", seen[node["id"]]),)
            yield Diagnostic("GTS006", f"two nodes have the id `{printable(node['id'])}`", source, place, notes)
        seen.setdefault(node["id"], place)
    for index, edge in enumerate(project["edges"]):
        for end, node_id in (("from", edge["from"]), ("to", edge["to"])):
            if node_id not in seen:
                yield Diagnostic("GTS006", f"no node has the id `{printable(node_id)}`", source, ("edges", index, end))


def _link_names(project: _ProjectJson) -> list[str]:
    taken = {*(node["dsl_id"] for node in project["nodes"]), *(edge.get("name") for edge in project["edges"])}
    new_names = (f"l{number}" for number in count(1) if f"l{number}" not in taken)
    return [edge.get("name") or next(new_names) for edge in project["edges"]]


def _resource(cls: str, name: str, members: dict[str, Value], path: JsonPath, id_key: str) -> Resource:
    attributes: dict[str, Value] = {}
    places: dict[str, Location] = {"location": (*path, "location")}
    others = {**cast(dict[str, Value], members.get("attributes", {}))}
    defaults = cast(dict[str, Value], members.get("dsl_defaults", {}))
    for attribute, field in FIELDS[cls].items():
        if field[0] in defaults:
            if members.get(field[0]) == defaults[field[0]]:
                continue
            others.pop(attribute, None)  # the field is newer, because somebody changed it in the editor
        value: Value = members
        for key in field:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if item not in (None, "")} or None
        if value not in (None, ""):
            attributes[attribute] = value
            places[attribute] = (*path, *field)
    places |= {attribute: (*path, "attributes", attribute) for attribute in others}
    port_defaults = defaults.get("ports")
    ports = tuple(
        _port(cls, port, value, port_defaults.get(port) if isinstance(port_defaults, dict) else None, path)
        for port, value in cast(dict[str, Value], members.get("ports", {})).items()
    )
    location = cast(str | None, members.get("location")) or None
    return Resource(cls, name, location, {**attributes, **others}, ports, (*path, id_key), places)


def _port(cls: str, port: str, value: Value, defaults: Value, path: JsonPath) -> Port:
    place = (*path, "ports", port)
    if not isinstance(value, dict):
        return Port(port, {}, place)
    unstated = defaults if isinstance(defaults, dict) else {}
    attributes: Mapping[str, Value] = {key: item for key, item in value.items() if unstated.get(key, ...) != item}
    if cls in SWITCH_CLASSES:
        attributes = {key: _unquoted(value) for key, value in attributes.items()}
    return Port(port, attributes, place, {attribute: (*place, attribute) for attribute in attributes})


def _unquoted(value: Value) -> Value:
    """Return the value of a switch's port attribute without the quotes that a string has in a project.

    The editor pastes such a value into its DSL as it is, so a string includes its quotes.
    """
    if not isinstance(value, str) or not _IN_QUOTES.fullmatch(value):
        return value
    try:
        node = read_string(value, 0, lambda _start, _end: None)
    except EscapeError:
        return value
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else value
