"""A TCP connection to another peer: introduction, features, heartbeats, messages; as Weave's `connection.go`."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from emulator.overlays.weave.choice import Choice
from emulator.overlays.weave.crypto import make_key_pair
from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.peers import Peer, parse_name
from emulator.overlays.weave.wire import ProtocolError, Tag, Wire
from emulator.system.decode import load
from emulator.system.errors import EmulationError

_HEADER_PATIENCE_S = 10.0
HEARTBEAT_S = 30.0
_PATIENCE_S = 2 * HEARTBEAT_S
_READ_BYTES = 2**16
_RESET = struct.pack("ii", 1, 0)
_REQUIRED = ("Name", "NickName", "ShortID", "UID", "ConnID", "Overlays")
_MAX_64 = 2**64 - 1


class Owner(Protocol):
    """The parts of a router that its connections need."""

    def features(self, connection: TcpConnection) -> Mapping[str, str]:
        """Return what this host's peer says about itself on a connection."""

    def introduced(self, connection: TcpConnection, remote: Peer, features: Mapping[str, str]) -> None:
        """Take a connection whose peer is known now.

        Raises:
            ProtocolError: the connection is not wanted.
        """

    def received(self, connection: TcpConnection, tag: int, body: bytes) -> None:
        """Take a message.

        Raises:
            ProtocolError: the message is malformed.
        """

    def ended(self, connection: TcpConnection, reason: str) -> None:
        """Forget a connection, which is closed."""


class TcpConnection:
    """A connection. ``address`` is the other end's, ``uid`` the exclusive or of both ends' random numbers."""

    def __init__(
        self, loop: Loop, end: socket.socket, address: str, owner: Owner, *, password: str | None, uid: int,
        is_outbound: bool,
    ) -> None:  # fmt: skip
        """``end`` is a non-blocking socket, which is connected or, if outbound, may still be connecting."""
        self._loop = loop
        self._end = end
        self._owner = owner
        self._wire = Wire(password, is_outbound=is_outbound, make_keys=make_key_pair)
        self._output = bytearray()
        self._is_connected = not is_outbound
        self._is_closed = False
        self.address = address
        self.is_outbound = is_outbound
        self.uid = uid
        self.remote: PeerName | None = None
        self.choice: Choice | None = None
        """The forwarders of frames over this connection; None before the peer is known."""
        self._heartbeat: Timer | None = None
        self._patience: Timer | None = None
        self._wait(_HEADER_PATIENCE_S if self._is_connected else None)
        loop.watch(end.fileno(), self._readable)
        if self._is_connected:
            self._begin()
        else:
            loop.watch_writable(end.fileno(), self._writable)

    @property
    def session_key(self) -> bytes | None:
        """The key of the connection; None without a password."""
        return self._wire.session_key

    @property
    def own_address(self) -> str:
        """The IP address of this end."""
        return str(self._end.getsockname()[0])

    @property
    def remote_address(self) -> str:
        """The IP address of the other end."""
        return self.address.rpartition(":")[0]

    def send(self, tag: int, body: bytes = b"") -> None:
        """Send a message; do nothing if the connection is closed."""
        if not self._is_closed:
            self._write(self._wire.pack(bytes((tag,)) + body))

    def shut_down(self, reason: str) -> None:
        """Close the connection, with a reset, and tell its router."""
        if self._is_closed:
            return
        self._is_closed = True
        for timer in (self._heartbeat, self._patience):
            if timer is not None:
                timer.cancel()
        self._loop.unwatch(self._end.fileno())
        with contextlib.suppress(OSError):
            self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._end.close()
        if self.choice is not None:
            self.choice.stop()
        self._owner.ended(self, reason)

    def _begin(self) -> None:
        self._write(self._wire.introduction())

    def _readable(self) -> None:
        try:
            data = self._end.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.shut_down(str(error.strerror))
            return
        if not data:
            self.shut_down("the other end has closed it")
            return
        try:
            self._take(data)
        except ProtocolError as error:
            self.shut_down(str(error))

    def _take(self, data: bytes) -> None:
        was_introduced = self._wire.is_introduced
        messages = self._wire.feed(data)
        if self._wire.is_introduced:
            if not was_introduced:
                self._write(self._wire.pack(_features_text(self._owner.features(self))))
            self._wait(_PATIENCE_S)
        for message in messages:
            if self._is_closed:
                return
            if self.remote is None:
                self._introduced(message)
            elif message:
                self._owner.received(self, message[0], message[1:])

    def _introduced(self, message: bytes) -> None:
        features = _parse_features(message)
        peer = _peer(features)
        self.remote = peer.name
        self.uid ^= _number(features["ConnID"], _MAX_64)
        self._owner.introduced(self, peer, features)
        self._beat()

    def _beat(self) -> None:
        if self._heartbeat is not None:
            self.send(Tag.HEARTBEAT)
        self._heartbeat = self._loop.call_later(HEARTBEAT_S, self._beat)

    def _wait(self, patience_s: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if patience_s is not None:
            self._patience = self._loop.call_later(patience_s, lambda: self.shut_down("the other end is silent"))

    def _write(self, data: bytes) -> None:
        self._output += data
        if self._is_connected:
            self._flush()

    def _writable(self) -> None:
        if not self._is_connected:
            number = self._end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                self.shut_down(os.strerror(number))
                return
            self._is_connected = True
            self._wait(_HEADER_PATIENCE_S)
            self._begin()
        self._flush()

    def _flush(self) -> None:
        while self._output:
            try:
                sent = self._end.send(self._output)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    self._loop.watch_writable(self._end.fileno(), self._writable)
                    return
                # not at once, because a caller may be in the middle of a walk over all connections
                self._output.clear()
                self._loop.call_later(0, partial(self.shut_down, str(error.strerror)))
                return
            del self._output[:sent]
        self._loop.unwatch_writable(self._end.fileno())


def _features_text(features: Mapping[str, str]) -> bytes:
    return json.dumps(features).encode()


def _parse_features(message: bytes) -> dict[str, str]:
    try:
        found = load(message, "the features of a peer")
    except EmulationError as error:
        raise ProtocolError(str(error)) from None
    if not isinstance(found, dict) or not all(isinstance(it, str) for it in found.values()):
        raise ProtocolError("the features of a peer are no table of texts")
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        raise ProtocolError(f"the features of a peer lack {missing[0]}")
    return found


def _peer(features: Mapping[str, str]) -> Peer:
    try:
        name = parse_name(features["Name"])
    except ValueError as error:
        raise ProtocolError(str(error)) from None
    return Peer(
        name, features["NickName"], _number(features["UID"], _MAX_64), 0, _number(features["ShortID"], 2**12 - 1)
    )


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or len(text) > len(str(most)) or int(text) > most:
        raise ProtocolError(f"{text[:40]!a} is no number up to {most}")
    return int(text)
