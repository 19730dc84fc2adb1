"""Keys, masks and actions of flows have the bytes of `linux/openvswitch.h`, and are read back the same."""

from __future__ import annotations

import struct

import pytest

from emulator.netlink.flows import (
    Action,
    Flow,
    FlowKey,
    Output,
    SetTunnel,
    ToProgram,
    Tunnel,
    action_attributes,
    clear_attributes,
    flow_attributes,
    key_attributes,
    parse_flow,
    parse_key,
)
from emulator.netlink.messages import attribute, attributes, nested

NEAR, FAR = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
TUNNEL = Tunnel(0xABC123, "100.64.0.1", "100.64.0.2", 64, 0, dont_fragment=True)
LOCAL_KEY = FlowKey(1, NEAR, FAR)
TUNNEL_KEY = FlowKey(2, FAR, NEAR, Tunnel(0x123ABC, "100.64.0.2", "100.64.0.1"))
ACTIONS: tuple[Action, ...] = (SetTunnel(TUNNEL), Output(2), Output(1), ToProgram(77))


def test_a_key_matches_port_and_addresses_exactly() -> None:
    values = dict(attributes(key_attributes(LOCAL_KEY)))
    key, mask = dict(attributes(values[1])), dict(attributes(values[7]))
    assert key == {3: struct.pack("=I", 1), 4: NEAR + FAR}
    assert mask == {3: b"\xff" * 4, 4: b"\xff" * 12}


def test_a_tunnel_matches_number_and_addresses_exactly_and_any_time_to_live() -> None:
    values = dict(attributes(key_attributes(TUNNEL_KEY)))
    key, mask = (dict(attributes(dict(attributes(values[it]))[16])) for it in (1, 7))
    assert key == {0: bytes.fromhex("0000000000123abc"), 1: bytes((100, 64, 0, 2)), 2: bytes((100, 64, 0, 1)), 4: b"\0"}
    assert mask == {0: b"\xff" * 8, 1: b"\xff" * 4, 2: b"\xff" * 4, 4: b"\0"}


def test_a_tunnel_to_be_sent_has_all_of_its_header() -> None:
    ((kind, value),) = attributes(action_attributes([SetTunnel(TUNNEL)]))
    ((inner, tunnel),) = attributes(value)
    assert (kind, inner) == (3, 16)
    assert dict(attributes(tunnel)) == {
        0: bytes.fromhex("0000000000abc123"),
        1: bytes((100, 64, 0, 1)),
        2: bytes((100, 64, 0, 2)),
        3: b"\0",
        4: b"\x40",
        5: b"",
    }


def test_actions_keep_their_order() -> None:
    assert [kind for kind, _ in attributes(action_attributes(ACTIONS))] == [3, 1, 1, 2]


@pytest.mark.parametrize("key", [LOCAL_KEY, TUNNEL_KEY])
def test_a_flow_is_read_as_it_was_written(key: FlowKey) -> None:
    data = flow_attributes(key, ACTIONS)
    assert parse_flow(data, 0) == Flow(key, ACTIONS)
    counted = data + attribute(3, struct.pack("=QQ", 5, 490)) + attribute(5, struct.pack("=Q", 11_328))
    assert parse_flow(b"head" + counted, 4) == Flow(key, ACTIONS, 5, 490, 11_328)


def test_a_flow_without_actions_drops() -> None:
    assert parse_flow(flow_attributes(LOCAL_KEY, ()), 0) == Flow(LOCAL_KEY, ())


def test_a_cleared_flow_has_its_key_and_the_mark() -> None:
    assert clear_attributes(LOCAL_KEY) == key_attributes(LOCAL_KEY) + attribute(6, b"")


def test_what_is_no_flow_of_this_form_is_an_error() -> None:
    with pytest.raises(ValueError, match="without a port"):
        parse_key(b"")
    with pytest.raises(ValueError, match="without an Ethernet header"):
        parse_key(attribute(3, bytes(4)) + attribute(4, bytes(3)))
    with pytest.raises(ValueError, match="an action of kind 5"):
        parse_flow(key_attributes(LOCAL_KEY) + nested(2, attribute(5, b"")), 0)
