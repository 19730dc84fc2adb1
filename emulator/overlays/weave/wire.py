"""The bytes of a TCP connection between two peers: introduction, messages, gossip.

The introduction, the lengths, the tags and the encryption are those of version 2 of Weave's protocol
(`protocol.go`, `protocol_crypto.go`). What the messages hold is JSON here and Go's gob there, so the protocol has a
version of its own, which a real `weaver` refuses by its number.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from dataclasses import dataclass

from emulator.overlays.weave.crypto import KEY_BYTES, DecryptionError, KeyPair, TcpCipher, session_key
from emulator.overlays.weave.forwarder import NAME_BYTES, PeerName

_PROTOCOL = b"weave"
VERSION = 128
"""The only version of this protocol; Weave has 1 and 2."""
_HEADER = _PROTOCOL + bytes((VERSION, VERSION))
_LENGTH = struct.Struct("!I")
_MAX_MESSAGE_BYTES = 2**22
_PLAIN, _ENCRYPTED = 0, 1


class Tag(enum.IntEnum):
    """The first byte of a message, with Weave's numbers."""

    HEARTBEAT = 0
    GOSSIP = 4
    UNICAST = 5
    BROADCAST = 6
    OVERLAY = 7


class ProtocolError(Exception):
    """The other end does not speak the protocol, or has another password; the message is a clause."""


class Wire:
    """One end of a connection's stream: bytes in, messages out, and the other way."""

    def __init__(self, password: str | None, *, is_outbound: bool, make_keys: Callable[[], KeyPair]) -> None:
        """``password`` is None for a connection without encryption."""
        self._password = password
        self._is_outbound = is_outbound
        self._keys = None if password is None else make_keys()
        self._cipher: TcpCipher | None = None
        self._buffer = bytearray()
        self._has_header = False
        self._is_introduced = False
        self.session_key: bytes | None = None
        """The key of the connection; None without a password, or before the introduction has ended."""

    def introduction(self) -> bytes:
        """Return the first bytes to send: header, encryption, public key."""
        if self._keys is None:
            return _HEADER + bytes((_PLAIN,))
        return _HEADER + bytes((_ENCRYPTED,)) + self._keys.public

    @property
    def is_introduced(self) -> bool:
        """Whether the other end's introduction has been received, so that messages can be packed."""
        return self._is_introduced

    def pack(self, message: bytes) -> bytes:
        """Return the bytes to send for a message."""
        if self._cipher is not None:
            message = self._cipher.seal(message)
        return _LENGTH.pack(len(message)) + message

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; return the messages that they complete.

        Raises:
            ProtocolError: the bytes are none of this protocol, or cannot be decrypted.
        """
        self._buffer += data
        if not self._is_introduced and not self._introduce():
            return []
        messages = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > _MAX_MESSAGE_BYTES:
                raise ProtocolError(f"a message has {length} bytes, more than {_MAX_MESSAGE_BYTES}")
            if len(self._buffer) < _LENGTH.size + length:
                break
            message = bytes(self._buffer[_LENGTH.size : _LENGTH.size + length])
            del self._buffer[: _LENGTH.size + length]
            messages.append(self._decrypted(message))
        return messages

    def _introduce(self) -> bool:
        """Read the other end's introduction, and return whether it is complete."""
        if not self._has_header:
            seen = bytes(self._buffer[: len(_PROTOCOL)])
            if seen != _PROTOCOL[: len(seen)]:
                raise ProtocolError("the other end does not speak Weave's protocol")
            if len(self._buffer) < len(_HEADER):
                return False
            low, high = self._buffer[len(_PROTOCOL)], self._buffer[len(_PROTOCOL) + 1]
            if not low <= VERSION <= high:
                raise ProtocolError(f"the other end speaks versions {low} to {high} of Weave's protocol, not {VERSION}")
            del self._buffer[: len(_HEADER)]
            self._has_header = True
        if not self._buffer:
            return False
        if self._buffer[0] == _PLAIN:
            if self._keys is not None:
                raise ProtocolError("the other end has no password")
            del self._buffer[0]
        elif self._buffer[0] == _ENCRYPTED:
            if self._keys is None or self._password is None:
                raise ProtocolError("the other end has a password, and this one none")
            if len(self._buffer) < 1 + KEY_BYTES:
                return False
            remote = bytes(self._buffer[1 : 1 + KEY_BYTES])
            del self._buffer[: 1 + KEY_BYTES]
            self.session_key = session_key(remote, self._keys.private, self._password)
            self._cipher = TcpCipher(self.session_key, is_outbound=self._is_outbound)
        else:
            raise ProtocolError(f"the encryption {self._buffer[0]} is unknown")
        self._is_introduced = True
        return True

    def _decrypted(self, message: bytes) -> bytes:
        if self._cipher is None:
            return message
        try:
            return self._cipher.unseal(message)
        except DecryptionError:
            raise ProtocolError("the other end has another password") from None


@dataclass(frozen=True, slots=True)
class Gossip:
    """A message of a gossip channel. ``destination`` is None unless it is for one peer."""

    channel: str
    source: PeerName
    destination: PeerName | None
    body: bytes


def pack_gossip(gossip: Gossip) -> bytes:
    """Return a gossip message without its tag: channel, source, destination if it has one, body."""
    channel = gossip.channel.encode()
    return bytes((len(channel),)) + channel + gossip.source + (gossip.destination or b"") + gossip.body


def parse_gossip(tag: Tag, data: bytes) -> Gossip:
    """Return the gossip in a message of a tag.

    Raises:
        ProtocolError: the message is too short.
    """
    channel_end = 1 + data[0] if data else 1
    source_end = channel_end + NAME_BYTES
    body_start = source_end + (NAME_BYTES if tag == Tag.UNICAST else 0)
    if len(data) < body_start:
        raise ProtocolError("a gossip message is too short")
    return Gossip(
        data[1:channel_end].decode(errors="replace"),
        data[channel_end:source_end],
        data[source_end:body_start] or None,
        data[body_start:],
    )
