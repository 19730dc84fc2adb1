"""The overlay's start with its store at each site, in a cell for each site."""

from __future__ import annotations

from typing import ClassVar

from emulator.overlays.model import OverlaySpec
from emulator.workloads.base import Stage, Subject, Workload
from emulator.workloads.model import Level, WorkloadRequest, WorkloadResult
from emulator.workloads.starts import start_result


class StorePlaces(Workload):
    """The time to the first packet between each two hosts, with the store at one site."""

    subject: ClassVar[Subject] = "store"
    levels: ClassVar[tuple[Level, ...]] = ("containers",)

    def misfit(self, overlay: OverlaySpec) -> str | None:
        """Return that an overlay has no store."""
        return "it has no store" if overlay.store is None else None

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Return the times of the overlay's start."""
        return start_result(stage.deployment)


WORKLOAD = StorePlaces()
"""The workload ``store``."""
