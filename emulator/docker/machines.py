"""The hosts of a topology as containers of Docker, each of the image that its `imageId` is mapped to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from emulator.docker import programs
from emulator.docker.containers import image_at, open_network
from emulator.docker.daemon import Dockerd
from emulator.docker.image import image
from emulator.errors import EmulationError
from emulator.netlink import namespaces
from emulator.overlays.model import Container
from emulator.plan import Plan
from emulator.underlay import empty_namespace
from gtsdsl.diagnostics import printable

if TYPE_CHECKING:
    from emulator.network import EmulatedNetwork

_T = TypeVar("_T")

_DAEMON = ".docker"
"""Where the one daemon is, among the network's namespaces; no host has such a name."""
_PATIENCE_S = 120.0


class ImageMapError(EmulationError):
    """An image map that does not fit a topology; the message says how it must be."""

    exit_status = 1


def images_of(plan: Plan, texts: Sequence[str]) -> dict[str, str]:
    """For each host of a plan, but the store's machine, the archive of its image.

    ``texts`` are ``Ubuntu-14.04.qcow2=debian12.tar``. Nothing else that a topology names is ever run.

    Raises:
        EmulationError: one of them makes no sense or names no image, or a host's imageId has none.
    """
    path_of: dict[str, str] = {}
    for text in texts:
        image_id, equals, path = text.rpartition("=")
        if not equals or not image_id or not path:
            raise ImageMapError(f"{printable(text, 80)} is not IMAGEID=FILE.tar, as in Ubuntu-14.04.qcow2=debian12.tar")
        path_of[image_id] = str(image(Path(path)).path.resolve())
    machines = [host for host in plan.hosts if not host.is_store]
    missing = sorted({host.image_id for host in machines if host.image_id is not None} - path_of.keys())
    if missing:
        listed = " ".join(f"--image-map '{printable(name, 80)}=FILE.tar'" for name in missing)
        raise ImageMapError(f"no image is given for an imageId of the topology: {listed}")
    if nameless := [host.name for host in machines if host.image_id is None]:
        raise ImageMapError(f"{', '.join(nameless[:8])}: no imageId, so no image for a host of Docker")
    return {host.name: path_of[host.image_id] for host in machines if host.image_id is not None}


class Machines:
    """Makes hosts' namespaces: a container without a network for each that has an image, by one daemon for all."""

    def __init__(self, network: EmulatedNetwork, image_of: Mapping[str, str]) -> None:
        self._network = network
        self._image_of = image_of

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
                held.append(self._run(daemon, name) if name in self._image_of else empty_namespace())
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

    def _run(self, daemon: Dockerd, name: str) -> int:
        """A host's container; the descriptor of its network namespace."""
        pid = daemon.run(Container(name, _DAEMON), daemon.load(image_at(self._image_of[name])), "none")
        descriptor = open_network(pid)
        self._network.world.guard([descriptor])
        self._network.world.inhabit(descriptor, pid, daemon.hosts_file(name))
        return descriptor
