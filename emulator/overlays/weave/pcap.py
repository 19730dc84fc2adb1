"""The bridge side of a router without a fast datapath: frames are captured on, and injected into, a veth pair's end.

It follows Weave's `pcap.go`, by a packet socket in place of libpcap.
"""

from __future__ import annotations

import socket

from emulator.lab.log import log
from emulator.overlays.datagrams import Receiver, Run, Sender
from emulator.overlays.weave.forwarder import ETHERNET_BYTES, Bridge, Switch, carry_out
from emulator.overlays.weave.loop import Loop

_ETH_P_ALL = 3
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23
_BUFFER_BYTES = 2**22
_MAX_FRAME_BYTES = 65535 + ETHERNET_BYTES


class Pcap(Bridge):
    """An interface whose other end is a port of the containers' bridge."""

    def __init__(self, loop: Loop, interface: str) -> None:
        self._loop = loop
        self._end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._end.bind((interface, _ETH_P_ALL))
        self._receiver, self._sender = Receiver(self._end, _MAX_FRAME_BYTES), Sender(self._end)
        self._waiting: list[Run] = []
        """Frames that are injected at the end of the loop's turn."""
        self._switch: Switch

    def start(self, switch: Switch) -> None:
        """Begin to capture."""
        self._switch = switch
        self._loop.watch(self._end.fileno(), self._receive)

    def inject(self, frame: bytes) -> None:
        """Send a frame into the bridge, with others of this turn of the loop."""
        if not self._waiting:
            self._loop.defer(self._inject_all)
        self._waiting.append(Run(frame, len(frame)))

    def close(self) -> None:
        """Capture no more."""
        self._loop.unwatch(self._end.fileno())
        self._end.close()

    def _receive(self) -> None:
        switch = self._switch
        for frame, _ in self._receiver.receive():
            if len(frame) >= ETHERNET_BYTES:
                carry_out(switch, switch.captured(frame[6:12], frame[:6]), frame)

    def _inject_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for run, error in self._sender.send(waiting):  # the bridge is down, or its queue is full
            log(f"a frame of {len(run.data)} bytes is not injected: {error.strerror}")
