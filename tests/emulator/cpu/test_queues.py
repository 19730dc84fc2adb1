"""The queues of cores in a guest: UDP's knee and the wait for a core are where the formulas put them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic, exchange, receiver, sender
from emulator.cpu.model import capacity_pps, mean_wait_ns
from emulator.cpu.table import Cost
from emulator.session import HostProxy, Session, emulate
from tests.emulator.cpu.tables import EXAMPLE, SOCKETS, write_table
from tests.emulator.samples import MESH, Cli

PAYLOAD_BYTES = 1400
OWN = Cost(10_000.0)
"""The cost of a packet of a host itself in the example, on a whole core."""
OWN_FRAME_BYTES = 1442
TRANSIT = Cost(3_000.0)
VXLAN = Cost(20_000.0, 0.1)
VXLAN_FRAME_BYTES = 1492
"""The frame of a packet of flannel:vxlan, with the headers of UDP, IP, Ethernet, VXLAN, UDP, IP and Ethernet."""
PACKETS = 12_000
SERVICE_NS = 1e6
"""The cost of a packet by the table `SOCKETS`."""

LINE = """Line {
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" }; port { id = "q" } }
  host { id = "h3"; location = "LJU"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
  adjacency h2.q, l2.src
  adjacency h3.p, l2.dst
}
"""

pytestmark = pytest.mark.usefixtures("guest_kernel")


def shallow(folder: Path, cores: int = 2) -> str:
    """Write the example's table with a queue so short that it is full at once above the knee, and return its path."""
    text = EXAMPLE.read_text().replace("backlog_packets = 1000", "backlog_packets = 50")
    geneve = '[stages.geneve]\npacket_ns = 7000\nsource = "a test"\n'
    return write_table(folder, text.replace("cores = 2", f"cores = {cores}") + geneve)


def arriving_pps(net: Session, source: str, sink: str, packets_per_s: float, flows: int = 1) -> float:
    """Send packets, and return the rate at which they arrive."""
    traffic = Traffic(PAYLOAD_BYTES, packets_per_s, PACKETS, flows=flows)
    return exchange(net, source, sink, traffic).packets_per_s


def served(host: HostProxy, server: str) -> int:
    """Return the number of packets that a host's core has worked on."""
    (found,) = json.loads(host.cmd(f"tc -s -j qdisc show dev {server}"))
    return int(found["packets"])


@pytest.fixture(scope="module")
def vxlan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Run the mesh over flannel:vxlan, with the example's costs and one core a host."""
    model = shallow(tmp_path_factory.mktemp("table"))
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=model, cpus=1) as net:
        yield net


@pytest.mark.parametrize("rate_mbps", [10, 100, 300, 500, 550, 562, 600, 700, 900])
def test_udp_arrives_as_it_is_sent_up_to_the_knee_and_no_faster(vxlan: Session, rate_mbps: float) -> None:
    sent_pps, knee_pps = rate_mbps * 1e6 / 8 / PAYLOAD_BYTES, capacity_pps(VXLAN, VXLAN_FRAME_BYTES)
    assert 550e6 < knee_pps * 8 * PAYLOAD_BYTES < 562e6
    count = PACKETS if sent_pps > knee_pps else round(min(PACKETS, sent_pps))
    found = exchange(vxlan, "c1", "c4", Traffic(PAYLOAD_BYTES, sent_pps, count))
    assert found.packets_per_s == pytest.approx(min(sent_pps, knee_pps), rel=0.01)
    assert (found.received == count) == (sent_pps < knee_pps)


def test_two_flows_share_the_core(vxlan: Session) -> None:
    knee_pps = capacity_pps(VXLAN, VXLAN_FRAME_BYTES)
    assert arriving_pps(vxlan, "c1", "c4", 0.98 * knee_pps, flows=2) == pytest.approx(0.98 * knee_pps, rel=0.01)
    assert arriving_pps(vxlan, "c1", "c4", 1.5 * knee_pps, flows=2) == pytest.approx(knee_pps, rel=0.01)


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_a_share_of_a_core_moves_the_knee(tmp_path: Path, share: float) -> None:
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=shallow(tmp_path), cpus={"h1": share}) as net:
        containers_pps = share * capacity_pps(VXLAN, VXLAN_FRAME_BYTES)
        hosts_pps = share * capacity_pps(OWN, OWN_FRAME_BYTES)
        for ends, knee_pps in ((("c1", "c4"), containers_pps), (("h1", "h4"), hosts_pps)):
            assert arriving_pps(net, *ends, 0.98 * knee_pps) == pytest.approx(0.98 * knee_pps, rel=0.01)
            assert arriving_pps(net, *ends, 1.3 * knee_pps) == pytest.approx(knee_pps, rel=0.01)


def test_a_host_that_forwards_has_a_knee_too(tmp_path: Path) -> None:
    line = tmp_path / "line.dsl"
    line.write_text(LINE)
    with emulate(line, cpu_model=shallow(tmp_path), cpus={"h2": 0.1}) as net:
        knee_pps = 0.1 * capacity_pps(TRANSIT, OWN_FRAME_BYTES)
        assert arriving_pps(net, "h1", "h3", 0.98 * knee_pps) == pytest.approx(0.98 * knee_pps, rel=0.01)
        assert arriving_pps(net, "h1", "h3", 1.3 * knee_pps) == pytest.approx(knee_pps, rel=0.01)
        net["h1"].run(["ping", "-6", "-c1", "h3"], check=True)  # the hosts learn their neighbours
        before = served(net["h2"], "cpu-transit")
        net["h1"].run(["ping", "-6", "-c3", "h3"], check=True)
        assert served(net["h2"], "cpu-transit") == before + 6


def test_flows_spread_over_the_cores_and_one_flow_has_one_core(tmp_path: Path) -> None:
    model, cpus = shallow(tmp_path, cores=8), {"h1": 1.5, "h4": 8.0}
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=model, cpus=cpus) as net:
        knee_pps = 1.5 / 2 * capacity_pps(VXLAN, VXLAN_FRAME_BYTES)  # of each of the two queues
        assert arriving_pps(net, "c1", "c4", 1.5 * knee_pps) == pytest.approx(knee_pps, rel=0.01)
        assert arriving_pps(net, "c1", "c4", 3.5 * knee_pps, flows=64) == pytest.approx(2 * knee_pps, rel=0.01)
        queues = json.loads(net["h1"].cmd("tc -s -j qdisc show dev cpu-containers"))
        assert [it["drops"] > 0 for it in queues if it["kind"] == "netem"] == [True, True]


@pytest.mark.parametrize("load", [0.1, 0.5, 0.7])
def test_packets_at_random_times_wait_as_long_as_the_formula_says(tmp_path: Path, load: float) -> None:
    # the standard error of the mean of so many packets is 1.4 % at the highest load, and less at the others
    traffic = Traffic(PAYLOAD_BYTES, load * 1e9 / SERVICE_NS, 100_000, seed=1)
    with emulate(MESH, cpu_model=write_table(tmp_path, SOCKETS)) as net:
        lone = exchange(net, "h1", "h4", Traffic(PAYLOAD_BYTES, 100, 1000))
        found = exchange(net, "h1", "h4", traffic)
    assert found.received == traffic.count
    wait_ns = found.mean_delay_ns - lone.mean_delay_ns
    assert wait_ns == pytest.approx(traffic.mean_wait_ns(SERVICE_NS), rel=0.003, abs=1000)
    assert wait_ns == pytest.approx(mean_wait_ns(Cost(SERVICE_NS), 0, traffic.packets_per_s), rel=0.02)
    # half of a round trip of 17.4 ms, the bits of a frame at 1 Gbit/s, and the work of both hosts
    assert lone.mean_delay_ns == pytest.approx(8.7e6 + 8 * OWN_FRAME_BYTES + 2 * SERVICE_NS, abs=2000)


@pytest.mark.parametrize("ends", [("h1", "h4"), ("c1", "c4")])
def test_two_runs_of_a_full_core_are_the_same_to_the_byte(gtsdsl: Cli, tmp_path: Path, ends: tuple[str, str]) -> None:
    source, sink = ends
    # an overlay without a store and agents, whose start is not the same to the nanosecond
    overlay = ("--overlay", "geneve") if source == "c1" else ()
    commands = [
        f"{sink}: {shlex.join(receiver())} > /tmp/arrivals &",
        f"{source}: ping -c2 {sink}",
        f"{source}: {shlex.join(sender(sink, Traffic(PAYLOAD_BYTES, 60_000, 3000, seed=1, flows=4)))}",
        f"{sink}: sleep 2; cat /tmp/arrivals",
    ]
    words = ("--cpu-model", shallow(tmp_path), "--cpus", "0.5", *overlay)
    capture, result = tmp_path / "l3.pcap", tmp_path / "result.json"
    files = ("--capture", f"l3={capture}", "--json", str(result))
    found = []
    for _ in range(2):
        done = gtsdsl("emulate", str(MESH), *words, *files, *(it for line in commands for it in ("--exec", line)))
        assert done.returncode == 0, done.stderr
        document = json.loads(result.read_text())
        del document["wall_clock"]
        found.append((json.dumps(document), done.stdout, capture.read_bytes()))
    received = json.loads(found[0][1].splitlines()[-1])["received"]
    assert 100 < received < 3000
    assert len(found[0][2]) > 1000 * received
    assert found[0] == found[1]
