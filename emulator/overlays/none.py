"""No overlay: containers are in their hosts' own network, machine to machine. The baseline of all comparisons."""

from __future__ import annotations

import os

from emulator.netlink.state import KernelState
from emulator.overlays.base import Overlay
from emulator.overlays.model import Attachment, Container, Peer


class NoOverlay(Overlay):
    """The hosts themselves; a container is what `docker run --network host` gives."""

    forms = ("host",)

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
        descriptor = self.network.underlay.namespaces[container.host].descriptor
        return Attachment(os.dup(descriptor), self.network.get(container.host).loopback)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """The other hosts, each with nothing behind it but itself."""
        others = (it for it in self.network.plan.hosts if it.name in self.spec.hosts and it.name != host)
        return tuple(Peer(it.name, it.loopback, f"{it.loopback}/32") for it in others)

    def state(self, host: str) -> KernelState:  # noqa: ARG002
        """It writes nothing."""
        return KernelState()

    def stop(self, host: str) -> None:
        """Nothing is to be stopped."""


OVERLAY = NoOverlay
