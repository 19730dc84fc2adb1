"""The interface of all workloads."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.lab.lab import Lab
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import first_containers
from emulator.overlays.pairs import joined
from emulator.system.errors import EmulationError
from emulator.workloads.model import WorkloadRequest, WorkloadResult


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

    def ends(self, request: WorkloadRequest) -> tuple[End, End]:
        """Return the two ends between which a request is measured.

        Raises:
            WorkloadError: a host has no container.
        """
        return self._end(request.first, request), self._end(request.second, request)

    def rate_bps(self, request: WorkloadRequest) -> float | None:
        """Return the rate of the slowest interface on the way from the first host to the second; None if it is none."""
        path = joined(self.lab.plan).get((request.first, request.second)) or ()
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

    programs: ClassVar[tuple[str, ...]] = ()
    """The programs that measure, by their names; a result depends on them."""

    def lacks(self) -> Iterator[str]:
        """Yield a sentence for each program that this machine lacks, with the command that adds it.

        This is called on this machine, before anything starts.
        """
        yield from ()

    @abc.abstractmethod
    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure in a network whose containers reach each other.

        Raises:
            WorkloadError: the tool failed; the message has its last lines.
        """
