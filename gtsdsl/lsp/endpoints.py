"""From a room to the resources that adjacencies in it can name, and which of their ports are free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.symbols import IdScope, Kind
from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A resource as an adjacency sees it. ``ports`` says of each port whether it is free; ``id`` is empty for the
    ports of the testbed itself."""

    id: str
    cls: str
    location: str | None
    ports: dict[str, bool]


def ends_at(analysis: Analysis, offset: int, only: str | None = None) -> Iterator[Endpoint]:
    """The resources that an adjacency at an offset can name, or the one of an id.

    Ports that the adjacency itself names there are free.
    """
    room = analysis.index.room_at(offset)
    type_ = room.type.name if room.type is not None else ""
    testbed = analysis.testbeds.get(type_)
    if testbed is None:
        yield from (end for end in _from_text(room) if only in (None, end.id))
        return
    uses = analysis.uses_of_ports[type_]
    own = Counter(
        ref
        for adjacency in testbed.adjacencies
        if isinstance(adjacency.place, Span) and adjacency.place.start <= offset <= adjacency.place.end
        for ref in (adjacency.first, adjacency.second)
    )

    def ports(resource: Testbed | Resource, id_: str) -> dict[str, bool]:
        return {port.id: uses[PortRef(id_, port.id)] <= own[PortRef(id_, port.id)] for port in resource.ports}

    if testbed.ports and not only:
        yield Endpoint("", testbed.type, None, ports(testbed, ""))
    seen: set[str] = set()
    for resource in testbed.resources:
        if resource.id and resource.id not in seen and only in (None, resource.id):
            seen.add(resource.id)
            yield Endpoint(resource.id, *_about(resource), ports(resource, resource.id))
    yield from (end for end in _from_text(room) if end.id and end.id not in seen and only in (None, end.id))


def _about(resource: Resource | Testbed) -> tuple[str, str | None]:
    return (resource.type, None) if isinstance(resource, Testbed) else (resource.cls, resource.location)


def _from_text(room: IdScope) -> Iterator[Endpoint]:
    """The same where nothing is known of what comes out."""
    ports: dict[str, dict[str, bool]] = {id_: {} for id_ in room.resources}
    for id_, port in room.ports:
        ports.setdefault(id_, {})[port] = True
    for id_, its_ports in ports.items():
        symbol = room.resources.get(id_)
        node = symbol.node if symbol is not None and symbol.kind is Kind.RESOURCE else None
        yield Endpoint(id_, node.name.id if isinstance(node, nodes.Block) else "", None, its_ports)
