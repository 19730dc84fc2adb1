"""Frames are captured on one end of a pair and injected into it, in a namespace of this machine's kernel."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.overlays.weave import links
from emulator.overlays.weave.forwarder import Hop, Mac, PeerName
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.pcap import Pcap
from tests.emulator.overlays.weave.manual import frame
from tests.emulator.waiting import wait_for

pytestmark = pytest.mark.networks

HERE = b"here.."


class Switch:
    """A switch that sends each captured frame back into the bridge, and records it."""

    def __init__(self, bridge: Pcap) -> None:
        self.bridge = bridge
        self.seen: list[tuple[Mac, Mac]] = []
        self.name: PeerName = HERE

    def captured(self, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        self.seen.append((source, destination))
        return (Hop(None, HERE, HERE),)

    def forwarded(self, sender: PeerName, receiver: PeerName, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        raise NotImplementedError

    def knows(self, name: PeerName) -> bool:
        raise NotImplementedError

    def short_id(self, name: PeerName) -> int | None:
        raise NotImplementedError

    def peer_of(self, short_id: int) -> PeerName | None:
        raise NotImplementedError

    def inject(self, data: bytes) -> None:
        self.bridge.inject(data)


@pytest.fixture
def loop() -> Iterator[Loop]:
    with namespaces.returning():
        ((descriptor, _),) = namespaces.create(1, lambda _: None)
        with namespaces.entered(descriptor), Loop() as found:
            with Handle(descriptor) as kernel:
                links.make_bridge(kernel, "100.64.0.1", 1438)
                for _ in range(2):  # the second time, as after a restart, nothing happens
                    links.make_pcap(kernel, descriptor, "100.64.0.1", 1438)
            yield found


def bridge_port() -> socket.socket:
    """Return a socket at the other end, which sees frames before the bridge takes them."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    end.setsockopt(263, 23, 1)  # not its own frames
    end.bind((links.BRIDGE_PORT, 3))
    return end


def _waiting(end: socket.socket) -> Iterator[bytes]:
    """Yield the frames that wait in a socket."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield end.recv(2000)


def test_what_the_bridge_sends_is_captured_and_what_is_injected_is_not(loop: Loop) -> None:
    bridge = Pcap(loop, links.PCAP)
    switch = Switch(bridge)
    bridge.start(switch)
    while loop.turn(0.05):
        pass  # what the interfaces send when they come up
    switch.seen.clear()
    with bridge_port() as end:
        for number in range(3):
            end.send(frame(1, None, bytes((number,)) * 50))
        # the kernel's own reports of multicast groups may come at any time
        source = frame(1, None)[6:12]
        received: list[bytes] = []

        def has_all() -> bool:
            loop.turn(0.05)
            received.extend(data for data in _waiting(end) if data[6:12] == source)
            return sum(item[0] == source for item in switch.seen) >= 3 and len(received) >= 3

        wait_for(has_all)
        while loop.turn(0.05):
            pass  # what comes more than once
        has_all()
        assert [item for item in switch.seen if item[0] == source] == [(source, b"\xff" * 6)] * 3
        assert received == [frame(1, None, bytes((number,)) * 50) for number in range(3)]
    bridge.close()


def test_a_frame_that_the_kernel_refuses_is_said(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    bridge = Pcap(loop, links.PCAP)
    bridge.inject(frame(1, 2, bytes(3000)))
    loop.turn(0)
    assert "a frame of 3014 bytes is not injected: Message too long" in capsys.readouterr().err
    bridge.close()
