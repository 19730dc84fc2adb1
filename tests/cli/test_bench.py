"""The tables of `gtsdsl bench show`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.bench.store import ResultStore
from emulator.workloads.model import Figure, WorkloadResult
from gtsdsl.cli import cli
from tests.emulator.bench.samples import result, results_of

FIGURES = (
    Figure("tcp.received", 921.655, "Mbit/s"),
    Figure("tcp.retransmissions", 0, "segments"),
    Figure("tcp.limit", 923.382, "Mbit/s"),
    *(
        Figure(f"udp.{rate}M.{name}", value, unit)
        for rate in (10, 100, 500, 900)
        for name, value, unit in (("received", rate, "Mbit/s"), ("lost", 0.25, "%"), ("jitter", 0.01, "ms"))
    ),
)


@pytest.mark.parametrize("columns", ["80", "300"])
def test_a_table_has_all_its_figures_however_narrow_the_terminal_is(tmp_path: Path, columns: str) -> None:
    cell = replace(result(), workload="throughput", measured=WorkloadResult({}, FIGURES))
    ResultStore(tmp_path, pytest.fail).put_all(results_of(cell))
    done = CliRunner(env={"COLUMNS": columns}).invoke(cli, ["bench", "show", str(tmp_path)])
    assert done.exit_code == 0
    _, headings, values, *_ = done.output.splitlines()
    assert headings.split("  ")[-1].strip() == "udp.900M.lost, %"
    assert values.split() == [
        "AMS-MIL",
        "none",
        "containers",
        "921.655",
        "0",
        "923.382",
        "0.25",
        "0.25",
        "0.25",
        "0.25",
    ]
