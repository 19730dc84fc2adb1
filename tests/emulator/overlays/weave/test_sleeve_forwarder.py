"""A forwarder of sleeve without a kernel: heartbeats, packing, frames that are too large, refusals."""

from __future__ import annotations

import errno
import os

import pytest

from emulator.overlays.datagrams import Failure, Run
from emulator.overlays.weave.forwarder import ConnectionParameters, Events, Hop, Mac, PeerName
from emulator.overlays.weave.packing import parse
from emulator.overlays.weave.sleeve import Sleeve, SleeveForwarder
from tests.emulator.overlays.weave.manual import ManualLoop
from tests.emulator.overlays.weave.test_frames import packet

OWN, REMOTE = bytes((2, 0, 0, 0, 0, 1)), bytes((2, 0, 0, 0, 0, 2))
UID = 0x1122334455667788
HEARTBEAT = bytes(14) + UID.to_bytes(8, "big")


class Kernel:
    """The sockets and the switch of a forwarder: what it sends, refuses and injects."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.switch = self
        self.forwarders: dict[PeerName, SleeveForwarder] = {}
        self.name = OWN
        self.raw: list[bytes] = []
        self.plain: list[bytes] = []
        self.injected: list[bytes] = []
        self.mtu_bytes = 65535
        self.error = 0

    def send(self, runs: list[Run], *, dont_fragment: bool = True) -> list[Failure]:
        """Take the runs of either socket."""
        failures = []
        for run in runs:
            is_plain = run.address is not None and not dont_fragment
            number = errno.EMSGSIZE if not is_plain and len(run.data) + 20 > self.mtu_bytes else self.error
            if number:
                failures.append(Failure(run, OSError(number, os.strerror(number))))
            elif is_plain:
                self.plain.append(run.data)
            elif run.address is None:
                self.raw.append(run.data[8:])
            else:
                self.raw += [run.data[at : at + run.segment_bytes] for at in range(0, len(run.data), run.segment_bytes)]
        return failures

    def getsockopt(self, level: int, option: int) -> int:
        """Return the MTU of the path."""
        del level, option
        return self.mtu_bytes

    def close(self) -> None:
        """Do nothing, as there is no socket."""

    def knows(self, name: PeerName) -> bool:
        """Return whether a peer is one of the two."""
        return name in (OWN, REMOTE)

    def forwarded(self, sender: PeerName, receiver: PeerName, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        """Return that all frames go into the bridge."""
        del source, destination
        return (Hop(None, sender, receiver),)

    def inject(self, frame: bytes) -> None:
        """Record a frame."""
        self.injected.append(frame)

    def frames(self) -> list[bytes]:
        """Return the frames in the raw socket's datagrams, and forget these."""
        raw, self.raw = self.raw, []
        return [frame for data in raw for _, _, frame in parse(data[6:])]


class Offline(SleeveForwarder):
    """A forwarder whose raw socket is the kernel above."""

    def __init__(self, kernel: Kernel, *, is_outbound: bool) -> None:
        self.kernel = kernel
        self.told: list[object] = []
        parameters = ConnectionParameters(REMOTE, "192.0.2.1", "192.0.2.2", is_outbound, UID, None, {})
        events = Events(
            established=lambda: self.told.append("established"),
            healthy=self.told.append,
            failed=self.told.append,
            send_control=lambda tag, message: self.told.append((tag, message)),
        )
        super().__init__(kernel, parameters, events)  # type: ignore[arg-type]
        self._raw = kernel  # type: ignore[assignment]

    def _raw_sender(self, address: str) -> Kernel:  # type: ignore[override]
        assert address == "192.0.2.2"
        return self.kernel


def made(*, is_outbound: bool = True, mtu_bytes: int = 1438) -> Offline:
    forwarder = Offline(Kernel(), is_outbound=is_outbound)
    forwarder._path.mtu_bytes = mtu_bytes
    return forwarder


def special(forwarder: Offline, frame: bytes) -> None:
    """Let a special frame of the other end arrive."""
    data = REMOTE + OWN + len(frame).to_bytes(2, "big") + frame
    forwarder.received(data, "192.0.2.2")


def test_heartbeats_come_twice_a_second_until_one_is_acknowledged_and_then_each_ten_seconds() -> None:
    forwarder = made()
    forwarder.confirm()
    forwarder.kernel.loop.advance(2.02)
    assert forwarder.kernel.frames() == [HEARTBEAT] * 5
    forwarder.control(1, b"")
    assert forwarder.told == ["established"]
    assert len(forwarder.kernel.plain[0]) == 6 + 14 + 60001  # the test whether fragments arrive
    forwarder.kernel.frames()
    forwarder.kernel.loop.skip(30.5)
    assert forwarder.kernel.frames() == [HEARTBEAT] * 3


def test_a_heartbeat_of_the_other_end_is_acknowledged_once_and_its_silence_is_a_failure() -> None:
    forwarder = made()
    forwarder.confirm()
    special(forwarder, bytes(14) + bytes(8))  # of another connection
    assert forwarder.told == []
    for _ in range(2):
        special(forwarder, HEARTBEAT)
    assert forwarder.told == [(1, b"")]
    forwarder.kernel.loop.skip(59)
    special(forwarder, HEARTBEAT)
    forwarder.kernel.loop.skip(59)
    assert forwarder.told == [(1, b"")]
    forwarder.kernel.loop.skip(2)
    assert forwarder.told == [(1, b""), "no heartbeat has come"]


def test_the_end_that_was_connected_to_waits_for_a_heartbeat() -> None:
    forwarder = made(is_outbound=False)
    forwarder.confirm()
    forwarder.send(OWN, REMOTE, packet(100), is_broadcast=False)
    forwarder.kernel.loop.advance(1)
    assert forwarder.kernel.frames() == []
    special(forwarder, HEARTBEAT)
    assert forwarder.kernel.frames() == [HEARTBEAT]


def test_what_the_kernel_refuses_begins_the_search_for_the_mtu() -> None:
    forwarder = Offline(Kernel(), is_outbound=True)
    forwarder.kernel.mtu_bytes = 1500
    forwarder.confirm()
    forwarder.control(1, b"")
    assert forwarder.mtu_bytes == 1438
    assert len(forwarder.kernel.frames()[-1]) == 1438 + 14
    forwarder.control(3, (1438).to_bytes(2, "big"))
    forwarder.kernel.loop.advance(1)
    assert forwarder.mtu_bytes == 1438


def test_tests_of_the_other_end_are_acknowledged() -> None:
    forwarder = made()
    forwarder.confirm()
    special(forwarder, bytes(1452))
    special(forwarder, bytes(60001))
    special(forwarder, bytes(60000) + b"\1")  # damaged
    assert forwarder.told == [(3, (1438).to_bytes(2, "big")), (2, b"")]


def test_frames_of_one_turn_share_a_datagram_while_they_fit() -> None:
    forwarder = made()
    small = packet(60, flags=0x4000)
    for _ in range(20):
        forwarder.send(OWN, REMOTE, small, is_broadcast=False)
    assert forwarder.kernel.raw == []
    forwarder.kernel.loop.turn(0)
    sizes = [len(data) for data in forwarder.kernel.raw]
    assert sizes == [6 + 16 * 88, 6 + 4 * 88]
    assert forwarder.kernel.frames() == [small] * 20


@pytest.mark.parametrize("is_broadcast", [False, True])
def test_a_frame_that_is_too_large_and_must_not_be_fragmented_is_answered(is_broadcast: bool) -> None:
    forwarder = made()
    forwarder.send(OWN, REMOTE, packet(1439, flags=0x4000), is_broadcast=is_broadcast)
    forwarder.kernel.loop.turn(0)
    assert forwarder.kernel.frames() == []
    answers = forwarder.kernel.injected
    assert len(answers) == (0 if is_broadcast else 1)
    assert [int.from_bytes(it[40:42], "big") for it in answers] == [1438] * len(answers)


def test_other_large_packets_are_fragmented_by_the_kernel_if_its_fragments_arrive_and_else_here() -> None:
    forwarder = made()
    large = packet(3000)
    forwarder.send(OWN, REMOTE, large, is_broadcast=False)
    forwarder.kernel.loop.turn(0)
    assert [len(frame) for frame in forwarder.kernel.frames()] == [14 + 1436, 14 + 1436, 14 + 20 + 148]
    forwarder.control(2, b"")
    forwarder.send(OWN, REMOTE, large, is_broadcast=False)
    forwarder.kernel.loop.turn(0)
    assert forwarder.kernel.raw == []
    ((_, _, frame),) = parse(forwarder.kernel.plain[-1][6:])
    assert frame == large


def test_a_host_that_no_route_leads_to_ends_the_forwarder_and_a_full_queue_does_not() -> None:
    forwarder = made()
    for number in (errno.ENOBUFS, errno.ENETUNREACH):
        forwarder.kernel.error = number
        forwarder.send(OWN, REMOTE, packet(60), is_broadcast=False)
        forwarder.kernel.loop.advance(0.1)
    assert forwarder.told == ["to 192.0.2.2: Network is unreachable"]
    forwarder.stop()
    forwarder.send(OWN, REMOTE, packet(60), is_broadcast=False)
    forwarder.kernel.loop.advance(120)
    assert len(forwarder.told) == 1


def test_frames_of_peers_that_are_unknown_are_dropped() -> None:
    forwarder = made()
    other = bytes((2, 0, 0, 0, 0, 9))
    for source, destination in ((other, OWN), (REMOTE, other), (REMOTE, OWN)):
        forwarder.received(source + destination + b"\x00\x4a" + packet(60), "192.0.2.2")
    assert forwarder.kernel.injected == [packet(60)]
    assert Sleeve.name == forwarder.method == "sleeve"
