"""The number of cells that run at a time."""

from __future__ import annotations

import os

import pytest

from emulator.bench import room
from emulator.bench.cells import Cell, Matrix, cells_of
from emulator.options import OverlayOptions, RunOptions
from emulator.plan import Options
from gtsdsl import loads
from gtsdsl.cli.bench.measure import fitting_workers
from tests.emulator.samples import PAIR


def cells(count: int) -> tuple[Cell, ...]:
    """Return as many cells of one pair of hosts."""
    matrix = Matrix((OverlayOptions("none"),), ("latency",), repetitions=count)
    return tuple(cells_of(loads(PAIR), Options(), matrix).cells)


@pytest.fixture(autouse=True)
def _small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with room for three guests of 1 GiB."""
    monkeypatch.setattr(room, "available_bytes", lambda: 3 * (2**30 + 2**27))


@pytest.mark.parametrize(("wanted", "memory"), [(3, 2**30), (16, 2**27)])
def test_as_many_cells_run_as_the_user_says(capsys: pytest.CaptureFixture[str], wanted: int, memory: int) -> None:
    assert fitting_workers(wanted, RunOptions(memory_bytes=memory // 2), cells(16)) == wanted
    assert capsys.readouterr().err == ""


def test_fewer_run_if_memory_is_too_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert fitting_workers(8, RunOptions(memory_bytes=2**30), cells(16)) == 3
    assert capsys.readouterr().err == (
        "warning: the free memory is enough for 3 guests of 1024 MB, so 3 cells will run at a time, not 8; guests take "
        "less with --memory\n"
    )


def test_the_machines_own_kernel_needs_no_guests() -> None:
    assert fitting_workers(8, RunOptions(kernel="native", memory_bytes=2**40), cells(16)) == 8


def test_without_a_number_each_processor_has_a_cell() -> None:
    processors = os.cpu_count() or 1
    assert fitting_workers(None, RunOptions(kernel="native"), cells(processors + 1)) == processors


@pytest.mark.parametrize("count", [0, 1, 3])
def test_no_more_run_than_there_are_cells(capsys: pytest.CaptureFixture[str], count: int) -> None:
    assert fitting_workers(8, RunOptions(memory_bytes=2**30), cells(count) if count else ()) == max(1, count)
    assert capsys.readouterr().err == ""
