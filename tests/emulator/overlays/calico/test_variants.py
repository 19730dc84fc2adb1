"""Calico's four variants over a mesh, a star and a line: reachability, round trips, frames, MTU, tables and keys."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.overlays.calico import scenarios
from tests.emulator.overlays.frames import ICMP, UDP, Datagram, between_hosts, datagram, echoes, is_too_long, packet
from tests.emulator.overlays.guest import TOPOLOGIES, once, run

pytestmark = pytest.mark.usefixtures("guest_kernel")

VARIANTS = ("bgp", "rr", "ipip", "vxlan")
OVERHEAD_BYTES = {"bgp": 0, "rr": 0, "ipip": 20, "vxlan": 50}
CIRCUIT_BYTES = 1500
IPIP = 4
VXLAN_MACS = ("66:ac:4a:e9:72:85", "66:bf:1c:36:57:41")
"""The MAC addresses of ``vxlan.calico`` of h1 and h2: ``f`` and the SHA-1 of the name."""


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the scenario's result for a variant over a topology; it runs each scenario once."""

    @once
    def of(variant: str, topology: str) -> dict[str, Any]:
        return run(tmp_path_factory.mktemp("calico"), topology, f"calico:{variant}", scenarios.measure)

    return of


def between_containers(found: Datagram, variant: str) -> bool:
    """Return whether a packet is an echo between c1 and c2; with a tunnel, hosts have the first address."""
    number = 1 if variant in {"ipip", "vxlan"} else 0
    ends = {f"10.244.1.{number}", f"10.244.2.{number}"}
    return found.protocol == ICMP and {found.source, found.target} == ends


def without_sessions(frames: list[str]) -> list[bytes]:
    """Return the frames without those of BGP and ARP. Frames of IPIP are echoes here, too."""
    return [it for it in map(bytes.fromhex, frames) if it[12:14] == b"\x08\x00" and it[23] in {ICMP, UDP, IPIP}]


# who reaches whom


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_container_reaches_every_other_in_the_round_trip_of_the_circuits(
    measured: Any, variant: str, topology: str
) -> None:
    found = measured(variant, topology)
    assert all(after_ns is not None for after_ns in found["first"])
    assert all(found["back"].values())
    expected = TOPOLOGIES[topology].round_trips_ms
    assert found["rtt_ms"].keys() == expected.keys()
    for pair, rtt_ms in found["rtt_ms"].items():
        # each way over each circuit takes the time to send the bits, at 1 Gbit/s
        bits_ms = 2 * (98 + OVERHEAD_BYTES[variant]) * 8 / 1e6 * (1 if topology == "mesh" else 3)
        assert expected[pair] <= rtt_ms <= expected[pair] + bits_ms + 0.01, pair


@pytest.mark.parametrize("variant", VARIANTS)
def test_first_packets_wait_for_bgp_where_bird_writes_the_routes(measured: Any, variant: str) -> None:
    first_s = [after_ns / 1e9 for after_ns in measured(variant, "mesh")["first"]]
    # BIRD waits for up to 2 s before it connects, and for 5 s more if the other BIRD did not know of it yet; the
    # built-in agents of tunnels only wait for the store
    assert max(first_s) < (10 if OVERHEAD_BYTES[variant] == 0 else 2)


# in which frames


@pytest.mark.parametrize("variant", ["bgp", "rr"])
def test_bgp_is_the_bare_packet_to_the_next_host(measured: Any, variant: str) -> None:
    frames = echoes(measured(variant, "mesh")["frames"])
    assert len(frames) == 2
    assert all(between_containers(datagram(frame), variant) for frame in frames)


def test_ipip_is_the_packet_in_an_ip_packet_between_the_hosts(measured: Any) -> None:
    frames = without_sessions(measured("ipip", "mesh")["frames"])
    assert len(frames) == 2
    for frame in frames:
        outer = datagram(frame)
        assert between_hosts(outer)
        assert outer.protocol == IPIP
        assert between_containers(packet(outer.payload), "ipip")


def test_vxlan_is_a_frame_between_the_vteps_in_udp_to_port_4789(measured: Any) -> None:
    frames = echoes(measured("vxlan", "mesh")["frames"])
    assert len(frames) == 2
    for frame, vtep in zip(frames, reversed(VXLAN_MACS), strict=True):
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports[1]) == (UDP, 4789)
        flags, vni = struct.unpack("!B3xI", outer.payload[:8])
        assert (flags, vni) == (0x08, 4096 << 8)
        inner = datagram(outer.payload[8:])
        assert inner.mac == vtep
        assert between_containers(inner, "vxlan")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_largest_packet_passes_and_one_byte_more_is_refused(measured: Any, variant: str) -> None:
    found = measured(variant, "mesh")
    assert found["mtu_bytes"] == CIRCUIT_BYTES - OVERHEAD_BYTES[variant]
    assert [datagram(it).total_bytes for it in without_sessions(found["largest"])] == [CIRCUIT_BYTES] * 2
    assert is_too_long(found["refused"], found["mtu_bytes"])


def test_each_host_on_the_way_is_a_hop(measured: Any) -> None:
    assert "ttl=62" in measured("bgp", "mesh")["hop"]


# what is in the kernel


def test_bird_writes_the_own_block_as_a_blackhole_and_the_others_by_the_next_host(measured: Any) -> None:
    routes = {it["destination"]: it for it in measured("bgp", "mesh")["state"]["h1"]["routes"]}
    assert routes.keys() == {"10.244.1.0/32", *(f"10.244.{number}.0/26" for number in (1, 2, 3, 4, 5))}
    own, container, other = (routes[it] for it in ("10.244.1.0/26", "10.244.1.0/32", "10.244.2.0/26"))
    assert (own["type"], own["protocol"]) == ("blackhole", "bird")
    assert (container["interface"], container["scope"], container["protocol"]) == ("calic1", "link", "boot")
    assert (other["interface"], other["gateway"], other["protocol"]) == ("h1-eth0", "10.0.0.1", "bird")


@pytest.mark.parametrize(
    ("variant", "device", "gateway"), [("ipip", "tunl0", "100.64.0.2"), ("vxlan", "vxlan.calico", "10.244.2.0")]
)
def test_felix_writes_the_routes_of_tunnels(measured: Any, variant: str, device: str, gateway: str) -> None:
    state = measured(variant, "mesh")["state"]["h1"]
    routes = {it["destination"]: it for it in state["routes"]}
    assert routes.keys() == {"10.244.1.1/32", *(f"10.244.{number}.0/26" for number in (1, 2, 3, 4, 5))}
    own, other = routes["10.244.1.0/26"], routes["10.244.2.0/26"]
    assert (own["type"], own["protocol"]) == ("blackhole", "80")
    assert (other["interface"], other["gateway"], other["flags"]) == (device, gateway, ["onlink"])
    assert other["protocol"] == "80"
    assert {"interface": device, "address": "10.244.1.0/32"} in state["addresses"]


def test_vxlan_has_a_permanent_neighbour_and_an_fdb_entry_for_each_other_host(measured: Any) -> None:
    state = measured("vxlan", "mesh")["state"]["h1"]
    mac = VXLAN_MACS[1]
    assert len(state["neighbours"]) == len(state["fdb"]) == 4
    assert {"interface": "vxlan.calico", "address": "10.244.2.0", "mac": mac} in state["neighbours"]
    assert {"interface": "vxlan.calico", "mac": mac, "destination": "100.64.0.2"} in state["fdb"]
    (device,) = (link for link in state["links"] if link["name"] == "vxlan.calico")
    details = dict(device["details"])
    assert (details["vni"], details["port"], details["learning"], device["mtu_bytes"]) == (4096, 4789, False, 1450)


def test_a_container_has_a_default_route_by_an_address_that_its_host_answers_for(measured: Any) -> None:
    found = measured("bgp", "mesh")
    container = found["container"]
    assert {"interface": "eth0", "address": "10.244.1.0/32"} in container["addresses"]
    assert container["neighbours"] == [{"interface": "eth0", "address": "169.254.1.1", "mac": "ee:ee:ee:ee:ee:ee"}]
    assert [(it["destination"], it["gateway"]) for it in container["routes"]] == [
        ("0.0.0.0/0", "169.254.1.1"),
        ("169.254.1.1/32", None),
    ]
    assert found["sysctls"].split() == ["1", "0"]


# what the hosts and the store know


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_host_knows_the_blocks_of_all_others(measured: Any, variant: str) -> None:
    for host, peers in measured(variant, "mesh")["peers"].items():
        assert [(it["host"], it["address"], it["subnet"]) for it in peers] == [
            (f"h{number}", f"100.64.0.{number}", f"10.244.{number}.0/26")
            for number in range(1, 6)
            if f"h{number}" != host
        ]


def sessions(lines: list[str]) -> dict[str, str]:
    """Return the states of BIRD's sessions by their names."""
    return {line.split()[0]: line.split()[-1] for line in lines if " BGP " in line}


def test_the_view_has_birds_sessions_and_routes(measured: Any) -> None:
    mesh, star = measured("bgp", "mesh")["view"], measured("rr", "mesh")["view"]
    assert sessions(mesh["h2"]) == {f"Mesh_100_64_0_{number}": "Established" for number in (1, 3, 4, 5)}
    assert sessions(star["h1"]) == {f"Node_100_64_0_{number}": "Established" for number in (2, 3, 4, 5)}
    assert sessions(star["h2"]) == {"Node_100_64_0_1": "Established"}
    assert any(line.startswith("10.244.1.0/26") and "Node_100_64_0_1" in line for line in star["h2"])
    assert measured("vxlan", "mesh")["view"]["h1"] == []


def test_the_store_has_calicos_resources(measured: Any) -> None:
    values = {key: json.loads(value) for key, value in measured("vxlan", "line")["keys"].items()}
    v3 = "/calico/resources/v3/projectcalico.org"
    assert values[f"{v3}/ippools/default-ipv4-ippool"]["spec"]["vxlanMode"] == "Always"
    assert values[f"{v3}/clusterinformations/default"]["spec"]["datastoreReady"] is True
    node = values[f"{v3}/nodes/h2"]
    assert (node["kind"], node["apiVersion"]) == ("Node", "projectcalico.org/v3")
    assert node["spec"]["bgp"]["ipv4Address"] == "100.64.0.2/32"
    assert (node["spec"]["ipv4VXLANTunnelAddr"], node["spec"]["vxlanTunnelMACAddr"]) == ("10.244.2.0", VXLAN_MACS[1])
    endpoint = values[f"{v3}/workloadendpoints/default/h2-cni-c2-eth0"]["spec"]
    assert (endpoint["node"], endpoint["ipNetworks"]) == ("h2", ["10.244.2.1/32"])
    assert endpoint["interfaceName"] == "calic2"
    assert values["/calico/ipam/v2/host/h2/ipv4/block/10.244.2.0-26"]["state"] == "confirmed"
    block = values["/calico/ipam/v2/assignment/ipv4/block/10.244.2.0-26"]
    assert (block["affinity"], block["allocations"][:3]) == ("host:h2", [0, 1, None])
    assert [it["handle_id"] for it in block["attributes"]] == ["vxlan-tunnel-addr-h2", "gtsdsl.c2"]
    assert values["/calico/ipam/v2/handle/gtsdsl.c2"]["block"] == {"10.244.2.0/26": 1}


def test_two_runs_write_the_same(measured: Any, tmp_path: Path) -> None:
    for variant in ("bgp", "vxlan"):
        again = run(tmp_path, "line", f"calico:{variant}", scenarios.measure)
        for part in ("addresses", "state", "peers", "container", "keys"):
            assert again[part] == measured(variant, "line")[part], (variant, part)
