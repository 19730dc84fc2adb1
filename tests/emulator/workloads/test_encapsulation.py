"""The workload `encapsulation`, over two hosts in a guest: bytes, packets, fragments and headers on the circuit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.samples import Cli

ETHERNET, IP, UDP, TUNNEL = 14, 20, 8, 8
HEADERS = ETHERNET + IP + UDP
MTU = 1500

STAR = """
Star {
  host { id = "h1"; port { id = "p" } }
  host { id = "h2"; port { id = "p" } }
  vsi { id = "s1"; port { id = "p1" }; port { id = "p2" } }
  link { id = "l1"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency s1.p1, l1.dst
  adjacency h2.p, l2.src
  adjacency s1.p2, l2.dst
}
"""


def measured(gtsdsl: Cli, pair: Path, folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return what a benchmark of two hosts measured, by overlay."""
    # one worker, because with more a warning may say that the machine's memory is too small for them
    command = ["bench", str(pair), "--workloads", "encapsulation", "--workers", "1"]
    done = gtsdsl(*command, *arguments, "-o", str(folder))
    assert done.returncode == 0, done.stderr
    assert "warning: " not in done.stderr
    cells = json.loads((folder / "results.json").read_text())["cells"]
    return {cell["overlay"]: cell["measured"] for cell in cells}


def figures(found: dict[str, Any], name: str) -> dict[str, float | None]:
    """Return the figures of a payload, by the last part of their names."""
    return {
        item["name"].rpartition(".")[2]: item["value"]
        for item in found["figures"]
        if item["name"].partition(".")[0] == name
    }


@pytest.mark.usefixtures("guest_kernel")
def test_each_byte_on_the_circuit_is_counted(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    overlays = "none,geneve,flannel:udp,flannel:wireguard"
    found = measured(gtsdsl, pair, tmp_path, "--overlays", overlays, "--setting", "encapsulation.sizes=100")
    tunnelled = {  # what the overlay puts before the inner packet, without the outermost Ethernet header
        "none": 0, "geneve:mesh": IP + UDP + TUNNEL + ETHERNET, "flannel:udp": IP + UDP,
    }  # fmt: skip
    for overlay, overhead in tunnelled.items():
        assert figures(found[overlay], "100") == {
            "payload": 100, "wire_bytes": HEADERS + overhead + 100, "ratio": round((HEADERS + overhead + 100) / 100, 4),
            "packets": 1, "fragments": 0,
        }  # fmt: skip
        largest = figures(found[overlay], "largest")
        assert largest["payload"] == MTU - overhead - IP - UDP
        assert (largest["wire_bytes"], largest["packets"], largest["fragments"]) == (ETHERNET + MTU, 1, 0)
        larger = figures(found[overlay], "larger")
        assert larger["payload"] == MTU - overhead - IP - UDP + 1
        # the first fragment has a multiple of eight bytes after its IP header
        assert larger["wire_bytes"] == 2 * (ETHERNET + overhead + IP) + UDP + MTU - overhead - IP - UDP + 1
        assert (larger["packets"], larger["fragments"]) == (2, 2)

    wireguard = found["flannel:wireguard"]
    padded = (IP + UDP + 100 + 15) // 16 * 16
    assert figures(wireguard, "100")["wire_bytes"] == HEADERS + 16 + padded + 16
    assert figures(wireguard, "larger")["packets"] == 2
    assert figures(wireguard, "larger")["fragments"] is None  # they are below the encryption
    assert wireguard["remarks"][0] == "100, largest: Ethernet 14, IPv4 20, UDP 8, WireGuard 16, encrypted"

    inner = "Ethernet 14, IPv4 20"
    assert found["geneve:mesh"]["remarks"] == [
        f"100, largest: {inner}, UDP 8, GENEVE 8, {inner}, UDP 8",
        f"larger: {inner}, UDP 8, GENEVE 8, {inner}, UDP 8, a fragment; {inner}, UDP 8, GENEVE 8, {inner}, a fragment",
    ]
    assert found["flannel:udp"]["remarks"][0] == f"100, largest: {inner}, UDP 8, IPv4 20, UDP 8"


@pytest.mark.usefixtures("guest_kernel")
def test_two_runs_are_the_same_to_the_byte_through_a_switch(gtsdsl: Cli, tmp_path: Path) -> None:
    star = tmp_path / "star.dsl"
    star.write_text(STAR)
    arguments = ["--overlays", "geneve", "--switch", "bridge"]
    first, second = (measured(gtsdsl, star, tmp_path / name, *arguments) for name in ("first", "second"))
    assert first == second
    assert figures(first["geneve:mesh"], "64")["wire_bytes"] == 2 * HEADERS + TUNNEL + 64
