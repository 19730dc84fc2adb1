"""Costs of packets in a guest: the kernel's queues are where the formulas put them, in the virtual clock."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import traffic
from emulator.cpu.model import capacity_pps, mean_wait_ns
from emulator.cpu.table import Cost
from emulator.session import HostProxy, Session, emulate
from gtsdsl.data import shipped
from tests.emulator.samples import MESH, Cli

TABLE = Path(__file__).parents[3] / "examples" / "cost_table.toml"
VXLAN = Cost(20_000.0, 0.1)
"""The cost of a packet of flannel:vxlan in the example."""
PAYLOAD_BYTES, FRAME_BYTES = 1400, 1492
"""The data of a packet, and its frame with the headers of UDP, IP, Ethernet, VXLAN, UDP, IP and Ethernet."""
ONE_WAY_NS = 8_700_000
"""The delay from h1 to h4."""

SOCKETS = '[stages.socket]\npacket_ns = 1e6\nsource = "a test"\n[stages.forward]\npacket_ns = 0\nsource = "a test"\n'

pytestmark = pytest.mark.usefixtures("guest_kernel")


def table(folder: Path, text: str) -> str:
    path = folder / "table.toml"
    path.write_text(text)
    return str(path)


def sent(
    net: Session, source: HostProxy, sink: HostProxy, target: str, packets_per_s: float, count: int, seed: int = 0
) -> dict[str, float]:
    """Send packets, and return the number of those that arrived, the time between first and last, the mean delay."""
    receiver = sink.start([sys.executable, traffic.__file__, "receive"])
    net.sleep(1)
    words = (target, PAYLOAD_BYTES, packets_per_s, count, seed)
    source.run([sys.executable, traffic.__file__, "send", *map(str, words)], check=True)
    found: dict[str, float] = json.loads(receiver.wait().stdout)
    return found


@pytest.fixture(scope="module")
def vxlan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Run the mesh over flannel:vxlan, with the example's costs and one core a host; 100 packets wait for a core."""
    text = TABLE.read_text().replace("backlog_packets = 1000", "backlog_packets = 100")
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=table(tmp_path_factory.mktemp("table"), text), cpus=1) as net:
        net["c1"].run(["ping", "-c1", "c4"], check=True)
        yield net


@pytest.mark.parametrize("share", [10e6 / 8 / PAYLOAD_BYTES / 49_630, 0.5, 0.99])
def test_below_the_knee_every_packet_arrives(vxlan: Session, share: float) -> None:
    knee = capacity_pps(VXLAN, FRAME_BYTES)
    count = round(min(knee * share * 0.3, 15_000))
    assert sent(vxlan, vxlan["c1"], vxlan["c4"], "c4", knee * share, count)["received"] == count


@pytest.mark.parametrize("share", [1.01, 900e6 / 8 / PAYLOAD_BYTES / 49_630])
def test_above_the_knee_as_many_arrive_as_the_formula_says(vxlan: Session, share: float) -> None:
    knee = capacity_pps(VXLAN, FRAME_BYTES)
    count = 15_000
    found = sent(vxlan, vxlan["c1"], vxlan["c4"], "c4", knee * share, count)
    assert found["received"] < count
    assert (found["received"] - 1) / found["span_ns"] * 1e9 == pytest.approx(knee, rel=0.01)


def test_packets_at_random_times_wait_as_long_as_the_formula_says(tmp_path: Path) -> None:
    load, count, seed = 0.5, 20_000, 3
    with emulate(MESH, cpu_model=table(tmp_path, SOCKETS)) as net:
        net["h1"].run(["ping", "-c1", "h4"], check=True)
        found = sent(net, net["h1"], net["h4"], "h4", load * 1000, count, seed)
    assert found["received"] == count
    wait_ns = found["mean_delay_ns"] - ONE_WAY_NS - 8 * (PAYLOAD_BYTES + 42) - 2e6  # the work of both hosts
    assert wait_ns == pytest.approx(simulated_wait_ns(1e6, load, count, seed), rel=0.005)
    assert wait_ns == pytest.approx(mean_wait_ns(Cost(1e6), 0, load * 1000), rel=0.02)


def simulated_wait_ns(service_ns: float, load: float, count: int, seed: int) -> float:
    """Return the mean wait of the packets that `traffic.send` sends, by Lindley's recursion."""
    draw = random.Random(seed)  # noqa: S311 - no secrets
    came_ns = free_ns = waited_ns = 0.0
    for _ in range(count):
        came_ns += draw.expovariate(1) * service_ns / load
        waited_ns += max(0.0, free_ns - came_ns)
        free_ns = max(free_ns, came_ns) + service_ns
    return waited_ns / count


def test_a_share_slows_all_work_down_and_flows_spread_over_cores(tmp_path: Path) -> None:
    costs = (
        '[stages.socket]\npacket_ns = 1e6\nsource = "a test"\n[stages.forward]\npacket_ns = 5e6\nsource = "a test"\n'
    )
    model = table(tmp_path, "cores = 4\n" + costs)
    with emulate(MESH, cpu_model=model, cpus={"h2": 0.5, "h3": 4}) as net:
        assert net.plan.cpu is not None
        assert net.plan.cpu.cpus == {"h1": 4.0, "h2": 0.5, "h3": 4.0, "h4": 4.0, "h5": 4.0}
        for circuit in net.probe(3):
            assert circuit.error_us is not None
            assert abs(circuit.error_us) <= 5, circuit
        lines = "".join(f"s.sendto(b'', ('h3', {port}));" for port in range(6000, 6200))
        net["h1"].run([sys.executable, "-c", f"import socket; s=socket.socket(2, 2); {lines}"], check=True)
        net.sleep(1)
        counts = json.loads(net["h1"].cmd("tc -s -j qdisc show dev cpu-own"))
        packets = [it["packets"] for it in counts if it["kind"] == "netem"]
        assert len(packets) == 4
        assert min(packets) > 20


def test_two_runs_over_an_overlay_are_the_same_and_as_expected(gtsdsl: Cli, tmp_path: Path) -> None:
    from jsonschema_rs import Draft202012Validator

    output = tmp_path / "result.json"
    words = ("--overlay", "geneve", "--cpu-model", str(tmp_path / "t.toml"), "--cpus", "h1=0.5", "--probe")
    text = TABLE.read_text() + '[stages.geneve]\npacket_ns = 7000\nsource = "a test"\n'
    (tmp_path / "t.toml").write_text(text)
    found = []
    for _ in range(2):
        done = gtsdsl("emulate", str(MESH), *words, "--json", str(output))
        assert done.returncode == 0, done.stderr
        found.append(json.loads(output.read_text()))
        del found[-1]["wall_clock"]
    assert json.dumps(found[0]) == json.dumps(found[1])
    assert all(abs(pair["error_us"]) <= 5 for pair in found[0]["overlay"]["pairs"])
    assert found[0]["plan"]["cpu"]["table"] == str(tmp_path / "t.toml")
    assert "processors: " in done.stdout
    for name, document in (("emulation-result", {**found[0], "wall_clock": {"began": "", "seconds": 1}}),
                           ("plan", found[0]["plan"])):  # fmt: skip
        schema = json.loads(shipped("docs", "schema", f"{name}-1.schema.json").read_text())
        assert not list(Draft202012Validator(schema).iter_errors(document))


def test_tcp_needs_the_offload_that_udp_does_not_have() -> None:
    rates = {}
    for offload in (True, False):
        with emulate(MESH, overlay="flannel:vxlan", cpu_model=str(TABLE), cpus=1, offload=offload) as net:
            sink = net["c4"].start([sys.executable, "-c", TCP_SINK])
            net.sleep(1)
            net["c1"].run([sys.executable, "-c", TCP_SOURCE], check=True)
            rates[offload] = float(sink.wait().stdout)
    assert rates[True] > 700
    # the sender works on two segments, of 1,514 bytes each, and on their acknowledgement of 116 bytes
    both = VXLAN + Cost(0.0, 0.1)
    work_ns = 2 * both.of(1514) + both.of(116)
    assert rates[False] == pytest.approx(2 * 1398 * 8 / work_ns * 1e3, rel=0.05)


TCP_SINK = """
import socket, time
server = socket.create_server(("", 5000))
end, _ = server.accept()
count, began = 0, 0.0
while data := end.recv(2**20):
    count += len(data)
    if count > 2**24 and not began:  # without the slow start
        began, first = time.time(), count
print((count - first) * 8 / (time.time() - began) / 1e6)
"""
TCP_SOURCE = """
import socket
end = socket.create_connection(("c4", 5000))
for _ in range(40):
    end.sendall(bytes(2**20))
"""
