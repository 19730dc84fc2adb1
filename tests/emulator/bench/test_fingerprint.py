"""The key of a cell: equal for equal cells, and different for each thing that the result depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import gtsdsl
from emulator.bench import fingerprint
from emulator.bench.cells import Cell, Matrix, cells_of
from emulator.bench.fingerprint import Need, differences
from emulator.bench.worker import WorkerJob, run_job
from emulator.kernel.choose import KernelChoice, choose
from emulator.kernel.kinds import Clock, KernelKind
from emulator.options import OverlayOptions, RunOptions
from emulator.outside.runner import RunSettings, settle
from emulator.plan import Options
from emulator.workloads import throughput
from emulator.workloads.model import WorkloadRequest
from tests.emulator.samples import MESH

SETTINGS = RunSettings(choice=KernelChoice(KernelKind.NATIVE, Clock.REAL, None))


@pytest.fixture
def cell() -> Cell:
    """A cell over the mesh."""
    matrix = Matrix((OverlayOptions("flannel"),), ("throughput",), ("AMS-MIL",))
    return cells_of(gtsdsl.load(MESH), Options(), matrix).cells[0]


def key(cell: Cell, settings: RunSettings) -> str:
    task = cell.task
    return fingerprint.key(fingerprint.sha256_of_task(task), settings, fingerprint.needs_of(task, settings))


def test_equal_cells_have_one_key(cell: Cell) -> None:
    assert key(cell, SETTINGS) == key(replace(cell), SETTINGS)


def workload_of(cell: Cell) -> WorkloadRequest:
    assert cell.task.workload is not None
    return cell.task.workload


CHANGES: dict[str, Callable[[Cell], Cell]] = {
    "seed": lambda cell: replace(cell, task=replace(cell.task, plan=replace(cell.task.plan, seed=2))),
    "duration": lambda cell: replace(
        cell, task=replace(cell.task, workload=replace(workload_of(cell), duration_s=11.0))
    ),
    "pair": lambda cell: replace(
        cell, task=replace(cell.task, workload=replace(workload_of(cell), hosts=("h1", "h3")))
    ),
    "overlay": lambda cell: replace(
        cell, task=replace(cell.task, overlay=replace(cell.task.overlay, variant="udp"))  # type: ignore[type-var]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_of_the_cell_changes_the_key(cell: Cell, name: str) -> None:
    assert key(CHANGES[name](cell), SETTINGS) != key(cell, SETTINGS)


def test_the_clock_and_the_memory_change_the_key(cell: Cell) -> None:
    keys = {
        key(cell, settings)
        for settings in (
            SETTINGS,
            replace(SETTINGS, memory_bytes=2**31),
            replace(SETTINGS, choice=replace(SETTINGS.choice, clock=Clock.SKIP)),
        )
    }
    assert len(keys) == 3


@pytest.mark.parametrize("program", ["iperf", "etcd"])
def test_another_program_of_the_workload_or_the_store_changes_the_key(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    for module in (fingerprint, throughput):
        monkeypatch.setattr(module, "find_program", lambda _: None)
    without = key(cell, SETTINGS)
    other = tmp_path / program
    other.write_text("another version")
    for module in (fingerprint, throughput):
        monkeypatch.setattr(module, "find_program", lambda name: str(other) if name == program else None)
    assert key(cell, SETTINGS) != without


def test_what_another_machine_lacks_or_has_otherwise_is_named() -> None:
    wanted = [Need("gtsdsl 1.0", "a"), Need("bird", "b"), Need("etcd", "c"), Need("iperf", "d", "/usr/bin/iperf")]
    found = [Need("gtsdsl 1.0", "a"), Need("etcd", "x"), Need("iperf", "d", "/opt/iperf"), Need("ip", "e")]
    assert list(differences(wanted, found)) == ["it lacks bird", "it has another etcd"]


@pytest.mark.usefixtures("guest_kernel")
def test_a_worker_with_another_key_measures_nothing(cell: Cell) -> None:
    settings = settle(RunOptions(), choose(), cell.memory_bytes)
    needs = fingerprint.needs_of(cell.task, settings)
    task_sha256 = fingerprint.sha256_of_task(cell.task)
    job = WorkerJob(cell.task, RunOptions(), cell.memory_bytes, "0" * 32, task_sha256, needs, {})
    (misfit,) = run_job(job).misfits
    assert misfit.startswith("its key of the cell differs (clock virtual, ")
    lacking = run_job(replace(job, needs=(*needs, Need("bird", "0" * 64))))
    assert (lacking.measured, lacking.misfits) == (None, ("it lacks bird",))
