"""Testbed to a project of the public drag-and-drop editor for GTS; `gtsdsl.inputs.editor_json` reads one."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from gtsdsl.inputs.editor_json import CLASSES, FIELDS, default_type
from gtsdsl.model.testbed import LINK_CLASS, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.targets.editor_needs import defaults_of, ports_count, ports_of, states_controller
from gtsdsl.targets.editor_remarks import remarks
from gtsdsl.targets.gts_json import value_text
from gtsdsl.text import printable

__all__ = ["remarks", "write"]

_GROUPS = {cls: group for group, cls in CLASSES.items()} | {"ofx": "vsi"}

_CELL = 120
"""The width and height of a node's space on the editor's canvas, in pixels."""


def write(testbed: Testbed) -> str:
    """Return a testbed, flattened, as a project of the editor.

    The editor knows hosts, bare-metal servers and ``vsi`` switches, joined by links. ``vsi`` is the later name of
    ``ofx``: an ``ofx`` becomes a ``vsi`` node with the fields of a ``vsi``, and ``dsl_class`` marks it, so that reading
    the project makes an ``ofx`` of it. Attributes without a field of the editor, such as a link's delay, are under
    ``attributes``, which the editor ignores. Fields that the editor needs and the testbed does not state, such as a
    host's image, have default values; ``dsl_defaults`` lists them, so that reading leaves them out unless somebody has
    changed them. A site's code is in lower case, as in the editor's list of sites. The ids of nodes and edges, and the
    positions on the canvas (a cluster for each site), depend only on the testbed.

    Raises:
        ValueError: the format cannot hold the testbed: a resource of another class, a link that does not join two
            resources, an adjacency without a link, or a port that the testbed itself exports.
    """
    from gtsdsl.graph import to_graph

    flat = flatten(testbed)
    graph = to_graph(flat)
    if flat.ports:
        raise ValueError(f"the editor has no exported ports, and the testbed exports `{printable(flat.ports[0].id)}`")
    for name in graph.graph.get("loose_links", ()):
        raise ValueError(f"the editor's links join two resources each, and `{printable(name)}` does not")
    for _, first, second in graph.graph.get("loose_adjacencies", ()):
        ends = f"`{printable(str(PortRef(*first)))}` and `{printable(str(PortRef(*second)))}`"
        raise ValueError(f"the editor joins ports by links, and the testbed joins {ends} by none")
    ends_of = {name: data["ends"] for _, _, name, data in graph.edges(keys=True, data=True)}
    resources = [item for item in flat.resources if isinstance(item, Resource)]
    links = [item for item in resources if item.cls == LINK_CLASS]
    nodes = [item for item in resources if item.cls != LINK_CLASS]
    ids = {item.id: _uuid(flat.id, item.id) for item in resources}
    project: dict[str, Value] = {"dsl_id": flat.id, "dsl_description": flat.description or ""}
    if flat.type != default_type(flat.id):
        project["dsl_type"] = flat.type
    if flat.attributes:
        project["attributes"] = dict(flat.attributes)
    places = _layout(nodes)
    project["nodes"] = [_node(item, ids[item.id], places[item.id]) for item in nodes]
    project["edges"] = [_edge(item, ids, ends_of[item.id]) for item in links]
    return value_text(project, "") + "\n"


def _node(resource: Resource, node_id: str, place: tuple[int, int]) -> dict[str, Value]:
    if resource.cls not in _GROUPS:
        raise ValueError(
            f"the editor has hosts, bare-metal servers and switches, and `{printable(resource.id)}` is of class"
            f" `{printable(resource.cls)}`"
        )
    node: dict[str, Value] = {"id": node_id, "x": place[0], "y": place[1], "label": resource.id}
    node |= {"group": _GROUPS[resource.cls], "dsl_id": resource.id}
    if resource.cls == "ofx":
        node["dsl_class"] = "ofx"
    fields = _fields(resource)
    defaults = defaults_of(resource, fields)
    ports, port_defaults = ports_of(resource)
    node |= {"location": "", **fields, **defaults, "ports": ports}
    if port_defaults:
        defaults["ports"] = port_defaults
    if defaults:
        node["dsl_defaults"] = defaults
    # the rules refuse links from a node to itself, so no radius of such a link is in use
    return node | {"ports_count": ports_count(ports), "selfieRadiuses": []}


def _edge(link: Resource, ids: Mapping[str, str], ends: Mapping[str, Mapping[str, str]]) -> dict[str, Value]:
    # a link's ports are `src` and `dst`, in this order, unless it declares others
    order = ["src", "dst"] if ends.keys() == {"src", "dst"} else list(ends)
    start, end = ends[order[0]], ends[order[1]]
    edge: dict[str, Value] = {"id": ids[link.id], "from": ids[start["node"]], "to": ids[end["node"]], "name": link.id}
    edge |= {"from_port": start["port"], "to_port": end["port"], "selfie": False}
    edge |= _fields(link)
    if link.ports != (Port("src"), Port("dst")):
        ports = {port.id: dict(port.attributes) for port in link.ports}
        edge["ports"] = {name: ports[name] for name in [*order, *ports]}
    return edge


def _fields(resource: Resource) -> dict[str, Value]:
    """Return a resource's location and attributes as the editor's fields; ``attributes`` has those without a field."""
    fields: dict[str, Value] = {}
    others: dict[str, Value] = {}
    if resource.location is not None:
        code = resource.location
        fields["location"] = code.lower() if len(code) == 3 and code.isascii() else code
    for name, value in resource.attributes.items():
        field = FIELDS[resource.cls].get(name, ())
        if not field or not _fits(field, value) or (field[0] == "controller" and not states_controller(resource)):
            others[name] = value
        elif len(field) == 1:
            fields[field[0]] = value
        else:
            cast(dict[str, Value], fields.setdefault(field[0], {}))[field[1]] = value
    if others:
        fields["attributes"] = others
    return fields


def _fits(field: tuple[str, ...], value: Value) -> bool:
    """Return whether a field of the editor can hold a value, and reading the project would keep it."""
    if field == ("controller",):
        return isinstance(value, dict) and None not in value.values() and "" not in value.values()
    if field[-1] in {"bandwidth", "port"} and isinstance(value, int | Decimal):
        return not isinstance(value, bool)
    return isinstance(value, str) and value != ""


def _uuid(testbed: str, resource: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([testbed, resource])))


def _layout(nodes: list[Resource]) -> dict[str, tuple[int, int]]:
    """Return the position of each node in pixels: the sites on a circle, the nodes of a site in a square."""
    sites: dict[str, list[str]] = {}
    for node in nodes:
        sites.setdefault((node.location or "").upper(), []).append(node.id)
    side = math.ceil(math.sqrt(max(map(len, sites.values()), default=1)))
    # large enough that the squares of adjacent sites do not overlap at any angle
    radius = (side + 1) * _CELL / math.sqrt(2) / math.sin(math.pi / len(sites)) if len(sites) > 1 else 0.0
    places = {}
    for number, names in enumerate(sites.values()):
        angle = 2 * math.pi * number / len(sites)
        left = round(radius * math.cos(angle)) - (side - 1) * _CELL // 2
        top = round(radius * math.sin(angle)) - (side - 1) * _CELL // 2
        for index, name in enumerate(names):
            places[name] = left + index % side * _CELL, top + index // side * _CELL
    return places
