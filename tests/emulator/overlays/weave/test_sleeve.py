"""The overlay weave by sleeve in a guest: round trips, datagrams, encryption, failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.overlays.weave import sleeve
from emulator.overlays.weave.packing import parse
from tests.emulator.overlays.frames import ICMP, UDP, between_hosts, datagram, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.overlays.weave import sleeve_scenarios
from tests.emulator.overlays.weave.bounds import SLEEVE_BYTES, most_ms

pytestmark = pytest.mark.usefixtures("guest_kernel")

OWN, OTHER = bytes.fromhex("7a7764400001"), bytes.fromhex("7a7764400002")
WORD = "--overlay-password=correct horse"


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("options", [(), (WORD,)], ids=["plain", "sealed"])
def test_containers_reach_each_other_by_sleeve(tmp_path: Path, topology: str, options: tuple[str, ...]) -> None:
    found = run(tmp_path, topology, "weave:sleeve", sleeve_scenarios.measure, *options)
    overhead_bytes = sleeve.overhead_bytes(is_encrypted=bool(options))
    circuits = 1 if topology == "mesh" else 3
    for pair, rtt_ms in TOPOLOGIES[topology].round_trips_ms.items():
        assert rtt_ms <= found["rtt_ms"][pair] <= most_ms(rtt_ms, overhead_bytes, circuits=circuits), pair
    assert all(found["back"].values())
    assert found["mtu_bytes"] == (1414 if options else 1438)
    assert all(after_ns is not None for after_ns in found["first"])

    request, reply = _echoes(found["frames"], overhead_bytes + 84)
    first, second = (bytes.fromhex(found["macs"][name].replace(":", "")) for name in ("c1", "c2"))
    for outer, names, macs in ((request, (OWN, OTHER), second + first), (reply, (OTHER, OWN), first + second)):
        assert between_hosts(outer)
        assert outer.ports == (6783, 6783)
        assert outer.payload[:6] == names[0]
        if options:
            # the numbers of datagrams that must not be fragmented have the highest bit
            assert bool(outer.payload[6] & 0x80) == outer.dont_fragment
            assert macs not in outer.payload  # the first bytes of the frame
        else:
            ((source, destination, frame),) = parse(outer.payload[6:])
            assert (source, destination) == names
            assert frame[:12] == macs
            inner = datagram(frame)
            assert inner.protocol == ICMP
            assert inner.dont_fragment == outer.dont_fragment
            assert {inner.source, inner.target} == {found["addresses"]["c1"], found["addresses"]["c2"]}

    whole = [bytes.fromhex(frame) for frame in found["largest"]]
    largest = [frame for frame in whole if frame[12:14] == b"\x08\0" and datagram(frame).total_bytes == 1500]
    # `ping -M do` forbids to fragment its request, and the kernel's reply does not: one by the raw socket, one not
    assert [datagram(frame).dont_fragment for frame in largest] == [True, False]
    assert largest[0][40:42] == b"\0\0"  # no checksum
    assert largest[1][40:42] != b"\0\0"
    assert max(datagram(frame).total_bytes for frame in whole if frame[12:14] == b"\x08\0") == 1500
    assert "1 received" in found["passes"]
    assert is_too_long(found["refused"], found["mtu_bytes"])
    assert "1 received" in found["fragmented"]


def test_a_host_has_weaves_interfaces_and_its_router_says_what_it_knows(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave:sleeve", sleeve_scenarios.measure)
    links = {link["name"]: link for link in found["state"]["links"]}
    assert set(links) == {"weave", "vethwe-bridge", "vethwe-pcap", "vethweplc1"}
    assert links["weave"]["mac"] == "7a:77:64:40:00:01"
    assert {link["mtu_bytes"] for link in links.values()} == {1438}
    assert links["vethwe-bridge"]["master"] == links["vethweplc1"]["master"] == "weave"
    assert found["parameters"].split() == ["5", "2", "1"]
    assert found["leaves_checksums"] is False
    assert found["multicast"].split() == ["224.0.0.0/4", "dev", "ethwe", "scope", "link"]

    assert {it["method"] for it in found["connections"]} == {"sleeve"}
    assert all(it["is_wanted"] for it in found["connections"])
    assert len(found["connections"]) == 10
    assert [peer["host"] for peer in found["peers"]["h1"]] == ["h2", "h3", "h4", "h5"]
    subnets = [network for peer in found["peers"]["h1"] for network in peer["subnet"].split(", ")]
    assert all(network.startswith("10.244.") for network in subnets)

    connections = [line.split() for line in found["view"] if line.startswith(("->", "<-"))]
    assert [line[2:4] for line in connections] == [["established", "sleeve"]] * 4
    assert all(line[-1] == "mtu=1438" for line in connections)
    assert [line for line in found["view"] if not line.startswith((" ", "->", "<-")) and "IPs" not in line][:5] == [
        f"7a:77:64:40:00:0{number}(h{number})" for number in range(1, 6)
    ]
    shares = [line.split() for line in found["view"] if "IPs" in line]
    assert shares[0][0] == "7a:77:64:40:00:02(h2)"
    assert shares[0][-2:] == ["(1", "active)"]
    assert sum(int(line[1]) for line in shares) == 65536
    assert [line.split()[0] for line in found["view"][-5:]] == ["c1", "c2", "c3", "c4", "c5"]
    assert found["shown"][0] == "weave sleeve, built-in control plane"


def test_a_circuit_that_is_cut_is_gone_around_and_taken_again(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave:sleeve", sleeve_scenarios.cut_a_circuit)
    # the kernel refuses the next datagram at once, and the two hosts reach each other by h3
    assert found["relayed_s"] <= 2.0
    assert 85.4 <= found["relayed_ms"] <= most_ms(85.4, SLEEVE_BYTES, circuits=2, routers=3)
    assert {pair: it for pair, it in found["methods"].items() if it != "sleeve"} == {"h1 h2": "relayed"}
    assert found["others"]
    # the next attempt to connect comes after a time that grows with the attempts before, up to six minutes
    assert found["direct_s"] <= 60
    assert 36.2 <= found["direct_ms"] <= most_ms(36.2, SLEEVE_BYTES, routers=2)
    assert set(found["methods_after"].values()) == {"sleeve"}


def test_a_host_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave:sleeve", sleeve_scenarios.cut_a_host_off)
    assert found["gone"]
    assert found["others"] == [True] * 3
    assert {pair for pair, it in found["methods"].items() if it == "unreachable"} == {
        "h1 h3",
        "h2 h3",
        "h3 h4",
        "h3 h5",
    }
    assert found["known"] == ["h2", "h4", "h5"]
    (share,) = found["shares"]
    assert share.endswith("- unreachable!")  # its addresses stay its own
    assert found["back_s"] <= 60


def test_a_router_that_is_killed_or_stopped_takes_its_addresses_again(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave:sleeve", sleeve_scenarios.kill_and_stop_a_router)
    assert not found["without"]  # the router itself forwards
    assert found["others"] == [True, True]
    assert found["killed_s"] <= 5
    assert found["address"][0] == found["address"][1]
    assert found["left"] == ["vethweplc4", "weave"]
    assert found["known"] == ["h2", "h3", "h5"]
    assert found["stopped_s"] <= 5
    assert found["known_after"] == ["h2", "h3", "h4", "h5"]
    assert found["log"].count("(h4) is ready") == 3


@pytest.mark.parametrize("options", [(), (WORD,)], ids=["plain", "sealed"])
def test_streams_and_small_and_large_packets_arrive(tmp_path: Path, options: tuple[str, ...]) -> None:
    found = run(tmp_path, "line", "weave:sleeve", sleeve_scenarios.fill_a_connection, *options)
    tcp = _report(found["tcp"])
    assert tcp["sum_received"]["bits_per_second"] >= 500e6
    for kind in ("small", "large"):
        datagrams = _report(found[kind])["sum"]
        assert datagrams["lost_packets"] == 0
        assert datagrams["packets"] >= 300


def test_two_runs_are_the_same_without_a_password(tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        results.append(run(folder, "star", "weave:sleeve", sleeve_scenarios.measure))
    assert results[0] == results[1]


def _report(text: str) -> dict[str, Any]:
    """Return the end of a report of iperf3, which may warn before it."""
    found: dict[str, Any] = json.loads(text[text.index("{") :])["end"]
    return found


def _echoes(frames: list[str], size: int) -> list[Any]:
    """Return the datagrams of sleeve that carry an echo request and its reply, by the size of their packets."""
    found = [bytes.fromhex(frame) for frame in frames]
    packets = [datagram(frame) for frame in found if frame[12:14] == b"\x08\0" and frame[23] == UDP]
    echoes = [packet for packet in packets if packet.total_bytes == size]
    assert len(echoes) == 2, [packet.total_bytes for packet in packets]
    return echoes
