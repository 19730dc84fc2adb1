"""The command that repeats a cell of a benchmark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.bench.repeat import repeat_command
from emulator.bench.store import read_results
from tests.emulator.bench.samples import result, results_of
from tests.emulator.samples import Cli

COMMAND = (
    *("bench", "run", "my mesh.dsl", "--overlays=all", "--hosts-too", "--repetitions=9", "--duration=5", "--seed=3"),
    *("--setting=latency.a=1", "--setting=throughput.b=2", "--workers=2", "--output=report", "--rtt=AMS-MIL=40ms"),
)


def test_the_command_has_the_options_of_the_run_and_those_of_the_cell() -> None:
    cell = replace(result("flannel:udp"), seed=7)
    assert repeat_command(replace(results_of(), command=COMMAND), cell) == (
        *("gtsdsl", "bench", "run", "my mesh.dsl", "--duration=5", "--rtt=AMS-MIL=40ms"),
        *("--overlays=flannel:udp", "--workloads=latency", "--circuits=AMS-MIL", "--setting=latency.a=1"),
        *("--repetitions=1", "--seed=7", "--output=repeat-00000000"),
    )


def test_hosts_and_a_pair_in_its_own_network_have_their_options() -> None:
    cell = replace(result(), level="hosts", network="pair")
    assert repeat_command(results_of(), cell)[-5:-3] == ("--hosts-too", "--point-to-point")


@pytest.mark.usefixtures("guest_kernel")
def test_the_command_measures_the_same_bytes(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(
        f'topology = "{pair.name}"\nduration = 3\nrtt.AMS-MIL = "40ms"\nrepetitions = 2'
    )
    (tmp_path / pair.name).write_bytes(pair.read_bytes())
    arguments = ["bench.toml", "--overlays", "none,geneve", "--workloads", "latency", "--point-to-point", "-o", "first"]
    done = gtsdsl("bench", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = read_results(tmp_path / "first")
    cell = found.cells[-1]
    assert (cell.overlay, cell.repetition) == ("geneve:mesh", 2)
    program, *command = repeat_command(found, cell)
    assert program == "gtsdsl"
    assert gtsdsl(*command, cwd=tmp_path).returncode == 0
    (repeated,) = (tmp_path / f"repeat-{cell.key[:8]}" / "cells").iterdir()
    original = tmp_path / "first" / "cells" / f"{cell.key}.json"
    assert repeated.name == original.name
    assert measured(repeated) == measured(original)


def measured(path: Path) -> str:
    """Return what a cell measured, as JSON."""
    return json.dumps(json.loads(path.read_text())["measured"])
