"""A loop whose clock the test sets, and a mesh of routers in it: real TCP on this machine, frames in memory."""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import os
import random
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from emulator.overlays.weave.allocator import Allocator
from emulator.overlays.weave.forwarder import (
    PORT,
    Bridge,
    ConnectionParameters,
    Events,
    Forwarder,
    Method,
    PeerName,
    Switch,
    carry_out,
)
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.names import Names
from emulator.overlays.weave.router import Router, RouterSettings
from tests.emulator.waiting import PATIENCE_S

STEP_S = 0.01
_ESTABLISHED, _CONNECTING = 1, 2
_TCP_INFO = struct.Struct("B127xQ8xI52xQQ")
"""Of the kernel's `struct tcp_info`: the state, and the bytes received, not yet sent, sent, and sent again."""


@dataclass(frozen=True)
class TcpEnd:
    """An end of a TCP connection.

    ``own`` and ``far`` are addresses and ports, ``far`` None without a connection. ``written_bytes`` is what the end
    has sent or is to send.
    """

    state: int
    own: object
    far: object
    received_bytes: int
    written_bytes: int

    @staticmethod
    def of(descriptor: int) -> TcpEnd:
        """Return the end of a descriptor.

        Raises:
            OSError: it is no socket of TCP.
        """
        with socket.socket(fileno=os.dup(descriptor)) as end:
            found = _TCP_INFO.unpack(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
            state, received_bytes, unsent_bytes, sent_bytes, again_bytes = found
            far = end.getpeername() if state == _ESTABLISHED else None
            return TcpEnd(state, end.getsockname(), far, received_bytes, unsent_bytes + sent_bytes - again_bytes)


def _is_on_its_way(ends: set[TcpEnd]) -> bool:
    """Return whether TCP is about to bring something to one of the ends, which are all ends of their connections."""
    connected = {(it.own, it.far): it for it in ends if it.state == _ESTABLISHED}
    for end in ends:
        if end.state == _CONNECTING:
            return True
        if end.state == _ESTABLISHED:
            other = connected.get((end.far, end.own))
            # without the other end, either its acceptance or its reset is still to come
            if other is None or other.received_bytes < end.written_bytes:
                return True
    return False


class ManualLoop(Loop):
    """A loop in which time passes only in `advance`."""

    def __init__(self) -> None:
        self.time_ns = 10**9
        super().__init__()

    def now_ns(self) -> int:
        return self.time_ns

    def advance(self, seconds: float) -> None:
        """Serve all that is ready, and all timers of the next seconds."""
        for _ in range(max(1, round(seconds / STEP_S))):
            self.settle()
            self.time_ns += int(STEP_S * 1e9)
        self.settle()

    def skip(self, seconds: float) -> None:
        """Let time pass from timer to timer, for long times without messages."""
        end_ns = self.time_ns + int(seconds * 1e9)
        while self._timers and self._timers[0][0] <= end_ns:
            self.time_ns = max(self.time_ns, self._timers[0][0])
            self.settle()
            if self._timers and self._timers[0][2].function is None:
                heapq.heappop(self._timers)
        self.time_ns = end_ns

    def settle(self) -> None:
        """Serve all that is ready and all that is on its way, without time.

        The kernel may deliver a packet later than it is sent, also on one machine.
        """
        end_s = time.monotonic() + PATIENCE_S
        while self.turn(0) or self._is_waiting():
            assert time.monotonic() < end_s, "what is on its way never comes"

    def _is_waiting(self) -> bool:
        """Wait for a moment if TCP has something on its way; return whether it has."""
        is_on_its_way = _is_on_its_way(set(self._ends()))
        if is_on_its_way:
            self.turn(0.001)
        return is_on_its_way

    def _ends(self) -> Iterator[TcpEnd]:
        for descriptor in self._readers.keys() | self._writers.keys():
            with contextlib.suppress(OSError):  # not a socket of TCP
                yield TcpEnd.of(descriptor)


class MemoryBridge(Bridge):
    """A bridge that keeps the frames that it gets."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.switch: Switch

    def start(self, switch: Switch) -> None:
        self.switch = switch

    def inject(self, frame: bytes) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        self.frames.clear()

    def capture(self, frame: bytes) -> None:
        """Take a frame of a container."""
        carry_out(self.switch, self.switch.captured(frame[6:12], frame[:6]), frame)


class MemoryForwarder(Forwarder):
    """A forwarder that hands frames to the method at the other end, unless the wire is cut."""

    method = "memory"

    def __init__(self, owner: MemoryMethod, remote: PeerName, events: Events) -> None:
        super().__init__(remote, events)
        self.owner = owner

    @property
    def mtu_bytes(self) -> int:
        return 1500

    def confirm(self) -> None:
        self.events.send_control(0, b"heartbeat")

    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:
        del is_broadcast
        self.owner.sent.append((self.remote, frame))
        far = self.owner.world[self.remote].switch
        carry_out(far, far.forwarded(source, destination, frame[6:12], frame[:6]), frame)

    def control(self, tag: int, message: bytes) -> None:
        if tag == 0:
            self.events.send_control(1, message)
        else:
            self.events.established()

    def stop(self) -> None:
        self.owner.stopped.append(self.remote)


class MemoryMethod(Method):
    """Frames by calls of functions."""

    name = "memory"

    def __init__(self, world: dict[PeerName, MemoryMethod]) -> None:
        self.world = world
        self.switch: Switch
        self.sent: list[tuple[PeerName, bytes]] = []
        self.stopped: list[PeerName] = []
        self.invalidations = 0

    def start(self, switch: Switch) -> None:
        self.switch = switch
        self.world[switch.name] = self

    def prepare(self, parameters: ConnectionParameters, events: Events) -> MemoryForwarder:
        return MemoryForwarder(self, parameters.remote, events)

    def invalidate(self) -> None:
        self.invalidations += 1

    def close(self) -> None:
        self.world.clear()


class Mesh:
    """Routers, each told the addresses before it, or those of ``told``.

    Their addresses are 127.P.R.N, in a network that no other test has at the same time.
    """

    _runs = itertools.count(1)

    def __init__(self, count: int, *, password: str | None = None, told: Sequence[Sequence[int]] | None = None) -> None:
        self.loop = ManualLoop()
        self.network, self._claim = _claimed_network(next(self._runs))
        self.password = password
        self.world: dict[PeerName, MemoryMethod] = {}
        self.bridges = [MemoryBridge() for _ in range(count)]
        self.routers: list[Router] = []
        self.allocators: list[Allocator] = []
        self.names: list[Names] = []
        self.pool = IPv4Network("10.244.0.0/24")
        for number in range(count):
            others = range(number) if told is None else told[number]
            self.add(number, [f"{self.network}.{other + 1}" for other in others], count // 2 + 1)

    def add(self, number: int, told: Sequence[str], quorum: int) -> None:
        name = bytes((2, 0, 0, 0, 0, number + 1))
        chance = random.Random(number)  # noqa: S311 - no secrets come from it
        settings = RouterSettings(name, f"h{number + 1}", f"{self.network}.{number + 1}", tuple(told), self.password)
        router = Router(self.loop, settings, self.bridges[number], [MemoryMethod(self.world)], chance)
        self.routers.append(router)
        self.names.append(Names(self.loop, router.gossips, name, router.knows))
        self.allocators.append(
            Allocator(
                self.loop, router.gossips, name, router.own.uid, settings.nickname, self.pool,
                quorum=quorum, chance=chance, on_change=lambda: None,
            )
        )  # fmt: skip
        router.start()

    def close(self) -> None:
        for router in self.routers:
            router.stop()
        self.loop.close()
        self._claim.close()

    def cut(self, first: int, second: int) -> None:
        """End the connection between two routers, and let them not connect again."""
        for near, far in ((first, second), (second, first)):
            self.routers[near].maker._told = ()
            self.routers[near].maker._connect = _do_nothing
            connection = self.routers[near].connections.get(self.routers[far].name)
            if connection is not None:
                connection.shut_down("the test cuts it")


def _claimed_network(run: int) -> tuple[str, socket.socket]:
    """Return a network of 127.0.0.0/8 for a run of this process, and the socket by which other processes leave it.

    Two processes may begin their search at the same number.
    """
    for number in range(250):
        network = f"127.{(os.getpid() + number) % 250 + 2}.{run % 256}"
        claim = socket.socket()
        try:
            claim.bind((f"{network}.254", PORT))
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return network, claim
    raise AssertionError("all networks are taken")


def _do_nothing(address: str) -> None:
    del address


def frame(source: int, destination: int | None, payload: bytes = b"payload") -> bytes:
    """Return an Ethernet frame between containers of two numbers; None is to all."""
    target = b"\xff" * 6 if destination is None else bytes((6, 0, 0, 0, 0, destination))
    return target + bytes((6, 0, 0, 0, 0, source)) + b"\x88\xb5" + payload
