"""The GENEVE mesh over a mesh, a star and a line, and the page that shows its code."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.emulator.overlays import scenarios
from tests.emulator.overlays.frames import UDP, between_containers, between_hosts, datagram, echoes, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.samples import ROOT


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_containers_reach_each_other_in_geneve_and_a_host_leaves_and_comes_back(tmp_path: Path, topology: str) -> None:
    found = run(tmp_path, topology, "geneve", scenarios.measure_geneve)
    bits_ms = 2 * (98 + 50) * 8 / 1e6 * (1 if topology == "mesh" else 3)
    for pair, rtt_ms in TOPOLOGIES[topology].round_trips_ms.items():
        assert rtt_ms <= found["rtt_ms"][pair] <= rtt_ms + bits_ms + 0.01, pair

    frames = echoes(found["frames"])
    assert len(frames) == 2
    for frame, mac in zip(frames, ("0e:6e:64:40:00:02", "0e:6e:64:40:00:01"), strict=True):
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports[1]) == (UDP, 6081)
        options, flags, protocol, vni = struct.unpack("!BBHI", outer.payload[:8])
        assert (options, flags, protocol, vni) == (0, 0, 0x6558, 1 << 8)  # an Ethernet frame is in it
        inner = datagram(outer.payload[8:])
        assert inner.mac == mac
        assert between_containers(inner)
    assert [datagram(frame).total_bytes for frame in echoes(found["largest"])] == [1500] * 2
    assert is_too_long(found["refused"], 1450)

    assert [link["name"] for link in found["before"][1]["links"]][:2] == ["cni0", "geneve1"]
    for state, is_there in (("before", True), ("left", False)):
        first, second = found[state]
        assert bool(second["neighbours"]) is is_there
        assert ("10.244.2.0/24" in [route["destination"] for route in first["routes"]]) is is_there
    assert found["others"]
    assert found["back"] <= 0.25


def test_the_pages_file_is_the_real_one() -> None:
    page = (ROOT / "docs" / "adding-an-overlay.md").read_text()
    shown = "\n".join(re.findall(r"^```py\n(.*?)^```", page, re.M | re.S))
    real = (ROOT / "emulator" / "overlays" / "geneve.py").read_text()
    assert re.sub(r"\n{2,}", "\n", shown) == re.sub(r"\n{2,}", "\n", real)
