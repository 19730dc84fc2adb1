"""Docker hosts: hosts of a topology that are containers of Docker, of the image that their ``imageId`` maps to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from emulator.docker import programs, reexec
from emulator.docker.containers import MEMORY_BYTES, container_image, open_namespace
from emulator.docker.daemon import Dockerd
from emulator.docker.image import Image, built_in_image, find_image
from emulator.docker.model import NO_NETWORK, DockerHost
from emulator.flavors import flavor_limits
from emulator.lab.containers import Container
from emulator.lab.lab import Lab
from emulator.lab.underlay import empty_namespace
from emulator.netlink import namespaces
from emulator.options import HostOptions
from emulator.plan import Host, Plan
from emulator.plan.host_values import host_values
from emulator.system.errors import EmulationError, OptionError
from gtsdsl.text import printable

_T = TypeVar("_T")

_ALL_HOSTS = "all hosts"
"""The name of the daemon in messages, which no host can have."""
_FORM = "HOST=IMAGE, as in h1=debian:12,h3=image.tar"

_MOST_SHOWN = 8


def docker_hosts_of(plan: Plan, options: HostOptions) -> tuple[DockerHost, ...]:
    """Return a Docker host for each host of a plan except the store's additional host.

    A host runs the image that ``--image`` gives it by its name, else the one that the image map has for its
    ``imageId``, else the one of ``--image`` for all hosts. A host without ``imageId`` may also run the built-in image.

    Raises:
        EmulationError: a host has no image, an option names no host or no ``imageId`` of the topology, an image cannot
            be used, or a flavor is unknown.
    """
    hosts = [host for host in plan.hosts if not host.is_store]
    names = _image_names(hosts, options)
    path_of = {name: str(_image(name).path.resolve()) for name in dict.fromkeys(names.values())}
    reexec.build()
    return tuple(
        DockerHost(host.name, path_of[names[host.name]], *flavor_limits(host.flavor_id if options.flavors else None))
        for host in hosts
    )


def _image_names(hosts: Sequence[Host], options: HostOptions) -> Mapping[str, str | None]:
    """Return the name of the image of each host, by the host's name; None is the built-in image."""
    if unknown := sorted(options.image_map.keys() - {host.image_id for host in hosts}):
        listed = ", ".join(printable(name, 80) for name in unknown[:_MOST_SHOWN])
        raise OptionError(f"--image-map names an imageId that no host of the topology has: {listed}")
    given = {} if options.image is None else host_values("--image", _FORM, options.image, [it.name for it in hosts])
    is_default = options.image in given.values()  # one image for all hosts, for which the map has exceptions
    names: dict[str, str | None] = {}
    for host in hosts:
        mapped = None if host.image_id is None else options.image_map.get(host.image_id)
        own = given.get(host.name)
        names[host.name] = mapped if mapped is not None and (is_default or own is None) else own
    missing = sorted({host.image_id for host in hosts if host.image_id is not None and names[host.name] is None})
    if missing:
        listed = " ".join(f"--image-map '{printable(name, 80)}=IMAGE'" for name in missing[:_MOST_SHOWN])
        raise OptionError(f"an imageId of the topology has no image: add {listed}, or --image IMAGE for all hosts")
    return names


def _image(name: str | None) -> Image:
    return built_in_image() if name is None else find_image(name)


def memory_bytes(docker_hosts: Sequence[DockerHost]) -> int:
    """Return the memory of a guest for Docker hosts, of which the largest uses all that it may."""
    return MEMORY_BYTES + max(docker_host.memory_bytes or 0 for docker_host in docker_hosts)


class DockerHosts:
    """The maker of Docker hosts' namespaces: one daemon runs a container for each host, and gives it no network."""

    def __init__(self, lab: Lab, docker_hosts: Sequence[DockerHost]) -> None:
        self._lab = lab
        self._docker_hosts = {docker_host.host: docker_host for docker_host in docker_hosts}

    def make(self, names: Sequence[str], visit: Callable[[int], _T]) -> list[tuple[int, _T]]:
        """Make a namespace for each name, and call ``visit(index)`` inside it.

        Return the descriptor of each namespace with the result of its ``visit``. A name that is no Docker host gets an
        empty namespace.

        Raises:
            EmulationError: Docker cannot run on this machine, or a container ends at once.
        """
        if lacks := list(programs.lacks()):
            raise EmulationError(f"--hosts docker: {'; '.join(lacks)}")
        dockerd = self._start_daemon()
        held: list[int] = []
        visited: list[_T] = []
        try:
            for index, name in enumerate(names):
                docker_host = self._docker_hosts.get(name)
                held.append(empty_namespace() if docker_host is None else self._run(dockerd, docker_host))
                with namespaces.entered(held[-1]):
                    visited.append(visit(index))
        except BaseException:
            for descriptor in held:
                os.close(descriptor)
            raise
        return list(zip(held, visited, strict=True))

    def _start_daemon(self) -> Dockerd:
        namespace = empty_namespace()
        self._lab.adopt(namespace)
        dockerd = Dockerd(self._lab, _ALL_HOSTS, ["--bridge=none"], namespace)
        dockerd.start()
        dockerd.await_ready()
        return dockerd

    def _run(self, dockerd: Dockerd, docker_host: DockerHost) -> int:
        """Run a host's container and return the descriptor of its network namespace."""
        container = Container(docker_host.host, docker_host.host, docker_host.cpus, docker_host.memory_bytes)
        running = dockerd.run(container, container_image(docker_host.image), NO_NETWORK)
        descriptor = open_namespace(docker_host.host, running)
        self._lab.processes.guard([descriptor])
        self._lab.processes.inhabit(descriptor, running, dockerd.hosts_file(docker_host.host))
        return descriptor
