"""What an overlay is asked for, and what it reports, as values: containers, addresses, kernel state, first packets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from emulator.docker.model import RunningContainer

Runtime: TypeAlias = Literal["process", "docker"]
"""What a container is: processes in a network namespace of their own, or a container of a `dockerd` in its host."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container to be. ``name`` is unique in the emulation and resolves in all containers, ``host`` is a host's.

    ``cpus`` and ``memory_bytes`` are the most that it may have; None is no limit. In a virtual clock, computing takes
    no time, and a limit of processors means nothing.
    """

    name: str
    host: str
    cpus: int | None = None
    memory_bytes: int | None = None

    @property
    def has_limits(self) -> bool:
        """Whether there is a most that it may have of anything."""
        return self.cpus is not None or self.memory_bytes is not None


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where the key-value store is: on ``host``, a host of the plan, or at ``address`` (``10.0.0.5:2379``), running."""

    host: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return f"the store at {self.address}" if self.address is not None else f"the store on {self.host}"


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


def spec_to_json(spec: OverlaySpec) -> dict[str, object]:
    """A specification as what JSON has."""
    return asdict(spec)


def spec_from_json(fields: dict[str, Any]) -> OverlaySpec:
    """The specification that `spec_to_json` wrote.

    Raises:
        KeyError, TypeError: it is none.
    """
    store = fields["store"]
    return OverlaySpec(
        **{
            **fields,
            "hosts": tuple(fields["hosts"]),
            "containers": tuple(Container(**item) for item in fields["containers"]),
            "store": None if store is None else StoreLocation(**store),
        }
    )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container that runs: the descriptor of its network namespace, and its address in the overlay.

    ``running`` is the container of Docker that its commands enter; None where it has only a network of its own.
    ``hosts_file`` is its ``/etc/hosts`` where it has one and nothing else tells it the others' names.
    """

    namespace: int
    address: str
    running: RunningContainer | None = None
    hosts_file: Path | None = None


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
