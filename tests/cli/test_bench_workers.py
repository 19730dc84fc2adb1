"""The number of cells that run at a time."""

from __future__ import annotations

import os

import pytest

from emulator.bench import room
from emulator.options import RunOptions
from gtsdsl.cli.bench.measure import fitting_workers


@pytest.fixture(autouse=True)
def _small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with room for three guests of 1 GiB."""
    monkeypatch.setattr(room, "available_bytes", lambda: 3 * (2**30 + 2**27))


@pytest.mark.parametrize(("wanted", "memory"), [(3, 2**30), (16, 2**27)])
def test_as_many_cells_run_as_the_user_says(capsys: pytest.CaptureFixture[str], wanted: int, memory: int) -> None:
    assert fitting_workers(wanted, RunOptions(memory_bytes=memory // 2), ()) == wanted
    assert capsys.readouterr().err == ""


def test_fewer_run_if_memory_is_too_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert fitting_workers(8, RunOptions(memory_bytes=2**30), ()) == 3
    assert capsys.readouterr().err == (
        "warning: the free memory is enough for 3 guests of 1024 MB, so 3 cells will run at a time, not 8; guests take "
        "less with --memory\n"
    )


def test_the_machines_own_kernel_needs_no_guests() -> None:
    assert fitting_workers(8, RunOptions(kernel="native", memory_bytes=2**40), ()) == 8


def test_without_a_number_each_processor_has_a_cell() -> None:
    assert fitting_workers(None, RunOptions(kernel="native"), ()) == os.cpu_count()
