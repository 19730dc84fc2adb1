"""Measurements of `gtsdsl emulate` in a guest: exact, repeatable, and as a result file and a table."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gtsdsl.data import shipped
from tests.emulator.samples import MESH, Cli


def measure(gtsdsl: Cli, output: Path, *arguments: str) -> dict[str, object]:
    done = gtsdsl("emulate", str(MESH), "--probe", "--json", str(output), *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(output.read_text())
    return found


@pytest.mark.usefixtures("guest_kernel")
def test_every_circuit_of_the_mesh_is_exact_and_two_runs_are_the_same(gtsdsl: Cli, tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    first = measure(gtsdsl, output)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        second = measure(gtsdsl, output)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    probed = first["probe"]
    assert isinstance(probed, list)
    assert len(probed) == 10
    for circuit in probed:
        assert circuit["lost"] == 0
        assert len(circuit["samples_us"]) == 10
        assert all(abs(sample - circuit["expected_us"]) <= 5 for sample in circuit["samples_us"]), circuit
    assert first.pop("wall_clock") != second.pop("wall_clock")
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.usefixtures("guest_kernel")
def test_each_direction_of_a_circuit_has_its_own_delay(gtsdsl: Cli, tmp_path: Path) -> None:
    found = measure(gtsdsl, tmp_path / "result.json", "--delay", "MIL-AMS=20ms/18ms")
    circuits = found["probe"]
    assert isinstance(circuits, list)
    assert (circuits[0]["there"]["expected_us"], circuits[0]["back"]["expected_us"]) == (18000.784, 20000.784)
    assert all(abs(circuit[way]["error_us"]) <= 5 for circuit in circuits for way in ("there", "back"))


@pytest.mark.usefixtures("guest_kernel")
def test_a_result_fits_its_schema(gtsdsl: Cli, tmp_path: Path) -> None:
    from jsonschema_rs import Draft202012Validator

    schema = json.loads(shipped("docs", "schema", "emulation-result-1.schema.json").read_text())
    validator = Draft202012Validator(schema)
    result = measure(gtsdsl, tmp_path / "result.json", "--count", "2", "--exec", "h1: true")
    validator.validate(result)
    assert not validator.is_valid({**result, "surprise": 1})


@pytest.mark.usefixtures("guest_kernel")
def test_a_table_for_people(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--probe", "--count", "2")
    lines = done.stdout.splitlines()
    assert lines[0].split() == "circuit between configured expected measured error lost".split()
    assert max(map(len, lines)) <= 100
    assert re.match(r"l1 +h1 – h2 +36\.200 ms +36\.201568 ms +36\.20\d{4} ms +[+-][0-4]\.\d{3} µs", lines[1])
    assert lines[-1].startswith("virtual clock, Linux ")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("switch", ["ovs", "bridge"])
def test_hosts_at_switches_in_a_loop_reach_each_other(gtsdsl: Cli, switch: str) -> None:
    """The network is there only when the spanning tree has settled, so the first packets pass."""
    topology = MESH.with_name("openflow_ofx.dsl")
    done = gtsdsl("emulate", str(topology), "--switch", switch, "--exec", "h1: ping -q -c 2 h5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0% packet loss" in done.stdout


@pytest.mark.usefixtures("guest_kernel")
def test_tcp_passes_switches(gtsdsl: Cli) -> None:
    fetch = "import urllib.request as it; print(it.urlopen('http://h5', timeout=10).status)"
    done = gtsdsl(
        "emulate", str(MESH.with_name("openflow_ofx.dsl")),
        "--exec", "h5: python3 -m http.server 80 > /dev/null 2>&1 &",
        "--exec", f'h1: sleep 1; python3 -c "{fetch}"',
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
