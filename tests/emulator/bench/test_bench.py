"""`gtsdsl bench` with real guests: what it measures, what it keeps, and what is left of it when it is ended."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

import gtsdsl as gtsdsl_package
from emulator.bench.cells import Matrix, cells_of
from emulator.bench.pool import LocalPool
from emulator.bench.process import WorkerProcess
from emulator.bench.results import VERSION
from emulator.bench.run import run
from emulator.bench.store import ResultStore, claimed
from emulator.bench.worker import WorkerJob
from emulator.measure.echo import FRAME_BYTES
from emulator.options import OverlayOptions, RunOptions
from emulator.plan import Options
from emulator.system.errors import EmulationError
from emulator.workloads import throughput
from gtsdsl.data import shipped
from tests.emulator.bench.samples import KEY
from tests.emulator.leftovers import Leftovers, is_soon
from tests.emulator.samples import Cli

RTT_US = 36200 + 2 * FRAME_BYTES * 8 / 1000
"""The round trip between Amsterdam and Milan with the time to send an echo at 1 Gbit/s."""


def cells(folder: Path) -> list[dict[str, Any]]:
    """Return the results of a benchmark's folder."""
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())["cells"]
    return found


def figures(cell: dict[str, Any]) -> dict[str, float]:
    return {item["name"]: item["value"] for item in cell["measured"]["figures"]}


@pytest.mark.usefixtures("guest_kernel")
def test_cells_are_measured_once_and_kept(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"
    matrix = ["--overlays", "none,geneve", "--workloads", "latency", "--duration", "5", "--hosts-too"]
    matrix += ["--workers", "1"]  # with more, a warning may say that the machine's memory is too small for them
    done = gtsdsl("bench", str(pair), *matrix, "-o", str(output))
    assert done.returncode == 0
    first, *lines = done.stderr.splitlines()
    assert re.fullmatch(r"4 cells, 0 of them kept: about \d+ s", first)
    assert [line.split()[0] for line in lines] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert re.fullmatch(r"\[4/4\] .* AMS-MIL latency (hosts|containers) 1: 36.20 ms, \d+\.\d s", lines[-1])
    assert all(re.search(r" s, about \d+ s left$", line) for line in lines[:-1])
    found = cells(output)
    assert [(cell["overlay"], cell["level"]) for cell in found] == [
        ("none", "hosts"), ("none", "containers"), ("geneve:mesh", "hosts"), ("geneve:mesh", "containers"),
    ]  # fmt: skip
    for cell in found:
        overhead_us = 2 * 50 * 8 / 1000 if (cell["overlay"], cell["level"]) == ("geneve:mesh", "containers") else 0
        assert figures(cell)["rtt.mean"] == pytest.approx(RTT_US + overhead_us, abs=5)
        assert (figures(cell)["rtt.sent"], figures(cell)["rtt.lost"]) == (5, 0)
        (series,) = cell["measured"]["series"]
        assert (len(series["values"]), series["interval_s"]) == (5, 1.0)
    validator = Draft202012Validator(
        json.loads(shipped("docs", "schema", f"bench-results-{VERSION}.schema.json").read_text())
    )
    validator.validate(json.loads((output / "results.json").read_text()))
    rows = list(csv.DictReader(io.StringIO((output / "results.csv").read_text())))
    assert {(row["overlay"], row["figure"]) for row in rows} >= {("none", "rtt.mean"), ("geneve:mesh", "rtt.p99")}
    assert all(row["kernel"] and row["clock"] == "virtual" for row in rows)

    files = {path: path.stat().st_mtime_ns for path in (output / "cells").iterdir()}
    assert len(files) == 4
    again = gtsdsl("bench", str(pair), *matrix, "-o", str(output))
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert {path: path.stat().st_mtime_ns for path in (output / "cells").iterdir()} == files

    shown = gtsdsl("bench", "show", str(output))
    assert done.stdout == f"{shown.stdout}the report: {output / 'index.html'}\n"
    assert (output / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert "AMS-MIL  geneve:mesh  containers" in shown.stdout


@pytest.mark.usefixtures("guest_kernel")
def test_two_benchmarks_measure_the_same_to_the_byte(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    command = ["bench", str(pair), "--overlays", "geneve", "--workloads", "latency", "--duration", "5", "-o"]
    for name in "first", "second":
        assert gtsdsl(*command, str(tmp_path / name)).returncode == 0
    first, second = (cells(tmp_path / name)[0]["measured"] for name in ("first", "second"))
    assert first == second


@pytest.mark.usefixtures("guest_kernel")
def test_a_cell_that_fails_is_named_and_stops_no_other(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"
    command = ["bench", str(pair), "--overlays", "none,geneve", "--workloads", "latency", "--duration", "1000000"]
    done = gtsdsl(*command, "--timeout", "2", "-o", str(output))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert all("AMS-MIL latency containers 1: timed out after 2 s: " in error for error in errors)
    assert [cell["measured"] for cell in cells(output)] == [None, None]
    assert list((output / "cells").iterdir()) == []
    done = gtsdsl(*command, "--timeout", "2", "--fail-fast", "--workers", "1", "-o", str(output))
    assert (done.returncode, done.stderr.count("error: ")) == (1, 1)
    assert done.stderr.endswith(
        f"stopped: 0 of 2 cells are measured and kept in {output}; the same command goes on with the others\n"
    )


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_benchmark_that_is_ended_leaves_nothing_running(pair: Path, tmp_path: Path, number: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    left = Leftovers(place)
    command = ["bench", str(pair), "--overlays", "none,geneve", "--workloads", "latency", "--duration", "1000000"]
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gtsdsl", *command, "--workers", "2", "-o", str(tmp_path / "report")],
            env=left.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )

    def all_run() -> bool:
        is_small = "the free memory is enough for a guest" in (tmp_path / "errors").read_text()
        return len(left.runs) == (1 if is_small else 2)

    try:
        assert is_soon(all_run, process), (tmp_path / "errors").read_text()
        left.look()
    finally:
        process.send_signal(number)
        process.wait()
    assert is_soon(lambda: not left.processes)
    assert is_soon(lambda: not left.folders)


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"])
def test_a_benchmark_that_is_stopped_has_the_files_of_what_has_ended(
    pair: Path, tmp_path: Path, number: int, status: int
) -> None:
    output = tmp_path / "report"
    command = ["bench", str(pair), "--overlays", "none", "--workloads", "latency", "--repetitions", "99"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", *command, "-o", str(output)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert is_soon(lambda: any(output.glob("cells/[0-9a-f]*.json")), process)
    process.send_signal(number)
    said, errors = process.communicate()
    assert (process.returncode, said) == (status, "")
    found = cells(output)
    assert found
    assert sorted(f"{cell['key']}.json" for cell in found) == sorted(it.name for it in (output / "cells").iterdir())
    assert {row["key"] for row in csv.DictReader((output / "results.csv").open())} == {cell["key"] for cell in found}
    assert errors.splitlines()[-1] == (
        f"stopped: {len(found)} of 99 cells are measured and kept in {output}; the same command goes on with the others"
    )


@pytest.mark.usefixtures("guest_kernel")
def test_a_worker_that_is_killed_fails_its_cell_and_leaves_nothing(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "place").mkdir()
    left = Leftovers(tmp_path / "place")
    monkeypatch.setenv("TMPDIR", str(left.place))
    matrix = Matrix((OverlayOptions("none"),), ("latency",), duration_s=1e6)
    (cell,) = cells_of(gtsdsl_package.load(pair), Options(), matrix).cells
    worker = WorkerProcess(WorkerJob(cell.task, RunOptions(), cell.memory_bytes, KEY, "", ()))
    assert is_soon(lambda: len(left.runs) == 1)
    left.look()
    signal.pidfd_send_signal(worker.descriptor, signal.SIGKILL)
    assert worker.report().error == (
        "another program killed the worker (out of memory?); try fewer --workers, or less --memory"
    )
    assert is_soon(lambda: not left.processes)


FULL = """
mkdir "$1" && mount -t tmpfs -o size=8k none "$1" || exit 77
output=$1; shift; "$@"; status=$?
ls -A "$output/cells"; exit $status
"""


@pytest.mark.networks
@pytest.mark.usefixtures("guest_kernel")
def test_a_full_disk_ends_the_benchmark_and_leaves_whole_files(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"
    command = ["bench", str(pair), "--overlays", "none", "--workloads", "latency", "--repetitions", "4"]
    prefix = ["unshare", "--mount", "sh", "-c", FULL, "sh", str(output)]
    done = gtsdsl(*command, "--workers", "1", "-o", str(output), prefix=prefix)
    assert done.returncode == EmulationError.exit_status
    *_, stopped, error = done.stderr.splitlines()
    why = "No space left on device; free some space, and run the same command again"
    assert re.fullmatch(rf"error: {output}/cells/\w+.json cannot be written: {why}", error)
    found = re.fullmatch(r"stopped: (\d) of 4 cells are measured and kept in .*", stopped)
    assert found is not None
    assert int(found[1]) > 0
    assert len(re.findall(r"^\w{32}\.json$", done.stdout, re.M)) == len(done.stdout.splitlines()) == int(found[1])


def test_two_benchmarks_do_not_share_a_folder(pair: Path, tmp_path: Path, gtsdsl: Cli) -> None:
    output = tmp_path / "report"
    with claimed(output):
        done = gtsdsl("bench", str(pair), "-o", str(output))
    assert done.returncode == EmulationError.exit_status
    assert done.stderr == (
        f"error: another gtsdsl bench writes to {output}: wait for its end, or choose another folder with -o\n"
    )
    with claimed(output):
        pass


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(pair: Path, gtsdsl: Cli) -> None:
    done = gtsdsl("bench", str(pair), "-o", "/proc/self/report")
    assert done.returncode == EmulationError.exit_status
    assert done.stderr.startswith("error: /proc/self/report cannot be written: ")
    assert done.stderr.endswith("; choose another folder with -o\n")


def test_a_missing_tool_is_named_before_anything_runs(pair: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(throughput, "find_program", lambda _: None)
    cells_of_pair = cells_of(
        gtsdsl_package.load(pair), Options(), Matrix((OverlayOptions("none"),), ("throughput",))
    ).cells
    store = ResultStore(tmp_path / "report", pytest.fail)
    with pytest.raises(EmulationError, match=r"^iperf is missing: apt-get install iperf$"):
        next(
            run(
                cells_of_pair,
                RunOptions(),
                store,
                LocalPool(1),
                fail_fast=False,
                show=lambda _: pytest.fail("it runs"),
            )
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--overlays", "flanell"], "unknown overlay flanell; did you mean `flannel`"),
        (["--workloads", "latenzy"], "unknown workload latenzy; did you mean `latency`"),
        (["--circuits", "AMS-MLI"], "this topology has no circuit AMS-MLI; did you mean `AMS-MIL`"),
        (["--repetitions", "0"], "--repetitions: 0 is not between 1 and 10000"),
        (["--duration", "0"], "--duration: `0` is not a number of seconds above 0"),
        (["--duration", "inf"], "--duration: inf is more than 1000000 seconds"),
        (["--overlays", "none,"], "--overlays: `none,` is not NAME[:VARIANT],…"),
    ],
)
def test_what_is_wrong_is_refused_in_a_line_before_anything_runs(
    gtsdsl: Cli, pair: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = gtsdsl("bench", str(pair), *arguments, "-o", str(tmp_path / "report"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "report").exists()


def test_an_empty_name_of_the_output_folder_is_refused(
    gtsdsl: Cli, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = gtsdsl("bench", str(pair), "-o", "")
    assert (done.returncode, done.stderr) == (2, "error: -o / --output: the name of the folder is empty\n")
    assert list(Path().iterdir()) == []
