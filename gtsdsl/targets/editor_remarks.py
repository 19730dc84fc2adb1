"""Warnings about parts of a testbed that the public editor refuses, changes or leaves out of its DSL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gtsdsl.inputs.editor_json import FIELDS
from gtsdsl.model.references import is_name
from gtsdsl.model.testbed import LINK_CLASS, Resource, Testbed, flatten
from gtsdsl.source import Location
from gtsdsl.targets.editor_needs import CONTROLLER, CONTROLLER_PORT
from gtsdsl.targets.remark import Remark, ids_of, listed
from gtsdsl.topology.controllers import controllers

_EDITORS_ID = re.compile(r"[A-Za-z$][A-Za-z0-9]*")
_EDITORS_ID_RULE = "use a letter, and then letters and digits"
_NOT_ESCAPED = re.compile(r'["\\$<&\x00-\x1f]')


def remarks(testbed: Testbed) -> Iterator[Remark]:
    """Yield the warnings about a testbed as a project of the editor: one for each kind, not one for each resource."""
    flat = flatten(testbed)
    resources = [item for item in flat.resources if isinstance(item, Resource)]
    nodes = [item for item in resources if item.cls != LINK_CLASS]
    yield from _ids(flat, nodes, resources)
    yield from _texts(flat, resources)
    if renamed := [node for node in nodes if node.cls == "ofx"]:
        yield Remark(
            f"the editor has no class `ofx`: its DSL makes a `vsi` of {ids_of(renamed)}",
            renamed[0].place,
            "gtsdsl reads the project with the `ofx` in it",
        )
    if uncontrolled := [node for node in nodes if node.is_switch and not controllers(node)]:
        yield Remark(
            f"the editor needs a controller for each switch: the project makes up {CONTROLLER}:{CONTROLLER_PORT} for "
            f"{ids_of(uncontrolled)}",
            uncontrolled[0].place,
            "state a controller, and a port of mode CONTROL that leads to it",
        )
    if nowhere := [node for node in nodes if node.location is None]:
        yield Remark(
            f"the editor needs a location for each node: its DSL has an empty one for {ids_of(nowhere)}",
            nowhere[0].place,
            'state one, such as `location = "AMS"`',
        )
    yield from _left_out(flat, resources)


def _ids(flat: Testbed, nodes: list[Resource], resources: list[Resource]) -> Iterator[Remark]:
    if not _EDITORS_ID.fullmatch(flat.id):
        yield Remark(
            f"the editor refuses to show the DSL of a testbed with the id {listed([flat.id])}",
            flat.place,
            _EDITORS_ID_RULE,
        )
    named: dict[str, Location | None] = {resource.id: resource.place for resource in resources}
    for node in nodes:
        named.update((port.id, port.place) for port in node.ports)
    if bad := [name for name in named if not is_name(name)]:
        yield Remark(
            f"the editor writes references without quotes, and its DSL is wrong where an id is no name: {listed(bad)}",
            named[bad[0]],
            "use letters, digits and `_`, and no digit first; ids in nested testbeds have a `/`",
        )
    if refused := [node for node in nodes if is_name(node.id) and not _EDITORS_ID.fullmatch(node.id)]:
        yield Remark(
            f"the editor refuses changes to a node with such an id: {ids_of(refused)}",
            refused[0].place,
            _EDITORS_ID_RULE,
        )


def _texts(flat: Testbed, resources: list[Resource]) -> Iterator[Remark]:
    places: dict[str, Location | None] = {}
    if _NOT_ESCAPED.search(flat.description or ""):
        places["description"] = flat.attribute_places.get("description", flat.place)
    for resource in resources:
        texts = {"location": resource.location, **resource.attributes}
        for name in ("location", *FIELDS.get(resource.cls, ())):
            value = texts.get(name)
            if isinstance(value, str) and _NOT_ESCAPED.search(value):
                places.setdefault(name, resource.attribute_places.get(name, resource.place))
    if places:
        yield Remark(
            f"the editor pastes texts into its page and its DSL as they stand: {listed(list(places))}",
            next(iter(places.values())),
            'leave out `"`, `\\`, `$`, `<`, `&` and line breaks',
        )


def _left_out(flat: Testbed, resources: list[Resource]) -> Iterator[Remark]:
    places = {name: flat.attribute_places.get(name, flat.place) for name in flat.attributes}
    for resource in resources:
        for name in resource.attributes:
            if name not in FIELDS.get(resource.cls, ()):
                places.setdefault(name, resource.attribute_places.get(name, resource.place))
    if places:
        yield Remark(
            f"the editor's DSL leaves out {listed(list(places))}, because the editor has no such field",
            next(iter(places.values())),
            "the project keeps all attributes, and gtsdsl reads them from there",
        )
