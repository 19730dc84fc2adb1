"""No overlay: containers are in their hosts' own network, machine to machine. The baseline of all comparisons."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.docker.containers import ContainerDaemons
from emulator.docker.model import HOST_NETWORK
from emulator.lab.containers import Attachment, Container
from emulator.netlink.state import KernelState
from emulator.overlays.base import Overlay
from emulator.overlays.model import OverlaySpec, Peer

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.stores.etcd import Store


class NoOverlay(Overlay):
    """The hosts themselves; a container is what `docker run --network host` gives."""

    forms = ("host",)

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        super().__init__(spec, network, store)
        self._docker = ContainerDaemons(network, spec.image)

    @property
    def agent(self) -> str:
        """Nobody."""
        return "none"

    @property
    def overhead_bytes(self) -> int:
        """Nothing."""
        return 0

    def start(self, host: str) -> None:
        """Nothing is to be started."""

    def is_ready(self, host: str) -> bool:  # noqa: ARG002
        """It always is."""
        return True

    def attach(self, container: Container) -> Attachment:
        """The host's own network, under one more name."""
        loopback = self.network.get(container.host).loopback
        if self.spec.runtime == "docker":
            return replace(self._docker.attach(container, HOST_NETWORK, ["--bridge=none"]), address=loopback)
        return Attachment(os.dup(self.network.underlay.namespaces[container.host].descriptor), loopback)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """The other hosts, each with nothing behind it but itself."""
        others = (it for it in self.network.plan.hosts if it.name in self.spec.hosts and it.name != host)
        return tuple(Peer(it.name, it.loopback, f"{it.loopback}/32") for it in others)

    def state(self, host: str) -> KernelState:  # noqa: ARG002
        """It writes nothing."""
        return KernelState()

    def stop(self, host: str) -> None:
        """Only Docker is to be stopped, if it runs."""
        self._docker.stop(host)


OVERLAY = NoOverlay
