"""Limits of containers in a guest: a quota of processor time for the container's own work, in the virtual clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traffic import Traffic, exchange
from emulator.session import emulate
from tests.emulator.cpu.tables import EXAMPLE, write_table
from tests.emulator.samples import MESH, PAIR, Cli

LIMIT = 0.25
INSIDE_NS = 10_000
"""The work on a packet in its container, with the stages `veth` and `socket` of the example."""
LARGEST_ERROR_US = 10.0
KNEE_PPS = LIMIT / INSIDE_NS * 1e9
PAYLOAD_BYTES, PACKETS = 1400, 10_000

pytestmark = pytest.mark.usefixtures("guest_kernel")


BURST = "c1: bash -c 'exec 3>/dev/udp/c2/9; for i in {1..1000}; do echo >&3; done'"


def test_a_container_gets_no_more_than_its_limit_and_the_others_all() -> None:
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=str(EXAMPLE), cpus={"c1": LIMIT}) as net:
        for source, share, expected in (("c1", 0.98, 0.98), ("c1", 1.5, 1.0), ("c2", 1.5, 1.5)):
            found = exchange(net, source, "c4", Traffic(PAYLOAD_BYTES, share * KNEE_PPS, PACKETS))
            assert found.packets_per_s == pytest.approx(expected * KNEE_PPS, rel=0.01)


def limited(gtsdsl: Cli, folder: Path, overlay: str) -> dict[str, Any]:
    """Run a pair of hosts whose first container has a limit and sends a burst, and return the result."""
    topology, output = folder / "pair.dsl", folder / "result.json"
    topology.write_text(PAIR)
    text = EXAMPLE.read_text().replace("backlog_packets = 1000", "backlog_packets = 100")
    text += "".join(f'[stages.{it}]\npacket_ns = 7000\nsource = "a test"\n' for it in ("geneve", "user-space"))
    model = write_table(folder, text)
    words = ("--overlay", overlay, "--cpu-model", model, "--cpus", f"c1={LIMIT}", "--probe")
    done = gtsdsl("emulate", str(topology), *words, "--exec", BURST, "--json", str(output))
    assert done.returncode == 0, done.stderr
    assert f"c1 at most {LIMIT}" in done.stdout
    result: dict[str, Any] = json.loads(output.read_text())
    del result["wall_clock"]
    return result


def test_two_runs_with_a_limit_are_the_same(gtsdsl: Cli, tmp_path: Path) -> None:
    assert limited(gtsdsl, tmp_path, "geneve") == limited(gtsdsl, tmp_path, "geneve")


@pytest.mark.parametrize("overlay", ["calico:bgp", "weave:sleeve", "libnetwork"])
def test_a_limit_delays_no_lone_packet_and_its_losses_are_counted(gtsdsl: Cli, tmp_path: Path, overlay: str) -> None:
    result = limited(gtsdsl, tmp_path, overlay)
    assert all(abs(pair["error_us"]) <= LARGEST_ERROR_US for pair in result["overlay"]["pairs"])
    assert result["plan"]["cpu"]["limits"] == {"c1": LIMIT}
    # the daemons of a host may find its short queue full, too
    (dropped,) = (it["packets"] for it in result["drops"] if (it["place"], it["node"]) == ("processor", "c1"))
    assert dropped == pytest.approx(1000 - 100, abs=10)
