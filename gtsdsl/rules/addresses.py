"""Rules about the addresses that a testbed states: on ports and for hosts (GTS033)."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import PortRef, flatten
from gtsdsl.rules.index import Index, place_of
from gtsdsl.source import Location
from gtsdsl.topology.model import Topology
from gtsdsl.topology.stated import ATTRIBUTES, Attribute, Owner, conflicts


def check_addresses(index: Index) -> Iterator[Diagnostic]:
    """Yield the stated addresses that contradict each other or the topology."""
    items = (item for scope in index.scopes for item in scope.testbed.resources)
    # most testbeds state none, and to find the wires of a large one takes long
    if not any(name in part.attributes for item in items for part in (item, *item.ports) for name in ATTRIBUTES):
        return
    topology = Topology.of(flatten(index.scopes[0].testbed))
    for conflict in conflicts(topology):
        other = conflict.other
        yield index.finding(
            "GTS033",
            conflict.message,
            _place(topology, conflict.owner, conflict.attribute),
            note=None if other is None else ("the other one is here", _place(topology, other, conflict.attribute)),
        )


def _place(topology: Topology, owner: Owner, attribute: Attribute) -> Location | None:
    if not isinstance(owner, PortRef):
        return place_of(topology.nodes[owner], attribute)
    ports = topology.nodes[owner.resource].ports
    return next(place_of(port, attribute) for port in ports if port.id == owner.port)
