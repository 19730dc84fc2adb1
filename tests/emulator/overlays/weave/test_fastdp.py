"""The fast datapath of two hosts in a guest, without a router: flows, their expiry, heartbeats."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from emulator.kernel.cache import Kernel
from emulator.overlays.weave.fastdp import tunnel_number
from tests.emulator.netlink.guest import seen_in_guest
from tests.emulator.overlays.frames import datagram
from tests.emulator.overlays.weave import fastdp_scenarios

ONE, TWO, ALL = "020000000001", "020000000002", "ffffffffffff"
OUT = f"1, {ONE} to {TWO}: 0xabc123 100.64.0.1 100.64.0.2 ttl 64 df True 2"
OUT_TO_ALL = f"1, {ONE} to {ALL}: 0 0xabc123 100.64.0.1 100.64.0.2 ttl 64 df True 2"
BACK = f"2 tunnel 0x123abc, {TWO} to {ONE}: 1"
IN_TO_ALL = f"2 tunnel 0xabc123, {ONE} to {ALL}: 0 1"


def test_the_vni_is_the_short_id_of_the_source_and_then_that_of_the_destination() -> None:
    assert tunnel_number(0x123, 0xABC) == 0xABC123
    assert tunnel_number(0xFFF, 0x000) == 0x000FFF


@pytest.fixture(scope="module")
def bridged(guest_kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert guest_kernel.virtual_clock
    return seen_in_guest(tmp_path_factory.mktemp("bridge"), fastdp_scenarios.bridge_between_two_hosts)


@pytest.fixture(scope="module")
def beaten(guest_kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert guest_kernel.virtual_clock
    return seen_in_guest(tmp_path_factory.mktemp("beat"), fastdp_scenarios.beat)


def test_a_frame_to_an_unknown_address_arrives_and_makes_no_flow(bridged: dict[str, Any]) -> None:
    assert bridged["to one that is not known"] == [[], [f"{ONE} to {TWO}"], [], []]


def test_a_broadcast_goes_to_the_datapaths_own_port_and_to_the_peer(bridged: dict[str, Any]) -> None:
    assert bridged["to all"] == [[], [f"{ONE} to {ALL}"], [OUT_TO_ALL], [IN_TO_ALL]]


def test_a_frame_to_a_known_address_makes_a_flow_at_both_ends(bridged: dict[str, Any]) -> None:
    near, far, flows, far_flows = bridged["to one that is known"]
    assert (near, far) == ([f"{TWO} to {ONE}"], [f"{ONE} to {TWO}"])
    assert flows == [OUT, OUT_TO_ALL, BACK]
    assert f"1, {TWO} to {ONE}: 0x123abc 100.64.0.2 100.64.0.1 ttl 64 df True 2" in far_flows
    assert f"2 tunnel 0xabc123, {ONE} to {TWO}: 1" in far_flows


def test_a_flow_keeps_later_frames_from_the_router(bridged: dict[str, Any]) -> None:
    assert bridged["again"][1] == [f"{ONE} to {TWO}"]
    assert bridged["asked again"] == 0


def test_a_frame_never_goes_back_to_the_port_that_it_came_by(bridged: dict[str, Any]) -> None:
    assert bridged["to one of the same port"][:2] == [[], []]
    assert bridged["to one of the same port"][2] == [OUT, OUT_TO_ALL, BACK]


def test_changed_decisions_remove_all_flows(bridged: dict[str, Any]) -> None:
    assert bridged["invalidated"] == []


def test_a_forwarder_in_user_space_gets_each_frame(bridged: dict[str, Any]) -> None:
    assert bridged["by a program"][:3] == [[], [], []]
    assert bridged["sent by the program"] == [TWO + ONE]
    assert bridged["injected"] == [f"{TWO} to {ONE}"]


def test_unused_flows_and_old_addresses_are_forgotten(guest_kernel: Kernel, tmp_path: Path) -> None:
    assert guest_kernel.virtual_clock
    seen = seen_in_guest(tmp_path, fastdp_scenarios.expire_flows)
    assert seen["at first"] == [OUT, OUT_TO_ALL, BACK]
    assert seen["after one interval"] == [OUT]
    assert seen["asked"]  # so that the router knows that the addresses are in use
    assert seen["after two"] == []
    assert seen["after the addresses were forgotten"] == []


def test_a_heartbeat_is_a_frame_of_zeros_in_the_largest_packet(beaten: dict[str, Any]) -> None:
    frames = {datagram(frame).source: frame for frame in map(bytes.fromhex, beaten["heartbeats"])}
    frame = frames["100.64.0.1"]
    outer = datagram(frame)
    assert outer.target == "100.64.0.2"
    assert outer.dont_fragment
    assert frame[22] == 64  # time to live
    assert outer.ports[1] == 6784
    assert frame[40:42] == b"\0\0"  # no checksum of UDP
    assert outer.payload[:8] == bytes.fromhex("08000000abc12300")
    inner = outer.payload[8:]
    assert inner[:14] == bytes(14)
    assert struct.unpack("!QH", inner[14:24]) == (fastdp_scenarios.UID, len(inner))
    assert len(inner) == 14 + 1376
    assert not any(inner[24:])


def test_the_first_heartbeat_is_acknowledged_and_then_they_slow_down(beaten: dict[str, Any]) -> None:
    events = [tuple(event) for event in beaten["events"]]
    for host in ("h1", "h2"):
        (acknowledged_s,) = (at_s for at_s, who, what in events if (who, what) == (host, "control 0"))
        (established_s,) = (at_s for at_s, who, what in events if (who, what) == (host, "established"))
        # the heartbeat takes 18 ms, and the acknowledgement as long
        assert established_s == pytest.approx(acknowledged_s + 0.018, abs=0.002)
    assert beaten["in thirty seconds"] == 6  # every ten seconds, both ways


def test_a_forwarder_is_unhealthy_a_minute_after_the_last_heartbeat_until_the_next_one(beaten: dict[str, Any]) -> None:
    events = [tuple(event) for event in beaten["events"]]
    for host in ("h1", "h2"):
        (lost_s,) = (at_s for at_s, who, what in events if (who, what) == (host, "healthy False"))
        (found_s,) = (at_s for at_s, who, what in events if (who, what) == (host, "healthy True"))
        assert 50 <= lost_s - beaten["cut"] <= 60
        assert 0 < found_s - beaten["mended"] <= 10.1


def test_malformed_heartbeats_and_messages_are_passed_over(beaten: dict[str, Any]) -> None:
    assert beaten["said about malformed ones"] == []


def test_a_stopped_forwarder_sends_nothing(beaten: dict[str, Any]) -> None:
    assert beaten["after the stop"] == 0
    assert beaten["actions after the stop"] == []
