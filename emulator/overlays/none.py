"""No overlay: containers share the network of their hosts. It is the baseline of all comparisons."""

from __future__ import annotations

import os
from dataclasses import replace

from emulator.cpu.model import OWN_STAGES
from emulator.docker.containers import ContainerDaemons
from emulator.docker.model import HOST_NETWORK
from emulator.lab.containers import Attachment, Container
from emulator.lab.lab import Lab
from emulator.netlink.state import KernelState
from emulator.overlays.base import IPV6_OPTIONS, Overlay
from emulator.overlays.model import About, OverlaySpec, PacketWay, Peer
from emulator.stores.etcd import Store


class NoOverlay(Overlay):
    """The hosts' own network. A container is what `docker run --network host` makes."""

    variants = ("host",)

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        self._docker = ContainerDaemons(lab, spec.image)

    @classmethod
    def about(cls, variant: str) -> About:  # noqa: ARG003 - the only variant
        """Return the description."""
        return About("as its host: the baseline", agent="none")

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - the only variant
        """Return the options of IPv6."""
        return IPV6_OPTIONS

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - the only variant
        """Return the way of a host's own packet."""
        return PacketWay(OWN_STAGES)

    @property
    def agent(self) -> str:
        """``none``, because no program is needed."""
        return "none"

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:  # noqa: ARG003 - the same for all
        """Return 0, because packets stay as they are."""
        return 0

    def start(self, host: str) -> None:
        """Do nothing."""

    def is_ready(self, host: str) -> bool:  # noqa: ARG002
        """Return True: a host is always ready."""
        return True

    def attach(self, container: Container) -> Attachment:
        """Attach a container to its host's network; with the runtime ``process``, only its name is new."""
        if self.spec.runtime == "docker":
            attachment = self._docker.attach(container, HOST_NETWORK, ["--bridge=none"])
        else:
            attachment = Attachment(os.dup(self.namespace(container.host)), "")
        ipv6_address = None if self.spec.ipv6_pool is None else self.ipv6_loopback(container.host)
        return replace(attachment, address=self.loopback(container.host), ipv6_address=ipv6_address)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the other hosts, each with its own address as its subnet."""
        others = ((it, self.loopback(it)) for it in self.spec.hosts if it != host)
        return tuple(Peer(name, address, f"{address}/32") for name, address in others)

    def state(self, host: str) -> KernelState:  # noqa: ARG002
        """Return an empty state: nothing is written into the kernel."""
        return KernelState()

    def stop(self, host: str) -> None:
        """Stop the host's `dockerd`, if it runs."""
        self._docker.stop(host)


OVERLAY = NoOverlay
"""The class behind ``--overlay none``."""
