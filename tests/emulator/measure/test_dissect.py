"""The headers of frames: those that scapy makes, beside what scapy itself says of them, and damaged ones."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw, bind_layers

from emulator.measure.dissect import Header, dissect

for port in 8472, 6784:  # those of Flannel and of Weave, which scapy does not know
    bind_layers(UDP, VXLAN, dport=port)

NAMES = {
    "Ether": "Ethernet", "Dot1Q": "802.1Q", "IP": "IPv4", "IPv6": "IPv6", "UDP": "UDP", "TCP": "TCP", "ARP": "ARP",
    "ICMP": "ICMP", "VXLAN": "VXLAN", "GENEVE": "GENEVE", "ESP": "ESP",
}  # fmt: skip
MAC = "02:00:00:00:00:01"
ETHER = Ether(src=MAC, dst=MAC)
"""With both addresses, because scapy would ask the network for those that are missing."""
PAYLOAD = Raw(b"x" * 64)
INNER = ETHER / IP(src="10.244.0.2", dst="10.244.1.2") / UDP(sport=7, dport=7) / PAYLOAD


def plain_ip(**fields: Any) -> Any:
    return IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def outer(port: int = 0) -> Any:
    packet = ETHER / IP(src="100.64.0.1", dst="100.64.0.2")
    return packet / UDP(sport=40_000, dport=port) if port else packet


def by_scapy(frame: bytes) -> list[Header]:
    """Return the headers that scapy finds; a header's size is what is left of it without what it carries."""
    found: list[Header] = []
    layer: Packet = Ether(frame)
    while layer and layer.name not in {"Raw", "Padding"}:
        name = NAMES[type(layer).__name__]
        size = 8 if name in {"ESP", "ICMP"} else len(layer) - len(layer.payload)
        found.append(Header(name, size))
        if name == "ESP":
            break
        layer = layer.payload
    return found


FRAMES = {
    "plain": outer(9999) / PAYLOAD,
    "tagged": ETHER / Dot1Q(vlan=7) / Dot1Q(vlan=8) / plain_ip() / UDP(dport=9) / PAYLOAD,
    "tcp-with-options": outer() / TCP(dport=80, options=[("MSS", 1460), ("Timestamp", (1, 2))]) / PAYLOAD,
    "ip-with-options": ETHER / plain_ip(options=[b"\x94\x04\x00\x00"]) / UDP(dport=9) / PAYLOAD,
    "icmp": outer() / ICMP() / PAYLOAD,
    "ipv6": ETHER / IPv6(src="fd00::1", dst="fd00::2") / UDP(dport=9) / PAYLOAD,
    "vxlan": outer(4789) / VXLAN(vni=1) / INNER,
    "vxlan-of-flannel": outer(8472) / VXLAN(vni=1) / INNER,
    "vxlan-of-weave": outer(6784) / VXLAN(vni=1) / INNER,
    "geneve": outer(6081) / GENEVE(vni=1) / INNER,
    "geneve-with-options": outer(6081) / GENEVE(vni=1, optionlen=2, options=b"\0" * 8) / INNER,
    "ipip": outer() / IP(src="10.244.0.2", dst="10.244.1.2") / UDP(dport=9) / PAYLOAD,
    "esp": outer() / ESP(spi=1, seq=1, data=b"x" * 80),
}


@pytest.mark.parametrize("name", FRAMES)
def test_headers_are_those_that_scapy_finds(name: str) -> None:
    frame = bytes(FRAMES[name])
    found = dissect(frame)
    assert list(found.headers) == by_scapy(frame)
    assert sum(header.size_bytes for header in found.headers) + found.payload_bytes == len(frame)
    assert found.is_sealed is (name == "esp")


def test_the_inner_packet_says_who_sends_to_whom() -> None:
    found = dissect(bytes(FRAMES["vxlan"]))
    assert [(it.source, it.destination, it.protocol, it.is_fragment) for it in found.packets] == [
        ("100.64.0.1", "100.64.0.2", 17, False),
        ("10.244.0.2", "10.244.1.2", 17, False),
    ]
    assert str(found) == ("Ethernet 14, IPv4 20, UDP 8, VXLAN 8, Ethernet 14, IPv4 20, UDP 8, payload 64")


def test_a_later_fragment_has_no_further_headers() -> None:
    packet = plain_ip(id=77) / UDP(dport=9) / Raw(b"x" * 2000)
    first, second = (dissect(bytes(ETHER / part)) for part in packet.fragment(fragsize=1480))
    assert [header.name for header in first.headers] == ["Ethernet", "IPv4", "UDP"]
    assert [header.name for header in second.headers] == ["Ethernet", "IPv4"]
    assert (first.is_fragment, second.is_fragment) == (True, True)
    assert {first.packets[0].identification, second.packets[0].identification} == {77}


def test_padding_of_a_short_frame_is_no_payload() -> None:
    frame = bytes(ETHER / plain_ip() / UDP(dport=9) / Raw(b"abcd")).ljust(60, b"\0")
    assert dissect(frame).payload_bytes == 4


def wireguard(kind: int, size: int) -> bytes:
    return bytes(outer(51820) / Raw(bytes([kind, 0, 0, 0]) + bytes(12) + bytes(size)))


def test_wireguard_has_handshakes_data_and_keepalives() -> None:
    data, keepalive, handshake = dissect(wireguard(4, 112)), dissect(wireguard(4, 16)), dissect(wireguard(1, 132))
    assert (data.headers[-1], data.payload_bytes, data.is_sealed) == (Header("WireGuard", 16), 112, True)
    assert (keepalive.headers[-1], keepalive.is_sealed) == (Header("WireGuard", 16), False)
    assert (handshake.headers[-1], handshake.is_sealed) == (Header("WireGuard", 148), False)


def test_nebula_has_messages_and_tests() -> None:
    message, test = (dissect(bytes(outer(4242) / Raw(bytes([kind, 0]) + bytes(100)))) for kind in (0x11, 0x14))
    assert (message.headers[-1], message.payload_bytes, message.is_sealed) == (Header("Nebula", 16), 86, True)
    assert test.is_sealed is False


def sleeve(*frames: bytes) -> bytes:
    parts = [bytes(12) + len(frame).to_bytes(2) + frame for frame in frames]
    return bytes(outer(6783) / Raw(b"sender" + b"".join(parts)))


def test_sleeve_has_several_frames_in_a_datagram() -> None:
    found = dissect(sleeve(bytes(INNER), bytes(INNER)))
    one = [Header("sleeve frame", 14), Header("Ethernet", 14), Header("IPv4", 20), Header("UDP", 8)]
    assert list(found.headers[3:]) == [Header("sleeve", 6), *one, *one]
    assert (found.payload_bytes, found.is_sealed) == (128, False)


def test_the_encryption_of_sleeve_is_noticed() -> None:
    sealed = dissect(bytes(outer(6783) / Raw(b"sender" + bytes(range(130, 250)))))
    assert (sealed.headers[-1], sealed.payload_bytes, sealed.is_sealed) == (Header("sleeve", 6), 120, True)


def test_arp_and_unknown_frames() -> None:
    assert [str(it) for it in dissect(bytes(ETHER / ARP(hwsrc=MAC, psrc="10.0.0.1"))).headers] == [
        "Ethernet 14",
        "ARP 28",
    ]
    assert dissect(bytes(Ether(src=MAC, dst=MAC, type=0x88B5) / PAYLOAD)).payload_bytes == 64
    assert dissect(b"").headers == ()


def test_a_cut_off_frame_is_read_as_far_as_it_goes() -> None:
    for frame in (bytes(it) for it in (*FRAMES.values(), Raw(sleeve(bytes(INNER))), Raw(wireguard(4, 112)))):
        whole = dissect(frame).headers
        for length in range(len(frame)):
            found = dissect(frame[:length])
            assert found.headers == whole[: len(found.headers)] or found.is_sealed
            assert sum(it.size_bytes for it in found.headers) + found.payload_bytes <= length


def test_packets_in_packets_end_somewhere() -> None:
    packet = bytes(plain_ip(proto=4))
    assert len(dissect(bytes(ETHER)[:12] + b"\x08\x00" + packet * 3000).headers) <= 64
