"""No overlay, the baseline: containers are their hosts, in the guest with the virtual clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from gtsdsl.data import shipped
from tests.emulator.session.conftest import MESH, Emulate, gtsdsl, guest_kernel

__all__ = ["gtsdsl", "guest_kernel"]

pytestmark = pytest.mark.usefixtures("guest_kernel")


def test_machines_and_containers_are_the_same(gtsdsl: Emulate, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = gtsdsl(
        "emulate", str(MESH), "--overlay", "none", "--probe", "--json", str(out), "--exec", "c1: ping -qc 2 c5"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 packets transmitted, 2 received" in done.stdout
    result = json.loads(out.read_text())
    Draft202012Validator(json.loads(shipped("docs", "schema", "emulation-result-1.schema.json").read_text())).validate(
        result
    )
    found = result["overlay"]
    assert len(found["pairs"]) == len(found["first_packets"]) == 10
    for pair in found["pairs"]:
        assert abs(pair["error_us"]) <= 5
        assert abs(pair["machine_us"] - pair["container_us"]) <= 1
    assert found["addresses"] == {f"c{number}": f"100.64.0.{number}" for number in range(1, 6)}


def test_the_table_names_hosts_and_containers(gtsdsl: Emulate) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "none", "--probe", "--count", "2")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["circuit", "between", "expected", "machines", "containers", "error", "lost"]
    assert lines[1].startswith("l1       c1 on h1 – c2 on h2  36.201568 ms")
    assert lines[11].startswith("none host, none; first packets 0.")
