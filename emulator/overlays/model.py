"""What an overlay is asked for, and what it reports, as values: containers, addresses, kernel state, first packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.lab.containers import Container
from emulator.stores.model import StoreLocation

Runtime: TypeAlias = Literal["process", "docker"]
"""What a container is: processes in a network namespace of their own, or a container of a `dockerd` in its host."""


@dataclass(frozen=True, slots=True)
class OverlaySpec:
    """An overlay to be brought up. It crosses into the guest kernel with the task.

    ``hosts`` are the names of the hosts that it joins, ``network`` is where containers get their addresses from
    (``10.244.0.0/16``), ``image`` is the path of an image archive for containers of Docker; None for the one that is
    made here.
    """

    name: str
    form: str
    hosts: tuple[str, ...]
    containers: tuple[Container, ...]
    network: str
    runtime: Runtime
    store: StoreLocation | None = None
    image: str | None = None


def first_containers(spec: OverlaySpec) -> dict[str, str]:
    """The first container of each host that has one, by the host's name."""
    found: dict[str, str] = {}
    for container in spec.containers:
        found.setdefault(container.host, container.name)
    return found


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host as an overlay on one host knows it: where it is reached, and the containers' subnet behind it."""

    host: str
    address: str
    subnet: str


@dataclass(frozen=True, slots=True)
class PairProbe:
    """What was seen between two hosts, and between the first container of each. All times are round trips.

    ``circuits`` are those on the way. ``expected_us`` is, for containers, the delay of these and the time to send the
    bits of an echo and the overlay's share, on each of them; None where there is more than one way. The measured ones
    are medians, None if nothing came back; ``error_us`` is the containers', measured minus expected.
    """

    first: str
    second: str
    containers: tuple[str, str]
    circuits: tuple[str, ...]
    expected_us: float | None
    machine_us: float | None
    container_us: float | None
    error_us: float | None
    sent: int
    lost: int
    samples_us: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """When two hosts' containers first had an answer from each other, counted from the overlay's start."""

    first: str
    second: str
    after_ns: int | None
    """None if there was none."""
