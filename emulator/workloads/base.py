"""The interface of all workloads."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from emulator.lab.lab import Lab
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import OverlaySpec, first_containers
from emulator.overlays.pairs import joined
from emulator.plan import Plan
from emulator.system.errors import EmulationError
from emulator.workloads.model import Level, Program, WorkloadRequest, WorkloadResult
from emulator.workloads.settings import NoSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Subject: TypeAlias = Literal["pair", "network", "store"]
"""The subject of a workload's cell: a pair of hosts, the whole network, or the network with its store at one site."""


class WorkloadError(EmulationError):
    """A workload cannot be measured, or its tool failed."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class End:
    """One end of a measurement: a host or a container by its name, its namespace's descriptor, and its address."""

    name: str
    namespace: int
    address: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The network in which a workload measures."""

    lab: Lab
    deployment: Deployment
    zero_ns: int = 0
    """The start of the measurement and its scenario, in the network's clock."""

    def ends(self, request: WorkloadRequest) -> tuple[End, End]:
        """Return the two ends between which a pair's request is measured.

        Raises:
            WorkloadError: a host has no container.
        """
        first, second = request.hosts
        return self._end(first, request), self._end(second, request)

    def all_ends(self, request: WorkloadRequest) -> tuple[End, ...]:
        """Return the end at each host of a request for the whole network.

        Raises:
            WorkloadError: a host has no container.
        """
        return tuple(self._end(host, request) for host in request.hosts)

    def rate_bps(self, request: WorkloadRequest) -> float | None:
        """Return the rate of the slowest interface on the way between the two hosts of a pair; None if it is none."""
        first, second = request.hosts
        path = joined(self.lab.plan).get((first, second)) or ()
        rates = [end.egress.rate_bps for circuit in path for end in circuit.ends if end.egress is not None]
        return min(rates, default=None)

    def _end(self, host: str, request: WorkloadRequest) -> End:
        if request.level == "hosts":
            return End(host, self.lab.namespace(host), self.lab.plan.loopback(host))
        container = first_containers(self.deployment.spec).get(host)
        if container is None:
            raise WorkloadError(f"{host} has no container to measure: use --containers 1")
        return End(container, self.lab.namespace(container), self.deployment.addresses[container])


class Workload(abc.ABC):
    """A measurement between two hosts. A module of this package defines one, and the module's name is its name."""

    subject: ClassVar[Subject] = "pair"
    """The subject of a cell of the matrix."""
    levels: ClassVar[tuple[Level, ...]] = ("containers", "hosts")
    """The levels that can be measured."""
    settings: ClassVar[type[DataclassInstance]] = NoSettings
    """The class of the settings; its fields are made by `setting`."""

    runs_programs: ClassVar[bool] = False
    """Whether the settings name a program that runs, which a TOML file may do with ``--allow-programs`` only."""

    def programs(self, request: WorkloadRequest) -> Iterator[Program]:
        """Yield the programs of this machine that a request gets by their paths, such as built ones.

        A guest cannot look for them, because it does not trust the user's cache folder.
        """
        yield from ()

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the files on which a result depends: programs that measure, videos. A missing one is left out."""
        yield from ()

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence for each program or file that this machine lacks, with the command that adds it.

        A sentence may also refuse the request itself, such as one whose duration is too short. This is called on this
        machine, before anything starts.
        """
        yield from ()

    def prepare(self, request: WorkloadRequest) -> WorkloadRequest:
        """Make the files that a measurement needs, such as a video, and return the request with their paths.

        This is called on this machine, before anything starts, when it lacks nothing.

        Raises:
            EmulationError: a file cannot be made.
        """
        return request

    def check(self, request: WorkloadRequest, plan: Plan) -> None:  # noqa: B027 - for workloads with such settings
        """Check that the topology has what the settings name. This is called before anything starts.

        Raises:
            EmulationError: it has not; the message has the nearest name.
        """

    def misfit(self, overlay: OverlaySpec) -> str | None:
        """Return why an overlay cannot be measured by this workload, as "it has no store"; None if it can.

        The matrix leaves such a cell out.
        """
        return None

    @abc.abstractmethod
    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure in a network whose containers reach each other.

        Raises:
            WorkloadError: the tool failed; the message has its last lines.
        """
