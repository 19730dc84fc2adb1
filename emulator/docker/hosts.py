"""The hosts of a topology as containers of Docker, each of the image that its `imageId` is mapped to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from emulator.docker import programs
from emulator.docker.containers import MEMORY_BYTES, image_at, open_network
from emulator.docker.daemon import Dockerd
from emulator.docker.image import find_image
from emulator.docker.model import DockerHost
from emulator.flavors import limits
from emulator.lab.containers import Container
from emulator.lab.underlay import empty_namespace
from emulator.netlink import namespaces
from emulator.plan import Plan
from emulator.system.errors import EmulationError
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

_T = TypeVar("_T")

_DAEMON = "(all hosts)"
"""Where the one daemon is, among the network's namespaces; no host has such a name."""
_PATIENCE_S = 120.0


class ImageMapError(EmulationError):
    """An image map that does not fit a topology; the message says how it must be."""

    exit_status = 2


def machines_of(plan: Plan, image_map: Mapping[str, str], *, flavors: bool = False) -> tuple[DockerHost, ...]:
    """What each host of a plan, but the store's machine, is to be; with ``flavors``, no larger than its flavorId says.

    ``image_map`` has an image for each imageId: an archive's path, or a name as `find_image` takes it. Nothing else
    is ever run.

    Raises:
        EmulationError: one of them is no image, or for no host; a host's imageId has none, its flavor is none.
    """
    machines = [host for host in plan.hosts if not host.is_store]
    if unknown := sorted(image_map.keys() - {host.image_id for host in machines}):
        listed = ", ".join(printable(name, 80) for name in unknown[:8])
        raise ImageMapError(f"an image is given, but no host of the topology has the imageId {listed}")
    path_of = {image_id: str(find_image(name).path.resolve()) for image_id, name in image_map.items()}
    missing = sorted({host.image_id for host in machines if host.image_id is not None} - path_of.keys())
    if missing:
        listed = " ".join(f"--image-map '{printable(name, 80)}=IMAGE'" for name in missing)
        raise ImageMapError(f"no image is given for an imageId of the topology: {listed}")
    if nameless := [host.name for host in machines if host.image_id is None]:
        raise ImageMapError(f"{', '.join(nameless[:8])}: no imageId, so no image for a host of Docker")
    return tuple(
        DockerHost(host.name, path_of[host.image_id], *limits(host.flavor_id if flavors else None))
        for host in machines
        if host.image_id is not None
    )


def memory_bytes(machines: Sequence[DockerHost]) -> int:
    """What a guest needs for them, the largest as large as it may get."""
    return MEMORY_BYTES + max(machine.memory_bytes or 0 for machine in machines)


class DockerHosts:
    """Makes hosts' namespaces: a container without a network for each that has an image, by one daemon for all."""

    def __init__(self, network: EmulatedNetwork, machines: Sequence[DockerHost]) -> None:
        self._network = network
        self._machine_of = {machine.host: machine for machine in machines}

    def make(self, names: Sequence[str], visit: Callable[[int], _T]) -> list[tuple[int, _T]]:
        """For each name a namespace's descriptor, and what ``visit(index)`` gave when called inside it.

        Raises:
            EmulationError: Docker cannot be run here, or a container ends at once.
        """
        if lacks := list(programs.lacks()):
            raise EmulationError(f"--hosts docker: {'; '.join(lacks)}")
        daemon = self._start_daemon()
        held: list[int] = []
        found: list[_T] = []
        try:
            for index, name in enumerate(names):
                machine = self._machine_of.get(name)
                held.append(empty_namespace() if machine is None else self._run(daemon, machine))
                with namespaces.entered(held[-1]):
                    found.append(visit(index))
        except BaseException:
            for descriptor in held:
                os.close(descriptor)
            raise
        return list(zip(held, found, strict=True))

    def _start_daemon(self) -> Dockerd:
        self._network.hold(_DAEMON, empty_namespace())
        daemon = Dockerd(self._network, _DAEMON, ["--bridge=none"])
        daemon.start()
        daemon.daemon.wait_until(daemon.answers, _PATIENCE_S)
        return daemon

    def _run(self, daemon: Dockerd, machine: DockerHost) -> int:
        """A host's container; the descriptor of its network namespace."""
        container = Container(machine.host, _DAEMON, machine.cpus, machine.memory_bytes)
        running = daemon.run(container, daemon.load(image_at(machine.image)), "none")
        descriptor = open_network(machine.host, running)
        world = self._network.world
        world.guard([descriptor])
        world.inhabit(descriptor, running, daemon.hosts_file(machine.host))
        return descriptor
