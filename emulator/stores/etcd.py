"""etcd, as a process in a host of the network or somebody else's at an address: where overlays keep their state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.overlays.model import StorePlace

if TYPE_CHECKING:
    from emulator.network import EmulatedNetwork

PORT = 2379
"""Where etcd serves its clients (IANA)."""


class Store:
    """A key-value store. It ends with the network."""

    def __init__(self, network: EmulatedNetwork, place: StorePlace) -> None:
        self.network = network
        self.place = place

    def endpoint(self, host: str) -> tuple[str, int]:
        """The address and the port at which it is reached from a host."""
        raise NotImplementedError
