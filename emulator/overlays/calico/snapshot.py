"""The part of Calico's data in the store that an agent follows: nodes, blocks, containers, and how hosts peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from emulator.lab.log import log
from emulator.overlays.calico.resources import (
    AFFINITIES,
    BGP_KEY,
    CLUSTER_KEY,
    NODES,
    WORKLOADS,
    Node,
    Workload,
    affinity_from_item,
    is_cluster_ready,
    is_mesh,
    node_from_json,
    workload_from_json,
)
from emulator.overlays.model import Network
from emulator.stores.client import Event, KeyValue, Listing

_T = TypeVar("_T")


@dataclass(slots=True)
class Snapshot:
    """Calico's data as the store had them last; a value that is malformed is passed over.

    ``nodes`` are by the host's name, ``workloads`` by their key. ``blocks`` has the host of each confirmed block.
    ``is_ready`` says that the store has the cluster's information, and ``is_mesh`` that all hosts peer with all.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    workloads: dict[str, Workload] = field(default_factory=dict)
    blocks: dict[Network, str] = field(default_factory=dict)
    is_ready: bool = False
    is_mesh: bool = True

    @staticmethod
    def of(*listings: Listing) -> Snapshot:
        """Return the snapshot of listings of Calico's keys."""
        snapshot = Snapshot()
        for listing in listings:
            for item in listing.items:
                snapshot.put(item)
        return snapshot

    def apply(self, event: Event) -> None:
        """Change the snapshot by an event of a watch."""
        if event.kind == "delete":
            self._delete(event.item.key)
        else:
            self.put(event.item)

    def put(self, item: KeyValue) -> None:
        """Set a key of the store."""
        key = item.key
        if key.startswith(NODES):
            node = _parse(item, node_from_json)
            if node is not None and node.name == key.removeprefix(NODES):
                self.nodes[node.name] = node
        elif key.startswith(WORKLOADS):
            workload = _parse(item, workload_from_json)
            if workload is not None:
                self.workloads[key] = workload
        elif key.startswith(AFFINITIES):
            affinity = _parse(item, lambda text: affinity_from_item(key, text))
            if affinity is not None:
                host, block, is_confirmed = affinity
                if is_confirmed:
                    self.blocks[block] = host
                elif self.blocks.get(block) == host:
                    del self.blocks[block]
        elif key == CLUSTER_KEY:
            self.is_ready = _parse(item, is_cluster_ready) is True
        elif key == BGP_KEY:
            self.is_mesh = _parse(item, is_mesh) is not False

    def blocks_of(self, host: str, family: int) -> list[Network]:
        """Return the blocks of a host of a family, 4 or 6, in the order of their addresses."""
        own = [block for block, owner in self.blocks.items() if owner == host and block.version == family]
        return sorted(own, key=lambda block: int(block.network_address))

    def _delete(self, key: str) -> None:
        if key.startswith(NODES):
            self.nodes.pop(key.removeprefix(NODES), None)
        elif key.startswith(WORKLOADS):
            self.workloads.pop(key, None)
        elif key.startswith(AFFINITIES):
            affinity = _parse(KeyValue(key, "", 0, 0, 0), lambda text: affinity_from_item(key, text))
            if affinity is not None and self.blocks.get(affinity[1]) == affinity[0]:
                del self.blocks[affinity[1]]
        elif key == CLUSTER_KEY:
            self.is_ready = False
        elif key == BGP_KEY:
            self.is_mesh = True


def _parse(item: KeyValue, parse: Callable[[str], _T]) -> _T | None:
    try:
        return parse(item.value)
    except ValueError as error:
        log(f"{item.key!a} is ignored: {error}")
        return None
