"""Paths of files in a task, on another machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gtsdsl
from emulator.agents.model import AgentProgram
from emulator.bench.cells import Matrix, cells_of
from emulator.bench.relocate import named_files, relocated
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.task import Task
from emulator.workloads import latency
from emulator.workloads.model import Setting, WorkloadRequest
from tests.emulator.samples import MESH


@pytest.fixture
def task() -> Task:
    """A task with a real agent on one host, and with the path of a video in a setting of its workload."""
    matrix = Matrix((OverlayOptions("flannel"),), ("latency",), ("AMS-MIL",))
    found = cells_of(gtsdsl.load(MESH), Options(), matrix).cells[0].task
    assert found.overlay is not None
    assert found.workload is not None
    agent = AgentProgram("flanneld", "0.28.10", "/home/a/flanneld", "0" * 64)
    settings = (Setting("video", "/home/a/v.mp4"), Setting("count", "5"))
    return replace(
        found,
        overlay=replace(found.overlay, programs={"h1": agent}, image="/home/a/image.tar"),
        workload=replace(found.workload, settings=settings),
    )


def test_each_named_file_gets_its_path_on_the_other_machine(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def files(_self: object, _request: WorkloadRequest) -> Iterator[Path]:
        yield from (Path("/home/a/v.mp4"), Path("/usr/bin/ffmpeg"))

    monkeypatch.setattr(latency.Latency, "files", files)
    named = list(named_files(task))
    assert named == ["/home/a/flanneld", "/home/a/image.tar", "/home/a/v.mp4"]
    found = relocated(task, {path: path.replace("/home/a", "/there") for path in named})
    assert found.overlay is not None
    assert found.workload is not None
    assert found.overlay.programs["h1"].path == "/there/flanneld"
    assert found.overlay.image == "/there/image.tar"
    assert found.workload.settings == (Setting("video", "/there/v.mp4"), Setting("count", "5"))


def test_a_task_without_moved_files_is_the_same(task: Task) -> None:
    assert relocated(task, {}) == task
