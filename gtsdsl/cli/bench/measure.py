"""The run of a benchmark's cells: its progress, its files, and what is said of a run that was stopped."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.bench.progress import showing
from gtsdsl.cli.errors import complain
from gtsdsl.text import printable, quantity

if TYPE_CHECKING:
    from emulator.bench.cells import Cell
    from emulator.bench.pool import Pool
    from emulator.bench.results import CellResult, Results
    from emulator.options import RunOptions


def measure(
    cells: Sequence[Cell],
    options: RunOptions,
    folder: Path,
    pool: Pool,
    results_of: Callable[[tuple[CellResult, ...]], Results],
    *,
    fail_fast: bool,
) -> Results:
    """Measure cells whose results the folder does not have, and write all results; return them in the order of cells.

    ``results_of`` makes the results of a benchmark from those of its cells. If the run is stopped, the files have the
    cells that have ended.

    Raises:
        EmulationError: another benchmark writes to the folder, no cell can run, or a file cannot be written.
    """
    from emulator.bench.run import run
    from emulator.bench.store import ResultStore, claimed
    from emulator.system.errors import EmulationError

    found: dict[int, CellResult] = {}

    def results() -> Results:
        return results_of(tuple(found[id(cell)] for cell in cells if id(cell) in found))

    with claimed(folder):
        store = ResultStore(folder, lambda message: complain("warning", message))
        try:
            with showing(len(cells)) as progress:
                ended = run(cells, options, store, pool, fail_fast=fail_fast, show=progress.show)
                with contextlib.closing(ended):  # after an error here, too, the workers end before this goes on
                    for cell, result in ended:
                        found[id(cell)] = result
                        progress.end(cell, result)
        except BaseException as stop:
            if found:  # else the files of the run before stay
                with contextlib.suppress(EmulationError):  # the disk is full, say, which the first error says
                    store.put_all(results())
            if found or not isinstance(stop, EmulationError):
                _say_stopped(found, len(cells), folder)
            raise
        store.put_all(results())
        if len(found) < len(cells):
            _say_stopped(found, len(cells), folder)
    return results()


def fitting_workers(wanted: int | None, options: RunOptions, cells: Sequence[Cell]) -> int:
    """Return how many cells run at a time on this machine, and warn if its memory is too small for all.

    ``wanted`` is the user's number; None is the number of processors. No more run than there are cells.
    """
    from emulator.bench.room import fitting_guests

    workers = min(wanted or os.cpu_count() or 1, max(1, len(cells)))
    largest_bytes = options.memory_bytes or max((cell.memory_bytes for cell in cells), default=0)
    fitting = fitting_guests(largest_bytes)
    if options.kernel == "native" or workers <= fitting:
        return workers
    guests = "a guest" if fitting == 1 else f"{fitting} guests"
    complain(
        "warning",
        f"the free memory is enough for {guests} of {largest_bytes // 2**20} MB, so {quantity(fitting, 'cell')} will "
        f"run at a time, not {workers}; guests take less with --memory",
    )
    return fitting


def _say_stopped(found: dict[int, CellResult], total: int, folder: Path) -> None:
    kept = sum(result.error is None for result in found.values())
    click.echo(
        f"stopped: {kept} of {total} cells are measured and kept in {printable(shlex.quote(str(folder)), 300)}; "
        "the same command goes on with the others",
        err=True,
    )
