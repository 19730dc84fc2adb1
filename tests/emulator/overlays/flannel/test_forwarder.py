"""The forwarder of flannel's backend `udp`, with a socket in place of a TUN interface that takes runs."""

from __future__ import annotations

import os
import socket
import struct
import threading
from ipaddress import IPv4Network

import pytest

from emulator.overlays.flannel.forwarder import Forwarder, checksum, lower_ttl
from emulator.overlays.flannel.segments import PLAIN

OWN, CONTAINER, ELSEWHERE = (socket.inet_aton(it) for it in ("10.244.1.0", "10.244.1.2", "10.244.2.2"))
UDP, ICMP = 17, 1
PATIENCE_S = 20.0


def packet(target: bytes = ELSEWHERE, ttl: int = 64, protocol: int = UDP, fragment: int = 0) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 7, fragment, ttl, protocol, 0, CONTAINER, target)
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + b"8 bytes."


class Bench:
    """A running forwarder, the other end of its TUN interface, and the other host's socket."""

    def __init__(self) -> None:
        tun, self._end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        tun.setblocking(False)
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind(("127.0.0.1", 0))
        self.address = end.getsockname()
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        for it in (self._end, self.far):
            it.settimeout(PATIENCE_S)
        self.forwarder = Forwarder(os.dup(tun.fileno()), end, 1472, "10.244.1.0")
        self.forwarder.set_routes({IPv4Network("10.244.2.0/24"): self.far.getsockname()})
        threading.Thread(target=self._run, daemon=True).start()

    def into_tun(self, data: bytes) -> None:
        """Send a packet by the TUN interface, as the host's kernel."""
        self._end.send(PLAIN + data)

    def from_tun(self) -> bytes:
        """Receive a packet that has no data for the kernel in its header."""
        frame = self._end.recv(2**16)
        assert frame[: len(PLAIN)] == PLAIN
        return frame[len(PLAIN) :]

    def _run(self) -> None:
        """Forward without end. A method, because it keeps the sockets open: at their end, the forwarder would spin."""
        self.forwarder.run()


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_a_datagram_is_the_packet_with_one_hop_less_and_a_right_checksum(bench: Bench) -> None:
    bench.into_tun(packet(ttl=64))
    assert bench.far.recv(2048) == packet(ttl=63)


def test_what_comes_back_loses_a_hop_too(bench: Bench) -> None:
    bench.far.sendto(packet(CONTAINER, ttl=64), bench.address)
    assert bench.from_tun() == packet(CONTAINER, ttl=63)


def test_packets_that_come_together_go_as_a_datagram_each(bench: Bench) -> None:
    for number in range(100):
        bench.into_tun(packet(ttl=100 + number))
    assert [bench.far.recv(2048) for _ in range(100)] == [packet(ttl=99 + number) for number in range(100)]


def test_packets_that_come_back_together_stay_in_order(bench: Bench) -> None:
    for number in range(100):
        bench.far.sendto(packet(CONTAINER, ttl=100 + number), bench.address)
    assert [bench.from_tun() for _ in range(100)] == [packet(CONTAINER, ttl=99 + number) for number in range(100)]


def test_a_packet_whose_time_to_live_is_used_up_is_dropped(bench: Bench) -> None:
    for ttl in (0, 1, 2):
        bench.into_tun(packet(ttl=ttl))
        bench.far.sendto(packet(CONTAINER, ttl=ttl), bench.address)
    assert bench.far.recv(2048) == packet(ttl=1)
    assert bench.from_tun() == packet(CONTAINER, ttl=1)


def test_a_packet_to_no_known_subnet_is_answered(bench: Bench) -> None:
    lost = packet(socket.inet_aton("10.244.9.9"))
    bench.into_tun(lost)
    answer = bench.from_tun()
    assert struct.unpack("!BBHHHBB", answer[:10]) == (0x45, 0, 56, 0, 0, 8, ICMP)
    assert (answer[12:16], answer[16:20], answer[20:22]) == (OWN, CONTAINER, bytes((3, 0)))
    assert checksum(answer[:20]) == checksum(answer[20:]) == 0
    assert answer[28:] == lost


def test_neither_icmp_nor_a_later_fragment_is_answered(bench: Bench) -> None:
    nowhere = socket.inet_aton("10.244.9.9")
    bench.into_tun(packet(nowhere, protocol=ICMP))
    bench.into_tun(packet(nowhere, fragment=5))
    bench.into_tun(b"too short")
    bench.into_tun(packet(nowhere, ttl=9))
    assert bench.from_tun()[28:] == packet(nowhere, ttl=9)


def test_a_host_that_has_left_is_forgotten(bench: Bench) -> None:
    target = socket.inet_aton("10.244.3.2")
    bench.forwarder.set_routes({IPv4Network("10.244.3.0/24"): bench.far.getsockname()})
    bench.into_tun(packet(target))
    assert bench.far.recv(2048) == packet(target, ttl=63)
    bench.into_tun(packet(ELSEWHERE))
    assert bench.from_tun()[28:] == packet(ELSEWHERE)


def test_the_mended_checksum_is_right_for_every_header() -> None:
    for identification in range(2**16):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, identification, 0, 64, UDP, 0, CONTAINER, ELSEWHERE)
        whole = bytearray(header[:10] + checksum(header).to_bytes(2, "big") + header[12:])
        assert lower_ttl(whole)
        assert (whole[8], checksum(bytes(whole))) == (63, 0)
