"""From a room to the resources that adjacencies in it can name, and which of their ports are free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.symbols import Kind, Room
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.testbed import Resource, Testbed


@dataclass(frozen=True, slots=True)
class End:
    """A resource as an adjacency sees it. ``ports`` says of each port whether it is free; ``id`` is empty for the
    ports of the testbed itself."""

    id: str
    cls: str
    location: str | None
    ports: dict[str, bool]


def ends_at(analysis: Analysis, offset: int) -> Iterator[End]:
    """The resources that an adjacency at an offset can name. Ports that it itself names there are free."""
    room = analysis.index.room_at(offset)
    testbed = analysis.testbeds.get(room.type.name) if room.type is not None else None
    if testbed is None:
        yield from _from_text(room)
        return
    used = {
        ref
        for adjacency in testbed.adjacencies
        if not (isinstance(adjacency.place, Span) and adjacency.place.start <= offset <= adjacency.place.end)
        for ref in (adjacency.first, adjacency.second)
    }
    if testbed.ports:
        yield End("", testbed.type, None, {port.id: ("", port.id) not in used for port in testbed.ports})
    seen: set[str] = set()
    for resource in testbed.resources:
        if resource.id and resource.id not in seen:
            seen.add(resource.id)
            ports = {port.id: (resource.id, port.id) not in used for port in resource.ports}
            cls, location = _about(resource)
            yield End(resource.id, cls, location, ports)
    yield from (end for end in _from_text(room) if end.id and end.id not in seen)


def _about(resource: Resource | Testbed) -> tuple[str, str | None]:
    return (resource.type, None) if isinstance(resource, Testbed) else (resource.cls, resource.location)


def _from_text(room: Room) -> Iterator[End]:
    """The same where nothing is known of what comes out."""
    ports: dict[str, dict[str, bool]] = {id_: {} for id_ in room.resources}
    for id_, port in room.ports:
        ports.setdefault(id_, {})[port] = True
    for id_, its_ports in ports.items():
        symbol = room.resources.get(id_)
        node = symbol.node if symbol is not None and symbol.kind is Kind.RESOURCE else None
        yield End(id_, node.name.id if isinstance(node, nodes.Block) else "", None, its_ports)
