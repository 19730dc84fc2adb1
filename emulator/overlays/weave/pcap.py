"""The bridge side of a router without a fast datapath: frames are captured on, and injected into, a veth pair's end.

It follows Weave's `pcap.go`, by a packet socket in place of libpcap.
"""

from __future__ import annotations

import socket

from emulator.lab.log import log
from emulator.overlays.weave.forwarder import ETHERNET_BYTES, Bridge, Switch, carry_out
from emulator.overlays.weave.loop import Loop

_ETH_P_ALL = 3
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23
_BUFFER_BYTES = 2**22
_BATCH = 64


class Pcap(Bridge):
    """An interface whose other end is a port of the containers' bridge."""

    def __init__(self, loop: Loop, interface: str) -> None:
        self._loop = loop
        self._end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._end.bind((interface, _ETH_P_ALL))
        self._switch: Switch

    def start(self, switch: Switch) -> None:
        """Begin to capture."""
        self._switch = switch
        self._loop.watch(self._end.fileno(), self._receive)

    def inject(self, frame: bytes) -> None:
        """Send a frame into the bridge."""
        try:
            self._end.send(frame)
        except OSError as error:  # the bridge is down, or its queue is full
            log(f"a frame of {len(frame)} bytes is not injected: {error.strerror}")

    def close(self) -> None:
        """Capture no more."""
        self._loop.unwatch(self._end.fileno())
        self._end.close()

    def _receive(self) -> None:
        switch = self._switch
        for _ in range(_BATCH):
            try:
                frame = self._end.recv(65536)
            except BlockingIOError:
                return
            if len(frame) >= ETHERNET_BYTES:
                carry_out(switch, switch.captured(frame[6:12], frame[:6]), frame)
