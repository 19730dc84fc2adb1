"""Flannel's four backends over a mesh, a star and a line: reachability, round trips, frames and MTU."""

from __future__ import annotations

import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.overlays.flannel import scenarios
from tests.emulator.overlays.frames import (
    UDP,
    between_containers,
    between_hosts,
    datagram,
    echoes,
    is_too_long,
    packet,
    tcp_is_right,
)
from tests.emulator.overlays.guest import TOPOLOGIES, run

pytestmark = pytest.mark.usefixtures("guest_kernel")

FORMS = ("vxlan", "host-gw", "udp", "wireguard")
OVERHEAD_BYTES = {"vxlan": 50, "host-gw": 0, "udp": 28, "wireguard": 80}
CIRCUIT_BYTES = 1500


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the scenario's result for a backend over a topology; it runs each scenario once."""

    @cache
    def of(overlay: str, topology: str) -> dict[str, Any]:
        return run(tmp_path_factory.mktemp("flannel"), topology, overlay, scenarios.measure)

    return of


# who reaches whom


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("form", FORMS)
def test_every_container_reaches_every_other_in_the_round_trip_of_the_circuits(
    measured: Any, form: str, topology: str
) -> None:
    found = measured(f"flannel:{form}", topology)
    assert all(after_ns is not None for after_ns in found["first"])
    assert all(found["back"].values())
    expected = TOPOLOGIES[topology].round_trips_ms
    assert found["rtt_ms"].keys() == expected.keys()
    for pair, rtt_ms in found["rtt_ms"].items():
        # each way over each circuit takes the time to send the bits, at 1 Gbit/s
        bits_ms = 2 * (98 + OVERHEAD_BYTES[form]) * 8 / 1e6 * (1 if topology == "mesh" else 3)
        assert expected[pair] <= rtt_ms <= expected[pair] + bits_ms + 0.01, pair


# in which frames


def test_vxlan_is_a_frame_between_the_vteps_in_udp_to_port_8472(measured: Any) -> None:
    frames = echoes(measured("flannel:vxlan", "mesh")["frames"])
    assert len(frames) == 2
    for frame, vtep in zip(frames, ("0e:f1:64:40:00:02", "0e:f1:64:40:00:01"), strict=True):
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports[1], outer.dont_fragment) == (UDP, 8472, False)
        flags, vni = struct.unpack("!B3xI", outer.payload[:8])
        assert (flags, vni) == (0x08, 1 << 8)
        inner = datagram(outer.payload[8:])
        assert inner.mac == vtep
        assert between_containers(inner)


def test_host_gw_is_the_bare_packet_to_the_next_host(measured: Any) -> None:
    frames = echoes(measured("flannel:host-gw", "mesh")["frames"])
    assert len(frames) == 2
    assert all(between_containers(datagram(frame)) for frame in frames)


def test_udp_is_the_packet_in_udp_from_port_8285_to_port_8285_and_nothing_else(measured: Any) -> None:
    frames = echoes(measured("flannel:udp", "mesh")["frames"])
    assert len(frames) == 2
    for frame in frames:
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports) == (UDP, (8285, 8285))
        inner = packet(outer.payload)
        assert between_containers(inner)
        assert inner.total_bytes == len(outer.payload)


def test_what_udp_carries_of_tcp_is_whole_packets_of_which_none_is_lost_or_damaged(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "flannel:udp", scenarios.send_much, megabytes=4)
    assert found["is_whole"]
    assert found["wrong"] == {"c1": ["0", "0", "0"], "c2": ["0", "0", "0"]}
    assert "to 100.64" not in found["log"]
    carried = 0
    for outer in (datagram(frame) for frame in echoes(found["frames"])):
        rest = outer.payload
        while rest:  # a frame stands for several datagrams, all of one size, only the last may be shorter
            inner = packet(rest)
            assert inner.total_bytes == min(packet(outer.payload).total_bytes, len(rest))
            assert tcp_is_right(rest[: inner.total_bytes])
            carried += inner.total_bytes - 52
            rest = rest[inner.total_bytes :]
    assert carried > found["bytes"]


def test_wireguard_is_a_transport_data_message(measured: Any) -> None:
    frames = echoes(measured("flannel:wireguard", "mesh")["frames"])
    assert len(frames) == 2
    for frame in frames:
        outer = datagram(frame)
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports) == (UDP, (51820, 51820))
        kind, _, counter = struct.unpack("<IIQ", outer.payload[:16])
        assert kind == 4
        assert counter > 0
        # 84 bytes of packet, padded to a multiple of 16, and the authentication tag
        assert len(outer.payload) == 16 + 96 + 16
        assert b"\x0a\xf4\x01\x02" not in outer.payload


# how large


@pytest.mark.parametrize("form", FORMS)
def test_the_largest_packet_passes_whole_and_one_byte_more_does_not(measured: Any, form: str) -> None:
    found = measured(f"flannel:{form}", "mesh")
    assert found["mtu_bytes"] == CIRCUIT_BYTES - OVERHEAD_BYTES[form]
    assert " 0% packet loss" in found["passes"]
    assert is_too_long(found["refused"], found["mtu_bytes"])
    sizes = [datagram(frame).total_bytes for frame in echoes(found["largest"])]
    # of WireGuard, flannel counts 20 bytes more, for IPv6
    assert sizes == [CIRCUIT_BYTES - (20 if form == "wireguard" else 0)] * 2


@pytest.mark.parametrize("form", FORMS)
def test_the_mtu_is_set_through_the_stack(measured: Any, form: str) -> None:
    found = measured(f"flannel:{form}", "mesh")
    for state in found["state"].values():
        assert {link["mtu_bytes"] for link in state["links"]} == {found["mtu_bytes"]}


@pytest.mark.parametrize(("form", "hops"), [("vxlan", 2), ("host-gw", 2), ("udp", 4), ("wireguard", 2)])
def test_each_host_is_a_hop_and_so_is_each_forwarder_of_udp(measured: Any, form: str, hops: int) -> None:
    assert f"ttl={64 - hops}" in measured(f"flannel:{form}", "mesh")["hop"]


# what is written


def rows(state: dict[str, Any], table: str, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(item[field] for field in fields) for item in state[table]]


def wireguard_keys(states: dict[str, Any]) -> dict[str, str]:
    """Return the public key of each host; only the backend `wireguard` has keys."""
    return {
        host: dict(link["details"])["public_key"]
        for host, state in states.items()
        for link in state["links"]
        if link["kind"] == "wireguard"
    }


def without_keys(states: dict[str, Any]) -> Any:
    """Return the states with each host's name in place of its public key, which is random."""
    text = json.dumps(states)
    for host, key in wireguard_keys(states).items():
        text = text.replace(key, host)
    return json.loads(text)


def test_vxlan_writes_a_neighbour_an_fdb_entry_and_a_route_for_each_other_host(measured: Any) -> None:
    found = measured("flannel:vxlan", "mesh")
    state = found["state"]["h1"]
    others = range(2, 6)
    device = next(link for link in state["links"] if link["name"] == "flannel.1")
    assert (device["kind"], device["mac"], device["mtu_bytes"]) == ("vxlan", "0e:f1:64:40:00:01", 1450)
    assert (device["queue_packets"], found["accept_ra"].strip()) == (0, "0")
    assert dict(device["details"]) == {
        "vni": 1, "port": 8472, "local": "100.64.0.1", "dev": None,
        "learning": False, "proxy": False, "l2miss": False, "l3miss": False,
    }  # fmt: skip
    assert ("flannel.1", "10.244.1.0/32") in rows(state, "addresses", "interface", "address")
    assert rows(state, "neighbours", "interface", "address", "mac") == [
        ("flannel.1", f"10.244.{it}.0", f"0e:f1:64:40:00:0{it}") for it in others
    ]
    assert rows(state, "fdb", "interface", "mac", "destination") == [
        ("flannel.1", f"0e:f1:64:40:00:0{it}", f"100.64.0.{it}") for it in others
    ]
    routes = rows(state, "routes", "destination", "interface", "gateway", "flags", "protocol")
    assert routes == [
        ("10.244.1.0/24", "cni0", None, [], "kernel"),
        *((f"10.244.{it}.0/24", "flannel.1", f"10.244.{it}.0", ["onlink"], "boot") for it in others),
    ]


def test_host_gw_writes_routes_by_the_next_host_and_nothing_else(measured: Any) -> None:
    state = measured("flannel:host-gw", "line")["state"]["h2"]
    assert rows(state, "routes", "destination", "interface", "gateway")[0] == ("10.244.1.0/24", "h2-eth0", "10.0.0.0")
    assert rows(state, "routes", "destination", "interface", "gateway")[2:] == [
        ("10.244.3.0/24", "h2-eth1", "10.0.0.3"),
        ("10.244.4.0/24", "h2-eth1", "10.0.0.3"),
    ]
    assert state["neighbours"] == state["fdb"] == state["tunnel_peers"] == []
    assert [link["name"] for link in state["links"]] == ["cni0", "veth1"]


def test_udp_writes_a_tun_device_and_one_route(measured: Any) -> None:
    state = measured("flannel:udp", "mesh")["state"]["h1"]
    device = next(link for link in state["links"] if link["name"] == "flannel0")
    assert dict(device["details"]) == {"type": "tun", "packet_information": False}
    assert ("10.244.0.0/16", "flannel0", None) in rows(state, "routes", "destination", "interface", "gateway")
    assert state["neighbours"] == state["fdb"] == state["tunnel_peers"] == []


def test_wireguard_writes_a_peer_for_each_other_host_and_one_route(measured: Any) -> None:
    found = measured("flannel:wireguard", "mesh")["state"]
    keys = wireguard_keys(found)
    assert len(set(keys.values())) == 5
    assert ("flannel-wg", 0) in rows(found["h1"], "links", "name", "queue_packets")
    assert rows(found["h1"], "tunnel_peers", "interface", "endpoint", "public_key", "allowed") == [
        ("flannel-wg", f"100.64.0.{it}:51820", keys[f"h{it}"], [f"10.244.{it}.0/24"]) for it in range(2, 6)
    ]
    routes = rows(found["h1"], "routes", "destination", "interface", "gateway", "scope")
    assert ("10.244.0.0/16", "flannel-wg", None, "link") in routes


@pytest.mark.parametrize("form", FORMS)
def test_each_host_knows_the_others_and_says_what_it_leased(measured: Any, form: str) -> None:
    found = measured(f"flannel:{form}", "mesh")
    for number in range(1, 6):
        assert found["peers"][f"h{number}"] == [
            {"host": f"h{it}", "address": f"100.64.0.{it}", "subnet": f"10.244.{it}.0/24"}
            for it in range(1, 6)
            if it != number
        ]
    mtu_bytes = found["mtu_bytes"]
    assert found["subnet"] == (
        f"FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU={mtu_bytes}\nFLANNEL_IPMASQ=false\n"
    )


def test_over_open_vswitch_an_overlay_is_as_fast_as_the_machines(tmp_path: Path) -> None:
    found = run(
        tmp_path, "star", "flannel",
        scenarios.probe_pairs,
        "--switch", "ovs",
    )  # fmt: skip
    assert len(found["pairs"]) == 6
    # 50 bytes more on each of two circuits, each way, take 1.6 µs; Open vSwitch and etcd, whose threads run in an order
    # that differs by machine, read the clock meanwhile, and a single echo may be 20 µs late
    assert all(abs(containers_us - machines_us) <= 20 for machines_us, containers_us in found["pairs"]), found["pairs"]


@pytest.mark.parametrize("form", FORMS)
def test_two_runs_write_the_same_and_measure_the_same(measured: Any, tmp_path: Path, form: str) -> None:
    first, second = measured(f"flannel:{form}", "mesh"), run(tmp_path, "mesh", f"flannel:{form}", scenarios.measure)
    assert without_keys(first["state"]) == without_keys(second["state"])
    # to the byte, as where there is no store, they are not: beside etcd, runs differ by some microseconds
    for pair, rtt_ms in first["rtt_ms"].items():
        assert second["rtt_ms"][pair] == pytest.approx(rtt_ms, abs=0.01)
