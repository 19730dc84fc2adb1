"""The overlay weave with its fast datapath in a guest: round trips, frames, encryption, and the way by sleeve."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.overlays.frames import UDP, between_hosts, datagram, echoes, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, run
from tests.emulator.overlays.weave import fastdp_overlay_scenarios
from tests.emulator.overlays.weave.bounds import ESP_BYTES, FAST_BYTES, READING_MS, SLEEVE_BYTES, most_ms

_ESP = 50
_IV_BYTES, _CHECK_BYTES = 8, 16
_AGAIN_MS = 0.005
"""How much a round trip differs if it is measured twice. Agents and routers read the clock meanwhile."""

pytestmark = pytest.mark.usefixtures("guest_kernel")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_containers_reach_each_other_by_vxlan_of_the_kernel(tmp_path: Path, topology: str) -> None:
    found = run(tmp_path, topology, "weave:fastdp", fastdp_overlay_scenarios.measure)
    circuits = 1 if topology == "mesh" else 3
    for pair, rtt_ms in TOPOLOGIES[topology].round_trips_ms.items():
        assert rtt_ms <= found["rtt_ms"][pair] <= most_ms(rtt_ms, FAST_BYTES, circuits=circuits), pair

    request, reply = (datagram(bytes.fromhex(frame)) for frame in _tunnelled(found["frames"]))
    for outer in (request, reply):
        assert between_hosts(outer)
        assert (outer.protocol, outer.ports[1], outer.dont_fragment) == (UDP, 6784, True)
        assert outer.payload[:4] == b"\x08\0\0\0"  # the VNI is valid
        assert outer.payload[7] == 0
    # each host's short id is the source in one direction, and the destination in the other
    there, back = (int.from_bytes(it.payload[4:7], "big") for it in (request, reply))
    assert (there & 0xFFF, there >> 12) == (back >> 12, back & 0xFFF)
    for frame in _tunnelled(found["frames"]):
        assert bytes.fromhex(frame)[22] == 64  # h1 and h2 are neighbours
        assert bytes.fromhex(frame)[40:42] == b"\0\0"  # no checksum
    inner = [datagram(it.payload[8:]) for it in (request, reply)]
    assert inner[0].source == inner[1].target
    assert {it.protocol for it in inner} == {1}

    sizes = [datagram(bytes.fromhex(frame)).total_bytes for frame in _tunnelled(found["largest"])]
    assert sizes == [1376 + FAST_BYTES] * 2
    assert is_too_long(found["refused"], 1376)
    assert set(map(tuple, found["ports"].values())) == {("datapath", "vethwe-datapath", "vxlan-6784")}
    assert found["answers by IPv6"] == sorted({name for pair in found["rtt_ms"] for name in pair.split()})


def _tunnelled(frames: list[str]) -> list[str]:
    """Return the frames of the tunnel that have an echo of containers in them, without heartbeats and ARP."""
    found = []
    for frame in echoes(frames):
        outer = datagram(frame)
        if outer.protocol == UDP and outer.ports[1] == 6784 and outer.payload[20:22] == b"\x08\0":
            found.append(frame.hex())
    assert len(found) == 2
    return found


def test_the_password_encrypts_and_nothing_leaves_in_plain_text(tmp_path: Path) -> None:
    arguments = ("--overlay-password", "correct horse")
    found = run(tmp_path, "mesh", "weave", fastdp_overlay_scenarios.encrypt, *arguments)
    assert 36.2 <= found["rtt_ms"] <= most_ms(36.2, FAST_BYTES + ESP_BYTES)
    packets = [datagram(bytes.fromhex(frame)) for frame in found["frames"] if frame[46:48] == f"{_ESP:02x}"]
    assert len(packets) >= 2
    echo = 0
    for packet in packets:
        spi, sequence = struct.unpack("!II", packet.payload[:8])
        key = bytes.fromhex(found["keys"][f"{packet.source} {packet.target} {spi}"])
        plain = _decrypt(key, spi, sequence, packet.payload[8:])
        udp, vxlan = plain[:8], plain[8:16]
        assert struct.unpack("!H", udp[2:4]) == (6784,)
        assert vxlan[:4] == b"\x08\0\0\0"
        echo += plain[28:30] == b"\x08\0"
        for needle in (b"\x08\0\x45\0", plain[16:28]):
            assert needle not in packet.payload[16:]
    assert echo == 2
    assert {tuple(policy) for policy in found["policies"]} == {
        ("100.64.0.1", f"100.64.0.{number}", 0x20000) for number in range(2, 6)
    }
    _check_rules(found["rules"], found["keys"])
    # the routers' own datagrams by sleeve, such as heartbeats, go on, and are encrypted by the routers
    for outer in map(datagram, echoes(found["without policies"])):
        assert 6784 not in outer.ports
        assert b"\x08\0\x45\0" not in outer.payload
    for word in ("WEAVE-IPSEC", "spi", "DROP", "0x20000"):
        assert word not in found["left"]


def _decrypt(key: bytes, spi: int, sequence: int, data: bytes) -> bytes:
    """Return the plain text of an ESP packet after its sequence number (RFC 4106, with the numbers of RFC 4304)."""
    from nacl.bindings import crypto_aead_aes256gcm_decrypt

    nonce = key[32:] + data[:_IV_BYTES]
    authenticated = struct.pack("!IQ", spi, sequence)
    plain: bytes = crypto_aead_aes256gcm_decrypt(data[_IV_BYTES:], authenticated, nonce, key[:32])
    padding, protocol = plain[-2:]
    assert protocol == UDP
    assert plain[-2 - padding : -2] == bytes(range(1, padding + 1))
    return plain[: -2 - padding]


def _check_rules(rules: str, keys: dict[str, str]) -> None:
    """Check that the rules mark what goes to and comes from each host, and drop what has no mark."""
    inbound = {int(name.split()[2]) for name in keys if name.split()[1] == "100.64.0.1"}
    assert len(inbound) == 4
    for spi in inbound:
        assert rules.count(f'-p esp -m u32 --u32 "0x0>>0x16&0x3c@0x0={spi:#x}" -j WEAVE-IPSEC-IN-MARK\n') == 1
    assert "-A OUTPUT ! -p esp -m policy --dir out --pol none -m mark --mark 0x20000/0x20000 -j DROP\n" in rules
    for number in range(2, 6):
        out = f"-s 100.64.0.1/32 -d 100.64.0.{number}/32 -p udp -m udp --dport 6784"
        back = f"-s 100.64.0.{number}/32 -d 100.64.0.1/32 -p udp -m udp --dport 6784"
        assert f"-A WEAVE-IPSEC-OUT {out} -j WEAVE-IPSEC-OUT-MARK\n" in rules
        assert f"-A WEAVE-IPSEC-IN {back} -m mark ! --mark 0x20000/0x20000 -j DROP\n" in rules


def test_without_udp_6784_sleeve_forwards_until_the_tunnel_passes_again(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave", fastdp_overlay_scenarios.drop_the_tunnel)
    # heartbeats come every 10 s, and the forwarder gives up 60 s after the last one
    assert 50 <= found["fell back"] <= 61
    assert found["passes"] <= 1
    assert 36.2 <= found["fast_ms"] <= most_ms(36.2, FAST_BYTES)
    # each way, the routers of both hosts read the clock for the frame
    assert found["fast_ms"] + 4 * READING_MS <= found["sleeve_ms"] <= most_ms(36.2, SLEEVE_BYTES, routers=2)
    assert found["view"].count(" sleeve ") == 4
    assert found["a probe fails"]  # because the variant is fastdp
    assert found["back"] <= 11
    assert found["fast again_ms"] == pytest.approx(found["fast_ms"], abs=_AGAIN_MS)
    assert found["losses"] == 0


def test_when_a_circuit_is_cut_another_peer_relays(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "weave", fastdp_overlay_scenarios.cut_a_circuit)
    # sleeve fails at once, because there is no route; the fast datapath a minute after its last heartbeat
    assert 50 <= found["passes"] <= 62
    others: dict[str, Any] = TOPOLOGIES["mesh"].round_trips_ms
    ways = [others[f"c1 c{it}"] + others[f"c2 c{it}"] for it in range(3, 6)]
    assert any(way <= found["relayed_ms"] <= most_ms(way, FAST_BYTES, circuits=2) for way in ways)
    assert 29.8 <= found["others_ms"] <= most_ms(29.8, FAST_BYTES)
    assert found["method"] == "fastdp"
    assert found["back"] <= 90


@pytest.mark.parametrize("arguments", [(), ("--overlay-password", "correct horse")], ids=["plain", "encrypted"])
def test_an_agent_that_was_killed_or_stopped_comes_back(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    found = run(tmp_path, "mesh", "weave", fastdp_overlay_scenarios.kill_and_stop, *arguments)
    # Weave waits longer after each failed attempt to connect, by chance
    assert found["back"] <= 30
    assert found["back after stop"] <= 30
    for name in ("again_ms", "at last_ms"):
        assert found[name] == pytest.approx(found["direct_ms"], abs=_AGAIN_MS)
    assert {"vxlan-6784", "datapath", "vethwe-datapath", "vethwe-bridge"}.isdisjoint(found["links"])
    assert "weave" in found["links"]  # with the containers, as after `weave stop`
    assert not found["while stopped"]
    assert 55.6 <= found["others_ms"] <= most_ms(55.6, FAST_BYTES + (ESP_BYTES if arguments else 0))
    # two for each connection, so those of ended connections are gone
    assert found["associations"] == (8 if arguments else 0)
