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


def show(folder: Path, *arguments: str) -> str:
    """Return what `gtsdsl bench show` prints."""
    done = CliRunner().invoke(cli, ["bench", "show", str(folder), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a benchmark with repetitions that do not stand side by side, and a cell that failed."""
    cells = (
        result("none", 1.0),
        result("flannel:vxlan", 4.0),
        replace(result("none", 2.0, repetition=2), key="1" * 32),
        replace(result("weave:sleeve", None), testbed="Other"),
    )
    ResultStore(tmp_path, pytest.fail).put_all(results_of(*cells))
    return tmp_path


def test_a_row_is_the_mean_over_the_repetitions(folder: Path) -> None:
    rows = [line.split() for line in show(folder).splitlines() if "AMS-MIL" in line]
    assert rows == [
        ["Mesh", "AMS-MIL", "none", "containers", "1.5"],
        ["Mesh", "AMS-MIL", "flannel:vxlan", "containers", "4"],
    ]


def test_tables_are_shown_as_markdown(folder: Path) -> None:
    assert show(folder, "--format", "markdown").splitlines()[:5] == [
        "## latency",
        "",
        "| topology | circuit | overlay | between | rtt.mean, us |",
        "| --- | --- | --- | --- | ---: |",
        "| Mesh | AMS-MIL | none | containers | 1.5 |",
    ]


def test_a_strangers_results_stay_text_in_markdown(tmp_path: Path) -> None:
    ResultStore(tmp_path, pytest.fail).put_all(results_of(result("<img src=x>|[a](b)")))
    assert r"| AMS-MIL | \<img src=x\>\|\[a\](b) | containers |" in show(tmp_path, "--format", "markdown")


def test_csv_and_json_are_those_of_the_files(folder: Path) -> None:
    assert show(folder, "--format", "csv") == (folder / "results.csv").read_text()
    assert show(folder, "--format", "json") == (folder / "results.json").read_text()


def test_failed_cells_are_named(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "show", str(folder)])
    assert done.stderr == "error: weave:sleeve AMS-MIL latency containers 1: timed out after 5 s: starting the store\n"


def test_a_cell_is_shown_with_the_command_that_repeats_it(folder: Path) -> None:
    lines = show(folder, "--cell", "11").splitlines()
    assert lines[0] == "none AMS-MIL latency containers 2"
    assert {f"key: {'1' * 32}", "clock: virtual", "seed: 1", "rtt.mean: 2 us"} <= set(lines)
    assert lines[-1].startswith("repeat: gtsdsl bench mesh.dsl --overlays=none --workloads=latency --circuits=AMS-MIL ")


@pytest.mark.parametrize(
    ("key", "said"), [("2", "no cell has the key `2`"), ("", "2 cells have a key that begins with ``")]
)
def test_a_key_that_names_no_cell_or_several_is_refused(folder: Path, key: str, said: str) -> None:
    done = CliRunner().invoke(cli, ["bench", "show", str(folder), "--cell", key])
    assert (done.exit_code, done.stderr) == (2, f"error: --cell: {said}: results.csv has the keys\n")
