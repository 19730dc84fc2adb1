"""Containers of Docker for overlays that are not Docker's own: a `dockerd` a host, on the subnet that it is told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.docker.daemon import ENDED, Dockerd
from emulator.docker.image import Image, image, own_image
from emulator.docker.model import RuncContainer
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import DaemonError

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

MEMORY_BYTES = 2**31
"""What a guest needs with five daemons."""
HOST, BRIDGE = "host", "bridge"
"""Docker's names of two networks: its machine's own, and that of `docker0`."""
_PATIENCE_S = 120.0


class ContainerDaemons:
    """The daemons of a network's hosts, each started when its host has its first container. They end with it."""

    def __init__(self, network: EmulatedNetwork, image_path: str | None) -> None:
        """Without an ``image_path``, containers have the image that is made here."""
        self._network = network
        self._image_path = image_path
        self._daemons: dict[str, Dockerd] = {}

    def attach(self, container: Container, network: str, options: Sequence[str]) -> Attachment:
        """Run a container on its host, in one of Docker's networks; ``options`` are for the daemon.

        Raises:
            EmulationError: the daemon or the container cannot be started.
        """
        if container.host not in self._daemons:
            daemon = Dockerd(self._network, container.host, options)
            daemon.start()
            self._daemons[container.host] = daemon
            daemon.daemon.wait_until(daemon.answers, _PATIENCE_S)
        daemon = self._daemons[container.host]
        running = daemon.run(container, daemon.load(image_at(self._image_path)), network)
        address = daemon.address(container.name, network)
        return Attachment(open_network(container.name, running), address, running, daemon.hosts_file(container.name))

    def stop(self, host: str) -> None:
        """End the daemon of a host and its containers, if it has any."""
        if (daemon := self._daemons.pop(host, None)) is not None:
            daemon.daemon.stop()
            daemon.close()


@cache
def image_at(path: str | None) -> Image:
    """The image that an overlay's containers are to have."""
    return own_image() if path is None else image(Path(path))


def open_network(name: str, container: RuncContainer) -> int:
    """A descriptor of the network namespace of a container.

    Raises:
        DaemonError: it has ended.
    """
    try:
        return os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise DaemonError(f"container {name}: {ENDED}") from None


def bridge_options(gateway: str, prefix_bits: int, mtu_bytes: int) -> list[str]:
    """A daemon's options by which its containers are in a subnet that others route to its host.

    They are those that flannel's documents give for Docker; without masquerading, containers are known to each other by
    their own addresses.
    """
    return [f"--bip={gateway}/{prefix_bits}", f"--mtu={mtu_bytes}", "--ip-masq=false"]
