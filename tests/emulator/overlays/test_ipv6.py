"""Overlays with IPv6: round trips, frames, names, and Calico's policies for packets of IPv6."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator.overlays import ipv6_scenarios
from tests.emulator.overlays.frames import is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.samples import MESH, Cli

_ECHO_BYTES = 14 + 40 + 8 + 56
"""Ethernet, IPv6, ICMPv6 and the data of an echo."""
_POLICY = """\
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata:
  name: database
spec:
  selector: role == 'db'
  types: [Ingress]
  ingress:
    - action: Allow
      ipVersion: 6
      protocol: TCP
      source:
        nets: ["fd00:10:244::/56"]
      destination:
        ports: [5432]
    - action: Allow
      protocol: ICMPv6
      icmp:
        type: 128
      source:
        selector: name in {'c1', 'c2'}
        notNets: ["fd00:10:244::200/122"]
    - action: Deny
      ipVersion: 6
    - action: Allow
      ipVersion: 4
"""
"""To the database, IPv6 passes on its port only, and echoes from c1 only: c2 is in the second host's block."""
_OTHERS = ["c1", "c2", "c4", "c5"]


@pytest.mark.usefixtures("guest_kernel")
def test_geneve_carries_both_families_and_names_have_both(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "geneve", ipv6_scenarios.measure, "--overlay-ipv6")
    for pair, rtt_ms in TOPOLOGIES["mesh"].round_trips_ms.items():
        bits_ms = 2 * (_ECHO_BYTES + 50) * 8 / 1e6
        assert rtt_ms + bits_ms - 0.005 <= found["rtt_ms"][pair] <= rtt_ms + bits_ms + 0.005, pair
    assert found["reach"]
    assert found["resolved"] == ["10.244.1.2", "fd00:10:244:1::2"]
    assert found["first"] == [[4, True]] * 10 + [[6, True]] * 10
    assert found["mtu_bytes"] == 1450
    assert " 1 received" in found["passes"]
    assert is_too_long(found["refused"], 1450)
    # IPv6 in Ethernet in GENEVE, UDP and IPv4
    echoes = [frame for frame in map(bytes.fromhex, found["frames"]) if len(frame) == _ECHO_BYTES + 50]
    assert [frame[12:14].hex() for frame in echoes] == ["0800"] * 2
    assert [frame[50 + 12 : 50 + 14].hex() for frame in echoes] == ["86dd"] * 2
    assert {"host": "h2", "address": "100.64.0.2", "subnet": "fd00:10:244:2::/64"} in found["peers"]
    routes = {route["destination"]: route for route in found["state"]["routes"]}
    assert routes["fd00:10:244:2::/64"]["interface"] == "geneve2"
    assert routes["fd00:10:244:1::/64"]["interface"] == "cni0"
    assert all("fe80" not in text for text in routes)


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("variant", "engine"), [("bgp", "nftables"), ("rr", "nftables"), ("vxlan", "iptables")])
def test_calico_enforces_policies_of_ipv6_and_leaves_nothing(tmp_path: Path, variant: str, engine: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(_POLICY)
    arguments = ["--overlay-ipv6", "--policy", str(policy), "--policy-engine", engine, "--label", "c3:role=db"]
    found = run(tmp_path, "mesh", f"calico:{variant}", ipv6_scenarios.reach_with_policies, *arguments)
    assert (found["database 6"], found["web 6"], found["echo 6"]) == (_OTHERS, [], ["c1"])
    assert (found["database 4"], found["web 4"], found["echo 4"]) == (_OTHERS, _OTHERS, _OTHERS)
    assert (found["expected 4"], found["expected 6"]) == (_OTHERS, ["c1"])

    overhead_bytes = 70 if variant == "vxlan" else 0
    bits_ms = 2 * (_ECHO_BYTES + overhead_bytes) * 8 / 1e6
    # five BIRDs and etcd read the clock too, which takes virtual time
    assert 17.4 + bits_ms - 0.001 <= found["others"] <= 17.4 + bits_ms + 0.01
    blocks = [f"10.244.{number}.0/26" for number in range(2, 6)]
    assert found["peers"] == [*blocks, *(f"fd00:10:244::{number}00/122" for number in range(2, 6))]
    first = 1 if variant == "vxlan" else 0  # the tunnel has the first address of the block
    assert found["containers"] == {f"c{number}": f"fd00:10:244::{number}0{first}" for number in range(1, 6)}

    assert "/calico/ipam/v2/assignment/ipv6/block/fd00:10:244::100-122" in found["keys"]
    assert "/calico/ipam/v2/host/h1/ipv6/block/fd00:10:244::100-122" in found["keys"]
    assert "/calico/resources/v3/projectcalico.org/ippools/default-ipv6-ippool" in found["keys"]
    node = json.loads(found["node"])["spec"]
    assert node["bgp"]["ipv6Address"] == "fd74:e102:a04c:ffff::1/128"
    assert node.get("ipv6VXLANTunnelAddr") == ("fd00:10:244::100" if variant == "vxlan" else None)
    assert json.loads(found["handle"])["block"] == {"10.244.1.0/26": 1, "fd00:10:244::100/122": 1}
    assert found["left"] == []
    assert found["rules"] == ["0", "0", "0"]


@pytest.mark.usefixtures("guest_kernel")
def test_a_probe_of_both_families_expects_the_longer_headers_of_ipv6(gtsdsl: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = gtsdsl(
        "emulate", str(MESH), "--overlay", "flannel", "--overlay-ipv6", "--probe", "--count", "9", "--family", "both",
        "--json", str(out),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    overlay = json.loads(out.read_text())["overlay"]
    assert (overlay["overhead_bytes"], overlay["ipv6_overhead_bytes"]) == (50, 70)
    assert overlay["ipv6_addresses"]["c1"] == "fd00:10:244:1::2"
    assert overlay["spec"]["ipv6_pool"] == "fd00:10:244::/56"
    assert [pair["family"] for pair in overlay["pairs"]] == [4, 6] * 10
    assert all(abs(pair["error_us"]) <= 10 for pair in overlay["pairs"])
    for ipv4, ipv6 in zip(overlay["pairs"][::2], overlay["pairs"][1::2], strict=True):
        # 20 bytes more of the inner header and 20 of the outer one, each way, at 1 Gbit/s
        assert ipv6["expected_us"] - ipv4["expected_us"] == pytest.approx(2 * 40 * 8 / 1000, abs=0.001)
    lines = [line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("l1")]
    assert lines == ["l1", "l1 (IPv6)", "l10", "l10 (IPv6)"]


def test_a_probe_over_ipv6_needs_containers_with_ipv6(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--probe", "--family", "6")
    assert done.returncode == 2
    assert "--family 6 measures containers too, which have IPv4 only: add --overlay-ipv6" in done.stderr
