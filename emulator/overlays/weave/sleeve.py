"""Sleeve: frames in UDP datagrams, packed and unpacked by the router. It follows `sleeve.go` of Weave Net 2.8.1.

Frames whose packets must not be fragmented go by a raw socket that sets `don't fragment`, with a UDP header of the
router's own, whose checksum is 0; all others by the UDP socket, which lets the kernel fragment. Several datagrams of
one size at once go as one run (`UDP_SEGMENT`) by the UDP socket, which then does not let the kernel fragment. Weave has
no such runs, and the kernel gives their datagrams a checksum.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from emulator.lab.log import log
from emulator.overlays.datagrams import Failure, Receiver, Run, Sender, address_of, merge
from emulator.overlays.weave import frames
from emulator.overlays.weave.forwarder import (
    ETHERNET_BYTES,
    FAST_HEARTBEAT_S,
    HEARTBEAT_TIMEOUT_S,
    NAME_BYTES,
    PORT,
    SLOW_HEARTBEAT_S,
    ConnectionParameters,
    Events,
    Forwarder,
    Method,
    PeerName,
    Switch,
    carry_out,
    is_special,
)  # fmt: skip
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.packing import (
    FRAME_HEADER_BYTES,
    Opener,
    Packer,
    PackingError,
    PlainPacker,
    SealedPacker,
    parse,
)  # fmt: skip
from emulator.overlays.weave.pmtu import PathMtu
from emulator.overlays.weave.raw_udp import open_raw, with_header

UDP_BYTES = 28
"""The bytes of the IP and UDP headers."""
_MAX_BYTES = 65535 - UDP_BYTES
_FRAGMENT_TEST_BYTES, _DISCOVERY_BYTES = 60001, 60000
_FRAGMENT_TEST_INTERVAL_S = 300.0
_HEARTBEAT_BYTES = ETHERNET_BYTES + 8
_ESTABLISHED, _FRAGMENTS_ARRIVE, _MTU_VERIFIED = 1, 2, 3
"""The tags of messages to the forwarder at the other end, by TCP."""
_IP_MTU_DISCOVER, _IP_MTU = 10, 14
_PMTUDISC_DONT, _PMTUDISC_DO = 0, 2
_BUFFER_BYTES = 2**22
_MAX_DATAGRAM_BYTES = 65535


def overhead_bytes(*, is_encrypted: bool) -> int:
    """Return the bytes that sleeve adds to a packet: IP, UDP, sender, frame header and Ethernet, and encryption."""
    packer = SealedPacker if is_encrypted else PlainPacker
    return UDP_BYTES + packer.overhead_bytes + FRAME_HEADER_BYTES + ETHERNET_BYTES


class Sleeve(Method):
    """The method ``sleeve``: one UDP socket for all connections."""

    name = "sleeve"

    def __init__(self, loop: Loop, address: str) -> None:
        """``address`` is this host's."""
        self.loop = loop
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.socket.bind((address, PORT))
        self.forwarders: dict[PeerName, SleeveForwarder] = {}
        """The confirmed forwarders, by their peers."""
        self.switch: Switch
        self._sender = Sender(self.socket)
        self._receiver = Receiver(self.socket, _MAX_DATAGRAM_BYTES, is_merged=True)

    def start(self, switch: Switch) -> None:
        """Begin to receive datagrams."""
        self.switch = switch
        self.loop.watch(self.socket.fileno(), self._receive)

    def prepare(self, parameters: ConnectionParameters, events: Events) -> SleeveForwarder:
        """Return a passive forwarder."""
        return SleeveForwarder(self, parameters, events)

    def send(self, runs: list[Run], *, dont_fragment: bool) -> list[Failure]:
        """Send runs of datagrams, and return those that the kernel refused."""
        if dont_fragment:
            return self._sender.send(runs)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
        failures = self._sender.send(runs)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO)
        return failures

    def close(self) -> None:
        """Receive no more."""
        self.loop.unwatch(self.socket.fileno())
        self.socket.close()

    def _receive(self) -> None:
        try:
            received = self._receiver.receive()
        except OSError:  # a host has answered a datagram with an ICMP message
            return
        for data, sender in received:
            forwarder = self.forwarders.get(data[:NAME_BYTES])
            if forwarder is not None:
                address = address_of(sender)[0]
                try:
                    forwarder.received(data[NAME_BYTES:], address)
                except PackingError as error:
                    log(f"sleeve from {address}: {error}")


class SleeveForwarder(Forwarder):
    """The forwarder of a connection. It knows the other end's address at once if it has opened the connection."""

    method = "sleeve"

    def __init__(self, sleeve: Sleeve, parameters: ConnectionParameters, events: Events) -> None:
        super().__init__(parameters.remote, events)
        self._sleeve = sleeve
        self._loop = sleeve.loop
        self._uid = parameters.uid
        self._own = sleeve.switch.name
        self._key = parameters.session_key
        self._is_outbound = parameters.is_outbound
        self._address = parameters.remote_address if parameters.is_outbound else None
        self._local_address = parameters.local_address
        self._opener = None if self._key is None else Opener(self._key, is_outbound=parameters.is_outbound)
        self._packer, self._packer_df = self._make_packer(dont_fragment=False), self._make_packer(dont_fragment=True)
        self._overhead_bytes = overhead_bytes(is_encrypted=self._key is not None)
        self._path = PathMtu(sleeve.loop, self._overhead_bytes, self._send_mtu_test)
        self._raw: socket.socket | None = None
        self._is_stopped = self._is_confirmed = False
        self._has_acknowledged = self._is_established = self._kernel_fragments = False
        self._interval_s = FAST_HEARTBEAT_S
        self._timers: dict[str, Timer] = {}
        self._is_dirty = False
        self._waiting: list[bytes] = []
        self._waiting_df: list[bytes] = []
        """Datagrams that are sent at the end of the loop's turn."""
        self._sender: Sender

    @property
    def mtu_bytes(self) -> int:
        """The largest packet that fits in one datagram."""
        return self._path.mtu_bytes

    def confirm(self) -> None:
        """Begin to send heartbeats."""
        if not self._is_confirmed:
            self._is_confirmed = True
            self._sleeve.forwarders[self.remote] = self
            self._await_heartbeat()
            if self._address is not None:
                self._beat()

    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:
        """Put a frame into the next datagram, if necessary in fragments.

        A frame that is too large and must not be fragmented is answered by an ICMP message to its sender, if it goes to
        one peer only.
        """
        if self._address is None or self._is_stopped:
            return
        mtu_bytes = self._path.mtu_bytes
        is_too_large = len(frame) > mtu_bytes + ETHERNET_BYTES
        if frames.must_not_be_fragmented(frame):
            if not is_too_large:
                self._pack(self._packer_df, source, destination, frame)
            elif not is_broadcast:
                answer = frames.fragmentation_needed(frame, mtu_bytes)
                # as if it came from the peer that the frame is for
                hops = self._sleeve.switch.forwarded(destination, source, answer[6:12], answer[:6])
                carry_out(self._sleeve.switch, hops, answer)
        elif self._kernel_fragments or not frames.is_ip(frame):
            self._pack(self._packer, source, destination, frame)
        elif not is_too_large:
            self._pack(self._packer_df, source, destination, frame)
        else:
            for fragment in frames.fragments(frame, mtu_bytes):
                self._pack(self._packer_df, source, destination, fragment)

    def control(self, tag: int, message: bytes) -> None:
        """Take an acknowledgement of the other end."""
        if self._is_stopped:
            return
        if tag == _ESTABLISHED:
            self._acknowledged()
        elif tag == _FRAGMENTS_ARRIVE:
            self._kernel_fragments = True
        elif tag == _MTU_VERIFIED and len(message) == 2:
            self._path.acknowledged(int.from_bytes(message, "big"))

    def stop(self) -> None:
        """End all timers, and close the raw socket."""
        self._is_stopped = True
        if self._sleeve.forwarders.get(self.remote) is self:
            del self._sleeve.forwarders[self.remote]
        for timer in self._timers.values():
            timer.cancel()
        self._path.stop()
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def received(self, data: bytes, sender: str) -> None:
        """Take a datagram of the other end, without its name.

        Raises:
            PackingError: the datagram is malformed, or of another connection.
        """
        switch = self._sleeve.switch
        for source, destination, frame in parse(data if self._opener is None else self._opener.open(data)):
            if is_special(frame):
                if source == self.remote and destination == self._own:
                    self._received_special(frame, sender)
            elif len(frame) >= ETHERNET_BYTES and switch.knows(source) and switch.knows(destination):
                carry_out(switch, switch.forwarded(source, destination, frame[6:12], frame[:6]), frame)

    # heartbeats and tests

    def _received_special(self, frame: bytes, sender: str) -> None:
        if len(frame) == _HEARTBEAT_BYTES:
            self._received_heartbeat(frame, sender)
        elif len(frame) == _FRAGMENT_TEST_BYTES:
            if not any(frame):
                self.events.send_control(_FRAGMENTS_ARRIVE, b"")
        else:
            self.events.send_control(_MTU_VERIFIED, (len(frame) - ETHERNET_BYTES).to_bytes(2, "big"))

    def _received_heartbeat(self, frame: bytes, sender: str) -> None:
        if int.from_bytes(frame[ETHERNET_BYTES:], "big") != self._uid:
            return
        is_first = self._address is None
        self._address = sender
        if is_first and self._is_confirmed:
            self._beat()
        if not self._has_acknowledged:
            self._has_acknowledged = True
            self.events.send_control(_ESTABLISHED, b"")
        self._await_heartbeat()

    def _await_heartbeat(self) -> None:
        if self._is_confirmed:
            self._plan("silence", HEARTBEAT_TIMEOUT_S, lambda: self.events.failed("no heartbeat has come"))

    def _beat(self) -> None:
        self._plan("heartbeat", self._interval_s, self._beat)
        self._send_special(self._packer_df, bytes(ETHERNET_BYTES) + self._uid.to_bytes(8, "big"))

    def _acknowledged(self) -> None:
        self._interval_s = SLOW_HEARTBEAT_S
        if "heartbeat" in self._timers:
            self._plan("heartbeat", self._interval_s, self._beat)
        if not self._is_established:
            self._is_established = True
            self.events.established()
        self._test_fragments()
        # the kernel refuses it, which begins the discovery of the path's MTU
        self._send_special(self._packer_df, bytes(_DISCOVERY_BYTES))

    def _test_fragments(self) -> None:
        self._plan("fragments", _FRAGMENT_TEST_INTERVAL_S, self._test_fragments)
        self._kernel_fragments = False
        self._send_special(self._packer, bytes(_FRAGMENT_TEST_BYTES))

    def _send_mtu_test(self, mtu_bytes: int) -> None:
        self._send_special(self._packer_df, bytes(mtu_bytes + ETHERNET_BYTES))

    def _plan(self, name: str, delay_s: float, function: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._loop.call_later(delay_s, function)

    # datagrams

    def _make_packer(self, *, dont_fragment: bool) -> Packer:
        if self._key is None:
            return PlainPacker(self._own)
        return SealedPacker(self._own, self._key, is_outbound=self._is_outbound, dont_fragment=dont_fragment)

    def _pack(self, packer: Packer, source: PeerName, destination: PeerName, frame: bytes) -> None:
        limit_bytes = self._path.mtu_bytes + self._overhead_bytes - UDP_BYTES
        if not packer.is_empty and not packer.fits(frame, limit_bytes):
            self._finish(packer)
        # a first frame may be larger than the limit if the kernel fragments its datagram
        if packer.fits(frame, limit_bytes if packer is self._packer_df else _MAX_BYTES):
            packer.add(source, destination, frame)
            if not self._is_dirty:
                self._is_dirty = True
                self._loop.defer(self._flush)

    def _send_special(self, packer: Packer, frame: bytes) -> None:
        """Send a frame of the forwarder itself at once, without regard to the MTU."""
        self._flush()
        if self._address is not None and not self._is_stopped:
            packer.add(self._own, self.remote, frame)
            self._flush()

    def _finish(self, packer: Packer) -> None:
        if not packer.is_empty:
            (self._waiting_df if packer is self._packer_df else self._waiting).append(packer.finish())

    def _flush(self) -> None:
        """Send all datagrams that wait."""
        self._is_dirty = False
        for packer in (self._packer_df, self._packer):
            self._finish(packer)
        plain, self._waiting = self._waiting, []
        raw, self._waiting_df = self._waiting_df, []
        if self._address is None or self._is_stopped:
            return
        to = self._address, PORT
        if raw:
            self._send_whole(merge((data, to) for data in raw), self._address)
        if plain:
            self._take(self._sleeve.send([Run(data, len(data), to) for data in plain], dont_fragment=False))

    def _send_whole(self, runs: list[Run], address: str) -> None:
        """Send runs without fragmentation: a single datagram by the raw socket, and several by the UDP socket."""
        for run in runs:
            if run.segment_bytes < len(run.data):
                self._take(self._sleeve.send([run], dont_fragment=True))
                continue
            try:
                data = with_header(run.data, PORT)
                self._take(self._raw_sender(address).send([Run(data, len(data))]))
            except OSError as error:  # no route leads to the other host, so that the socket cannot be made
                self._refused(error)

    def _take(self, failures: list[Failure]) -> None:
        for _, error in failures:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        """Take the kernel's refusal of a datagram."""
        if error.errno == errno.EMSGSIZE and self._raw is not None:
            self._path.refused(self._raw.getsockopt(socket.IPPROTO_IP, _IP_MTU))
        elif error.errno not in (errno.EAGAIN, errno.ENOBUFS):  # then the packet is lost, as in any full queue
            # not at once, because the caller may be the router, which walks over its connections
            reason = f"to {self._address}: {error.strerror}"
            self._plan("failure", 0, lambda: self.events.failed(reason))

    def _raw_sender(self, address: str) -> Sender:
        if self._raw is None or self._raw.getpeername()[0] != address:
            self._raw = open_raw(self._local_address, address, PORT)
            self._sender = Sender(self._raw)
        return self._sender
