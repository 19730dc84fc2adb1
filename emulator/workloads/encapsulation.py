"""Encapsulation: what the circuit carries for a payload of a known size, counted and dissected at both ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from emulator.measure import pcap
from emulator.measure.dissect import UDP, Dissection, dissect
from emulator.measure.mtu import path_mtu_bytes
from emulator.netlink import links, namespaces
from emulator.overlays.pairs import joined
from emulator.plan import Interface
from emulator.system.closing import Closing
from emulator.system.poll import readable
from emulator.workloads.base import End, Stage, Workload, WorkloadError
from emulator.workloads.model import Figure, WorkloadRequest, WorkloadResult
from emulator.workloads.settings import parse, setting

_PORT = 7007
_IP_UDP_BYTES = 28
_WARM_UP, _WARM_UP_BYTES = 5, 64
"""Datagrams before the first one that counts: they find neighbours, shake hands and make flows."""
_PATIENCE_S = 10.0
_SETTLE_S = 0.2
"""The time in which the last fragments pass, and in which no other datagram is sent."""
_DECIMALS = 4
_MOST_BYTES = 65_507
_SOURCE_MAC = slice(6, 12)


@dataclass(frozen=True, slots=True)
class EncapsulationSettings:
    """The datagrams that are sent."""

    sizes: tuple[int, ...] = setting(
        (64, 512, 1400), "Payloads of UDP datagrams, in bytes.", least=16, most=_MOST_BYTES
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame on the circuit, with its size on it."""

    wire_bytes: int
    dissection: Dissection


_Sight: TypeAlias = tuple[_Seen, ...]


class Encapsulation(Workload):
    """UDP datagrams of several sizes, one at a time, and the frames that each becomes on the circuit."""

    settings = EncapsulationSettings

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Send a datagram of each size, and the largest that fits into one packet, and one that is a byte larger."""
        first, second = stage.ends(request)
        largest = path_mtu_bytes(first.namespace, second.address) - _IP_UDP_BYTES
        sizes = {str(size): size for size in parse(EncapsulationSettings, request.settings, request.name).sizes}
        sizes |= {"largest": largest, "larger": largest + 1}
        figures: list[Figure] = []
        remarks: dict[str, list[str]] = {}
        with _Circuit(stage, request, first, second) as circuit:
            circuit.warm_up()
            for name, size in sizes.items():
                sent, arrived = circuit.send(size)
                figures += _figures(name, size, sent)
                for line in _remarks(sent, arrived):
                    remarks.setdefault(line, []).append(name)
        return WorkloadResult(
            {}, tuple(figures), (), tuple(f"{', '.join(names)}: {line}" for line, names in remarks.items())
        )


def _figures(name: str, size: int, sent: _Sight) -> Iterator[Figure]:
    wire_bytes = sum(frame.wire_bytes for frame in sent)
    seen = bool(sent)
    yield Figure(f"{name}.payload", size, "bytes")
    yield Figure(f"{name}.wire_bytes", wire_bytes if seen else None, "bytes")
    yield Figure(f"{name}.ratio", round(wire_bytes / size, _DECIMALS) if seen else None, "bytes/byte")
    yield Figure(f"{name}.packets", len(sent) if seen else None, "packets")
    fragments = sum(frame.dissection.is_fragment for frame in sent)
    is_hidden = len(sent) > 1 and fragments == 0  # fragments are below the encryption
    yield Figure(f"{name}.fragments", fragments if seen and not is_hidden else None, "packets")


def _remarks(sent: _Sight, arrived: _Sight) -> Iterator[str]:
    if not sent:
        yield "no packet was seen on the circuit"
        return
    yield "; ".join(_headers(frame.dissection) for frame in sent)
    if _sizes(sent) != _sizes(arrived):
        sizes = " and ".join(map(str, _sizes(arrived)))
        yield f"packets of other sizes arrived than were sent: {sizes or 'no'} bytes"


def _headers(dissection: Dissection) -> str:
    parts = [str(header) for header in dissection.headers]
    if dissection.is_sealed:
        parts.append("encrypted")
    if dissection.is_fragment:
        parts.append("a fragment")
    return ", ".join(parts)


def _sizes(frames: _Sight) -> list[int]:
    return [frame.wire_bytes for frame in frames]


class _Circuit(Closing):
    """Two ends with sockets, and taps on the interfaces between them."""

    def __init__(self, stage: Stage, request: WorkloadRequest, first: End, second: End) -> None:
        self._first, self._second = first, second
        self._stack = ExitStack()
        try:
            self._taps = [[self._tap(stage, end) for end in ends] for ends in _interfaces(stage, request)]
            self._sender, self._receiver = self._socket(first), self._socket(second)
        except OSError as error:
            self.close()
            raise WorkloadError(f"{first.name} or {second.name} cannot be captured: {error.strerror}") from None

    def close(self) -> None:
        """Close sockets and taps."""
        self._stack.close()

    def warm_up(self) -> None:
        """Send datagrams that do not count.

        Raises:
            WorkloadError: the last one did not arrive.
        """
        for _ in range(_WARM_UP):
            arrived = self._pass(_payload(_WARM_UP_BYTES))
        if not arrived:
            raise WorkloadError(f"no datagram from {self._first.name} arrives at {self._second.name}")
        time.sleep(_SETTLE_S)
        for taps in self._taps:
            for _, tap in taps:
                for _ in pcap.frames(tap, time.time_ns()):
                    pass

    def send(self, size: int) -> tuple[_Sight, _Sight]:
        """Send a datagram; return the frames that left the first host for it, and those that came to the second.

        Raises:
            WorkloadError: the datagram did not arrive whole.
        """
        if not self._pass(_payload(size)):
            raise WorkloadError(f"a datagram of {size} bytes from {self._first.name} did not arrive")
        time.sleep(_SETTLE_S)
        near, far = ({interface.mac for interface, _ in taps} for taps in self._taps)
        sent, arrived = (list(self._frames(taps)) for taps in self._taps)
        outgoing = [frame for mac, frame in sent if mac in near]
        return self._carriers(outgoing), self._carriers([frame for mac, frame in arrived if mac not in far])

    def _pass(self, payload: bytes) -> bool:
        """Send a payload, and return whether it arrives as it is."""
        try:
            self._sender.sendto(payload, (self._second.address, _PORT))
        except OSError:  # no route yet, or too large
            return False
        deadline_s = time.monotonic() + _PATIENCE_S
        while (left_s := deadline_s - time.monotonic()) > 0 and readable([self._receiver.fileno()], left_s):
            if self._receiver.recv(_MOST_BYTES + 1) == payload:
                return True
        return False

    def _carriers(self, frames: Sequence[_Seen]) -> _Sight:
        """Return the frames that carry the datagram.

        These are the packets from one end to the other, encrypted data, and the fragments of packets that have them.
        """
        ends = self._first.address, self._second.address
        carried: set[tuple[str, str, int]] = set()
        found = []
        for frame in frames:
            packets = frame.dissection.packets
            outer = [(it.source, it.destination, it.identification) for it in packets[:1]]
            is_mine = any((it.source, it.destination, it.protocol) == (*ends, UDP) for it in packets)
            if is_mine or frame.dissection.is_sealed or carried & {*outer}:
                carried.update(outer)
                found.append(frame)
        return tuple(found)

    def _frames(self, taps: Sequence[tuple[Interface, socket.socket]]) -> Iterator[tuple[str, _Seen]]:
        """Yield the frames that wait in taps, each with the MAC address of its sender."""
        for _, tap in taps:
            for _, frame, length in pcap.frames(tap, time.time_ns()):
                yield frame[_SOURCE_MAC].hex(":"), _Seen(length, dissect(frame))

    def _tap(self, stage: Stage, end: Interface) -> tuple[Interface, socket.socket]:
        with stage.lab.netlink(end.node) as netlink:
            links.finish_checksums(netlink, [end.name])  # else several datagrams may pass as one large frame
        with namespaces.entered(stage.lab.namespace(end.node)):
            return end, self._stack.enter_context(pcap.open_tap(end.name))

    def _socket(self, end: End) -> socket.socket:
        with namespaces.entered(end.namespace):
            found = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        found.bind((end.address, _PORT))
        return found


def _interfaces(stage: Stage, request: WorkloadRequest) -> tuple[list[Interface], list[Interface]]:
    """Return the interfaces of the two hosts to the circuits between them.

    Where several paths are, or none without other hosts, these are all interfaces of the hosts to circuits.
    """
    plan = stage.lab.plan
    first, second = request.hosts
    paths = joined(plan)
    circuits = paths.get((first, second)) or paths.get((second, first)) or plan.circuits
    ends = [end for circuit in circuits for end in circuit.ends]
    return [end for end in ends if end.node == first], [end for end in ends if end.node == second]


def _payload(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


WORKLOAD = Encapsulation()
"""The workload ``encapsulation``."""
