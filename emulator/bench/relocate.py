"""Paths of files in a task: find them, and replace them by the paths that another machine has for the same files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from emulator.overlays.model import OverlaySpec
from emulator.task import Task
from emulator.workloads import workload
from emulator.workloads.model import WorkloadRequest


def named_files(task: Task) -> Iterator[str]:
    """Yield each path, as it stands in a cell's task, of a file on which the result depends."""
    if task.overlay is not None:
        yield from (program.path for program in task.overlay.programs.values())
        if task.overlay.image is not None:
            yield task.overlay.image
    yield from (host.image for host in task.docker_hosts)
    if task.workload is not None:
        files = {path.absolute() for path in workload(task.workload.name).files(task.workload)}
        yield from (it.value for it in task.workload.settings if Path(it.value).absolute() in files)


def relocated(task: Task, moved: Mapping[str, str]) -> Task:
    """Return a task with another path for each file; ``moved`` has the new paths by the old ones."""
    return replace(
        task,
        overlay=None if task.overlay is None else _overlay(task.overlay, moved),
        docker_hosts=tuple(replace(it, image=moved.get(it.image, it.image)) for it in task.docker_hosts),
        workload=None if task.workload is None else _workload(task.workload, moved),
    )


def _overlay(spec: OverlaySpec, moved: Mapping[str, str]) -> OverlaySpec:
    programs = {host: replace(it, path=moved.get(it.path, it.path)) for host, it in spec.programs.items()}
    return replace(spec, programs=programs, image=None if spec.image is None else moved.get(spec.image, spec.image))


def _workload(request: WorkloadRequest, moved: Mapping[str, str]) -> WorkloadRequest:
    settings = tuple(replace(it, value=moved.get(it.value, it.value)) for it in request.settings)
    return replace(request, settings=settings)
