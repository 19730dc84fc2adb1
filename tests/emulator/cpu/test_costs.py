"""Costs of packets in a guest: the kernel's queues are where the formulas put them, in the virtual clock."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from emulator.cpu.table import Cost
from emulator.session import emulate
from gtsdsl.data import shipped
from tests.emulator.cpu.tables import EXAMPLE, write_table
from tests.emulator.samples import MESH, Cli

VXLAN = Cost(20_000.0, 0.1)
"""The cost of a packet of flannel:vxlan in the example."""

pytestmark = pytest.mark.usefixtures("guest_kernel")


def test_a_share_slows_all_work_down_and_flows_spread_over_cores(tmp_path: Path) -> None:
    costs = (
        '[stages.socket]\npacket_ns = 1e6\nsource = "a test"\n[stages.forward]\npacket_ns = 5e6\nsource = "a test"\n'
    )
    model = write_table(tmp_path, "cores = 4\n" + costs)
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
    text = EXAMPLE.read_text() + '[stages.geneve]\npacket_ns = 7000\nsource = "a test"\n'
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
        with emulate(MESH, overlay="flannel:vxlan", cpu_model=str(EXAMPLE), cpus=1, offload=offload) as net:
            sink = net["c4"].start([sys.executable, "-c", TCP_SINK])
            net.sleep(1)
            net["c1"].run([sys.executable, "-c", TCP_SOURCE], check=True)
            rates[offload] = float(sink.wait().stdout)
    assert rates[True] == pytest.approx(1000 * 1398 / 1514, rel=0.005)  # the circuit's rate
    # the sender works on two segments, of 1,514 bytes each, and on their acknowledgement of 116 bytes
    both = VXLAN + Cost(0.0, 0.1)
    work_ns = 2 * both.of(1514) + both.of(116)
    assert rates[False] == pytest.approx(2 * 1398 * 8 / work_ns * 1e3, rel=0.02)


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
