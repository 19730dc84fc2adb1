"""The GENEVE mesh over a mesh, a star and a line, and what the page that shows how an overlay is added says of it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.emulator.overlays.frames import UDP, between_containers, between_hosts, datagram, echoes, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.samples import ROOT

SCRIPT = """
from dataclasses import asdict
names = sorted(probe.addresses)
rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
interface = net["h1"].intfNames()[0]
frames = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))
def ping(size):
    return net["c1"].cmd("ping -c 1 -W 2 -M do -s", size, net["c2"].IP())
largest = captured(net, "h1", interface, lambda: ping(1422))
state = asdict(overlay.state("h2"))
overlay.stop("h2")
left = [asdict(overlay.state(host)) for host in ("h1", "h2")]
others = probe.reach("c1", "c3")
overlay.start("h2")
back = probe.seconds_until("c1", "c2")
cut(net, "h4", "down")
time.sleep(60)
while_cut = [probe.reach("c1", "c2"), probe.reach("c2", "c3"), probe.reach("c1", "c4")]
cut(net, "h4", "up")
tell(rtt_ms=rtt_ms, frames=frames, largest=largest, refused=ping(1423), state=state, left=left, others=others,
     back=back, while_cut=while_cut, again=probe.seconds_until("c1", "c4"))
"""


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_containers_reach_each_other_in_geneve_and_a_host_leaves_and_comes_back(tmp_path: Path, topology: str) -> None:
    found = run(tmp_path, topology, "geneve", SCRIPT)
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

    assert [link["name"] for link in found["state"]["links"]][:2] == ["cni0", "geneve1"]
    assert found["left"][1]["neighbours"] == []
    assert all(route["destination"] != "10.244.2.0/24" for route in found["left"][0]["routes"])
    assert found["others"]
    assert found["back"] <= 0.25
    assert found["while_cut"] == [True, True, False]
    assert found["again"] <= 1.25  # an ARP request that is lost while the circuit comes up is repeated after a second


def test_the_pages_file_is_the_real_one() -> None:
    page = (ROOT / "docs" / "adding-an-overlay.md").read_text()
    shown = "\n".join(re.findall(r"^```py\n(.*?)^```", page, re.M | re.S))
    real = (ROOT / "emulator" / "overlays" / "geneve.py").read_text()
    assert re.sub(r"\n{2,}", "\n", shown) == re.sub(r"\n{2,}", "\n", real)
