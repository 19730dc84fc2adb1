"""The workload `command`: the user's own programs and functions between two ends, and what they may not do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.workloads import workload
from emulator.workloads.model import Setting, WorkloadRequest
from tests.emulator.samples import Cli

RTT_MS = 36.2
SCRIPT = """
import json, os, subprocess, sys
address = os.environ["GTSDSL_SECOND_ADDRESS"]
command = ["ping", "-c", "2", "-i", "0.2", "-q", address]
said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
names = [os.environ["GTSDSL_" + name] for name in ("FIRST", "SECOND", "OVERLAY")]
assert names == ["c1", "c2", "geneve:mesh"], names
print(json.dumps({
    "rtt": {"value": float(said.rsplit("=", 1)[1].split("/")[0]), "unit": "ms"},
    "words": {"count": len(sys.argv)}, "seed": int(os.environ["GTSDSL_SEED"]),
    "duration": float(os.environ["GTSDSL_DURATION_S"]),
}))
"""
FUNCTION = """
import helper

def measure(network):
    print("this is no result")
    with network.background(network.second, ["sleep", "1000"]):
        said = network.run(network.first, ["ping", "-c", "2", "-i", "0.2", "-q", network.second.address])
    return {"rtt": float(said.rsplit("=", 1)[1].split("/")[0]), "samples": [helper.ONE, 2], "seed": network.seed}

def broken(network):
    return {"x": 1 / 0}
"""


def request(**settings: str) -> WorkloadRequest:
    chosen = tuple(Setting(name, value) for name, value in settings.items())
    return WorkloadRequest("command", ("h1", "h2"), settings=chosen)


def bench(gtsdsl: Cli, pair: Path, folder: Path, *settings: str) -> tuple[int, list[dict[str, Any]], str]:
    """Return the exit status, the cells, and the errors of a benchmark with some settings of the command."""
    arguments = [part for setting in settings for part in ("--setting", f"command.{setting}")]
    command = ["bench", str(pair), "--overlays", "geneve", "--workloads", "command", *arguments]
    done = gtsdsl(*command, "--duration", "4", "-o", str(folder / "report"), cwd=folder)
    cells = json.loads((folder / "report" / "results.json").read_text())["cells"]
    return done.returncode, cells, done.stderr


def figures(cell: dict[str, Any]) -> dict[str, float]:
    return {item["name"]: item["value"] for item in cell["measured"]["figures"]}


@pytest.mark.usefixtures("guest_kernel")
def test_a_command_line_runs_at_the_first_end_and_no_shell_reads_it(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "measure.py").write_text(SCRIPT)
    line = "run=python3 measure.py 'two words' ; $HOME"
    status, (cell,), errors = bench(gtsdsl, pair, tmp_path, line, "server=sleep 1000")
    assert (status, cell["error"]) == (0, None), errors
    found = figures(cell)
    assert found["rtt"] == pytest.approx(RTT_MS, abs=0.01)
    assert (found["words.count"], found["seed"], found["duration"]) == (4, 1, 4)
    assert {item["name"]: item["unit"] for item in cell["measured"]["figures"]}["rtt"] == "ms"

    (tmp_path / "measure.py").write_text(SCRIPT + "# changed\n")
    _, (changed,), _ = bench(gtsdsl, pair, tmp_path, line, "server=sleep 1000")
    assert changed["key"] != cell["key"]
    # the two scripts differ, so ping may start some nanoseconds later, and print the next microsecond
    assert figures(changed) == {**found, "rtt": pytest.approx(found["rtt"], abs=0.005)}
    assert {**changed["measured"], "figures": None} == {**cell["measured"], "figures": None}


@pytest.mark.usefixtures("guest_kernel")
def test_a_function_gets_the_network(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(FUNCTION)
    (tmp_path / "helper.py").write_text("ONE = 1\n")
    status, (cell,), errors = bench(gtsdsl, pair, tmp_path, "file=own.py")
    assert (status, cell["error"]) == (0, None), errors
    assert figures(cell) == {"rtt": pytest.approx(RTT_MS, abs=0.01), "seed": 1}
    assert [(it["name"], it["values"]) for it in cell["measured"]["series"]] == [("samples", [1, 2])]

    _, (cell,), _ = bench(gtsdsl, pair, tmp_path, "file=own.py", "function=broken")
    assert cell["error"] == (
        "broken of own.py ended with status 1: ZeroDivisionError: division by zero (own.py, line 11)"
    )


@pytest.mark.usefixtures("guest_kernel")
def test_what_never_ends_is_an_error_of_the_cell(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    status, (cell,), _ = bench(gtsdsl, pair, tmp_path, 'run=sh -c "sleep 1e9 & sleep 1e9"', "limit_s=3")
    assert (status, cell["error"]) == (1, "sh had not ended after 3 s: it said nothing")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "the workload command needs either command.run=COMMAND or command.file=FILE.py"),
        ({"run": "true", "file": "a.py"}, "the workload command needs either command.run=COMMAND or"),
        ({"file": "missing.py"}, "command.file: missing.py is missing"),
        ({"run": "no-such-program -x"}, "command.run: no-such-program is no program in PATH"),
        ({"run": "sh 'x"}, "command.run: sh 'x: no closing quotation"),
        ({"run": "true", "server": "no-such-program"}, "command.server: no-such-program is no program in PATH"),
    ],
)
def test_what_is_missing_is_named_before_anything_runs(settings: dict[str, str], message: str) -> None:
    lacks = list(workload("command").lacks(request(**settings)))
    assert any(lack.startswith(message) for lack in lacks), lacks


def test_the_files_of_a_result_are_those_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "measure.py", "data.txt":
        Path(name).write_text("")
    found = [path.name for path in workload("command").files(request(run="sh measure.py data.txt other /dev/null"))]
    assert found[1:] == ["measure.py", "data.txt"]
    assert [path.name for path in workload("command").files(request(file="measure.py"))] == ["measure.py"]


def test_a_stranger_s_file_runs_nothing(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    matrix = tmp_path / "bench.toml"
    matrix.write_text(f'topology = "{pair.name}"\nworkloads = ["command"]\n\n[command]\nrun = "touch /tmp/owned"\n')
    done = gtsdsl("bench", str(matrix), "-o", str(tmp_path / "report"))
    assert done.returncode != 0
    assert "the table of command names what would run: add --allow-programs" in done.stderr
    assert not (tmp_path / "report").exists()
