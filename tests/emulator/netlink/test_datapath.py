"""A datapath in a guest: ports, packets that no flow matches, flows, and what is left when they are removed."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from emulator.kernel.cache import Kernel
from emulator.netlink import generic
from emulator.netlink.datapath import Upcall, parse_upcall
from emulator.netlink.flows import FlowKey
from emulator.netlink.messages import HEADER, attribute, nested, u32
from tests.emulator.netlink import guest_scenarios
from tests.emulator.netlink.guest import seen_in_guest

_FAMILY = 30
_ROUND_TRIP_NS = 36_202_368
"""36.2 ms, and the time that a frame of 148 bytes takes at 1 Gbit/s, in both directions."""
_MACS = bytes.fromhex("020000000001020000000002")


def _datagram(command: int, *parts: bytes, family: int = _FAMILY) -> bytes:
    body = generic.HEADER.pack(command, 1) + struct.pack("=i", 4) + b"".join(parts)
    return HEADER.pack(HEADER.size + len(body), family, 0, 0, 0) + body


_KEY = nested(2, u32(3, 1), attribute(4, _MACS))
_FRAME = attribute(1, b"frame")


def test_an_upcall_has_the_frame_and_its_key() -> None:
    key = FlowKey(1, _MACS[:6], _MACS[6:])
    assert parse_upcall(_datagram(1, _FRAME, _KEY), _FAMILY) == Upcall(True, key, b"frame")
    assert parse_upcall(_datagram(2, _FRAME, _KEY), _FAMILY) == Upcall(False, key, b"frame")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _datagram(1, _FRAME, _KEY)[:20],
        _datagram(1, _FRAME, _KEY, family=2),
        _datagram(3, _FRAME, _KEY),
        _datagram(1, _KEY),
        _datagram(1, _FRAME),
        _datagram(1, _FRAME, nested(2, u32(3, 1), attribute(4, b"short"))),
    ],
)
def test_what_is_no_upcall_is_passed_over(data: bytes) -> None:
    assert parse_upcall(data, _FAMILY) is None


@pytest.fixture(scope="module")
def seen(guest_kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert guest_kernel.virtual_clock
    return seen_in_guest(tmp_path_factory.mktemp("guest"), guest_scenarios.use_a_datapath)


def test_frames_pass_a_tunnel_by_upcalls_and_then_by_flows(seen: dict[str, Any]) -> None:
    assert seen["ports"] == [[0, "datapath"], [1, "vethd"], [2, "vxlan-6784"]]
    # ARP's request and answer, and the first echo, each at both hosts; the later echoes match flows
    assert seen["upcalls"] == {"h1": ["0806", "0806", "0800"], "h2": ["0806", "0806", "0800"]}
    assert seen["tunnel"] == [0xABC123, "100.64.0.1", "100.64.0.2", 64, True]
    assert all(abs(value - _ROUND_TRIP_NS) < 5_000 for value in seen["round_trips_ns"][1:])
    assert seen["flows"] == {"h1": 3, "h2": 3}
    assert seen["packets"] == 5
    assert seen["was used"]


def test_flows_are_cleared_changed_and_removed(seen: dict[str, Any]) -> None:
    assert seen["cleared"] == [0, None]
    assert seen["drops"] is None
    assert seen["after one was deleted"] == 2
    assert seen["after all were deleted"] == 0


def test_frames_are_executed_without_a_flow(seen: dict[str, Any]) -> None:
    # all addresses of the frames are 0, as of Weave's heartbeats
    assert seen["executed"] == [[True, 1390], [True, 114]]


def test_what_the_kernel_refuses_is_said(seen: dict[str, Any]) -> None:
    assert "datapath, port no0: the kernel refuses" in seen["refused"]


def test_a_datapath_is_found_again_and_removed(seen: dict[str, Any]) -> None:
    assert seen["ports of the same"] == 3
    assert seen["ports without one"] == [[0, "datapath"], [1, "vethd"]]
    assert seen["left"] == [False, True]
