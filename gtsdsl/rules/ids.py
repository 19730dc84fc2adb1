"""Rules about ids: missing ones (GTS021), duplicates (GTS020), and ids that are hard to refer to (GTS028)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.rules.index import IdScope, Index, shown
from gtsdsl.source import Location
from gtsdsl.text import printable

MAX_ID_LENGTH = 255
"""The most characters of an id without a warning, as of a file's name on Linux."""

_USUAL = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ID_LENGTH}}}")
_USUAL_SENTENCE = "use letters, digits, `_` and `-`"


def check_ids(index: Index) -> Iterator[Diagnostic]:
    """Yield all findings about the ids of resources, ports and testbeds."""
    for scope in index.scopes:
        testbed = scope.testbed
        yield from _resources(index, scope)
        yield from _ports(index, testbed)
        for resource in testbed.resources:
            if isinstance(resource, Resource):
                yield from _ports(index, resource)
    yield from _unusual(index)


def _named(item: Resource | Testbed) -> str:
    kind = "testbed" if isinstance(item, Testbed) else item.cls
    return f"{printable(kind)} {shown(item.id)}" if item.id else f"a {printable(kind)} without an id"


def _resources(index: Index, scope: IdScope) -> Iterator[Diagnostic]:
    resources = scope.testbed.resources
    if len(scope.named) == len(resources):  # no id is empty or a duplicate
        return
    for item in resources:
        if not item.id:
            kind = item.type if isinstance(item, Testbed) else item.cls
            message = f"{printable(kind)} has no id"
            yield index.finding("GTS021", message, item.place, hint='give it one: `id = "…"`')
        elif (first := scope.named[item.id]) is not item:
            yield index.finding(
                "GTS020",
                f"id {shown(item.id)} is used by two resources of testbed {shown(scope.testbed.id)}",
                item.place,
                note=(f"{_named(first)} is here", first.place),
            )


def _ports(index: Index, item: Resource | Testbed) -> Iterator[Diagnostic]:
    ids = {port.id for port in item.ports}
    if len(ids) == len(item.ports) and "" not in ids:
        return
    owner = _named(item)
    first_places: dict[str, Location | None] = {}
    for port in item.ports:
        if not port.id:
            yield index.finding("GTS021", f"a port of {owner} has no id", port.place, hint='give it one: `id = "…"`')
        elif port.id in first_places:
            yield index.finding(
                "GTS020",
                f"port {shown(port.id)} is declared twice in {owner}",
                port.place,
                note=("the first one is here", first_places[port.id]),
            )
        else:
            first_places[port.id] = port.place


def _unusual(index: Index) -> Iterator[Diagnostic]:
    # a mesh has a hundred thousand ports with few different ids: examine each different id once
    ids = {id for scope in index.scopes for id, _ in _ids(scope.testbed)}
    unusual = {id: reason for id in ids if (reason := _reason(id))}
    if unusual:
        for scope in index.scopes:
            for id, place in _ids(scope.testbed):
                if id in unusual:
                    yield index.finding("GTS028", f"id {shown(id)} {unusual[id]}", place, hint=_USUAL_SENTENCE)
    root = index.scopes[0].testbed
    # no reference names the root, so its id may be a title with spaces and full stops; it only has to be readable
    if len(root.id) > MAX_ID_LENGTH or printable(root.id, MAX_ID_LENGTH) != root.id:
        yield index.finding("GTS028", f"id {shown(root.id)} {_reason(root.id)}", root.place)


def _ids(testbed: Testbed) -> Iterable[tuple[str, Location | None]]:
    for port in testbed.ports:
        yield port.id, port.place
    for item in testbed.resources:
        yield item.id, item.place
        if isinstance(item, Resource):
            for port in item.ports:
                yield port.id, port.place


def _reason(id: str) -> str | None:
    """Return the predicate of a message that says why an id is unusual; None for a usual id."""
    if not id or _USUAL.fullmatch(id):
        return None
    if len(id) > MAX_ID_LENGTH:
        return f"has {len(id):,} characters, more than {MAX_ID_LENGTH}"
    if "." in id or "/" in id:
        return "contains a `.` or `/`, which separate the parts of a reference"
    odd = next(character for character in id if not _USUAL.fullmatch(character))
    return f"contains an unusual character ({printable(odd) if odd != ' ' else 'a space'})"
