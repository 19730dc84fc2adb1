"""The resources that an adjacency can name, with their ports and whether each port is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.symbols import IdScope, SymbolKind
from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A resource that an adjacency can name."""

    id: str
    """The id of the resource; empty for the testbed around the adjacency, which has ports of its own."""
    cls: str
    """The class, or the type of a nested testbed."""
    location: str | None
    ports: dict[str, bool]
    """Whether each port is free, by its id."""


def endpoints_at(analysis: Analysis, offset: int, only: str | None = None) -> Iterator[Endpoint]:
    """Yield the resources that an adjacency at an offset can name; if ``only`` is given, the one of this id.

    The ports that an adjacency at the offset names already count as free.
    """
    id_scope = analysis.index.id_scope_at(offset)
    type_ = id_scope.type.name if id_scope.type is not None else ""
    testbed = analysis.testbeds.get(type_)
    if testbed is None:
        yield from (end for end in _written_endpoints(id_scope) if only in (None, end.id))
        return
    uses = analysis.uses_of_ports[type_]
    own_uses = Counter(
        ref
        for adjacency in testbed.adjacencies
        if isinstance(adjacency.place, Span) and adjacency.place.start <= offset <= adjacency.place.end
        for ref in (adjacency.first, adjacency.second)
    )

    def ports(resource: Testbed | Resource, id_: str) -> dict[str, bool]:
        return {port.id: uses[PortRef(id_, port.id)] <= own_uses[PortRef(id_, port.id)] for port in resource.ports}

    if testbed.ports and not only:
        yield Endpoint("", testbed.type, None, ports(testbed, ""))
    seen: set[str] = set()
    for resource in testbed.resources:
        if resource.id and resource.id not in seen and only in (None, resource.id):
            seen.add(resource.id)
            yield Endpoint(resource.id, *_class_and_location(resource), ports(resource, resource.id))
    yield from (end for end in _written_endpoints(id_scope) if end.id and end.id not in seen and only in (None, end.id))


def _class_and_location(resource: Resource | Testbed) -> tuple[str, str | None]:
    return (resource.type, None) if isinstance(resource, Testbed) else (resource.cls, resource.location)


def _written_endpoints(id_scope: IdScope) -> Iterator[Endpoint]:
    """Yield the resources that are written in the text; all their ports count as free."""
    ports: dict[str, dict[str, bool]] = {id_: {} for id_ in id_scope.resources}
    for id_, port in id_scope.ports:
        ports.setdefault(id_, {})[port] = True
    for id_, ports_of_id in ports.items():
        symbol = id_scope.resources.get(id_)
        node = symbol.node if symbol is not None and symbol.kind is SymbolKind.RESOURCE else None
        yield Endpoint(id_, node.name.id if isinstance(node, nodes.Block) else "", None, ports_of_id)
