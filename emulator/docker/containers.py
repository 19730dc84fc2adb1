"""Docker containers for overlays other than Docker's own: a `dockerd` on each host, with a given subnet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from emulator.docker.daemon import COMMAND_ENDED, Dockerd
from emulator.docker.image import Image, archive_image, built_in_image
from emulator.docker.model import RuncContainer
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import DaemonError
from emulator.lab.lab import Lab

MEMORY_BYTES = 2**31
"""The memory of a guest with five daemons."""


class ContainerDaemons:
    """The daemons of a lab's hosts. A host's first container starts its daemon; the lab's end stops it."""

    def __init__(self, lab: Lab, image_path: str | None) -> None:
        """``image_path`` is the archive of the containers' image; None means the built-in one."""
        self._lab = lab
        self._image_path = image_path
        self._daemons: dict[str, Dockerd] = {}

    def attach(self, container: Container, docker_network: str, options: Sequence[str]) -> Attachment:
        """Run a container on its host, in one of Docker's networks.

        ``options`` are further options of the host's daemon, if this call starts it.

        Raises:
            EmulationError: the daemon or the container cannot be started.
        """
        if container.host not in self._daemons:
            dockerd = Dockerd(self._lab, container.host, options)
            if (other := next(iter(self._daemons.values()), None)) is not None:
                dockerd.take_images(other)
            dockerd.start()
            self._daemons[container.host] = dockerd
            dockerd.await_ready()
        dockerd = self._daemons[container.host]
        running = dockerd.run(container, container_image(self._image_path), docker_network)
        address, ipv6_address = dockerd.addresses(container.name, docker_network)
        hosts_file = dockerd.hosts_file(container.name)
        return Attachment(open_namespace(container.name, running), address, running, hosts_file, ipv6_address)

    def stop(self, host: str) -> None:
        """Stop the daemon of a host, with its containers; do nothing if the host has no daemon."""
        if (dockerd := self._daemons.pop(host, None)) is not None:
            dockerd.daemon.stop()
            dockerd.close()


@cache
def container_image(path: str | None) -> Image:
    """Return the image in an archive, or the built-in image if ``path`` is None."""
    return built_in_image() if path is None else archive_image(Path(path))


def open_namespace(name: str, container: RuncContainer) -> int:
    """Open the network namespace of a container and return its descriptor.

    Raises:
        DaemonError: the container has ended.
    """
    try:
        return os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise DaemonError(f"container {name}: {COMMAND_ENDED}") from None


def bridge_options(subnets: Sequence[IPv4Network | IPv6Network], mtu_bytes: int) -> list[str]:
    """Return the options of a daemon whose containers have addresses in subnets that are routed to its host.

    They are the options that flannel's documentation names for Docker. Without masquerading, containers see each
    other's own addresses. ``subnets`` are that of IPv4, and that of IPv6 if containers have IPv6.
    """
    ipv4, *rest = subnets
    ipv6 = [option for subnet in rest for option in ("--ipv6", f"--fixed-cidr-v6={subnet}")]
    return [f"--bip={ipv4[1]}/{ipv4.prefixlen}", *ipv6, f"--mtu={mtu_bytes}", "--ip-masq=false"]
