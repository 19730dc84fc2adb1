"""Sleeve's datagrams: several frames, each behind the names of its two peers, with and without encryption.

It follows `frame_crypto.go` of Weave Net 2.8.1. A datagram is the name of the sending peer, and then, for each frame,
the names of the peer that captured it and of the peer that it is for, its length (16 bits) and itself. With a password,
all but the sender's name is sealed by secretbox, and a number of 64 bits stands before it. The number's highest bit
says that the datagram must not be fragmented, because both kinds are numbered on their own. The nonce has the same
number.
"""

from __future__ import annotations

import abc
import struct
from collections.abc import Iterator

from emulator.overlays.weave.crypto import TAG_BYTES, DecryptionError, nonce, seal, unseal
from emulator.overlays.weave.forwarder import NAME_BYTES, PeerName

FRAME_HEADER_BYTES = 2 * NAME_BYTES + 2
_LENGTH = struct.Struct("!H")
_NUMBER = struct.Struct("!Q")
_DONT_FRAGMENT = 1 << 63
_WINDOW_BITS = 20
"""The lower bits of a number; a datagram of an older window than the last one is dropped, as it may be a repetition."""


class Packer(abc.ABC):
    """A datagram in the making."""

    overhead_bytes: int
    """The bytes of a datagram without frames."""

    def __init__(self, name: PeerName) -> None:
        """``name`` is the sending peer."""
        self.name = name
        self._parts: list[bytes] = []
        self._bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether it has no frame."""
        return not self._parts

    def fits(self, frame: bytes, limit_bytes: int) -> bool:
        """Return whether the datagram has at most ``limit_bytes`` when one more frame is added."""
        return self.overhead_bytes + self._bytes + FRAME_HEADER_BYTES + len(frame) <= limit_bytes

    def add(self, source: PeerName, destination: PeerName, frame: bytes) -> None:
        """Add a frame, which is for a peer and was captured by another."""
        self._parts += (source, destination, _LENGTH.pack(len(frame)), frame)
        self._bytes += FRAME_HEADER_BYTES + len(frame)

    def finish(self) -> bytes:
        """Return the datagram, and begin the next one."""
        plain = b"".join(self._parts)
        self._parts, self._bytes = [], 0
        return self.wrap(plain)

    @abc.abstractmethod
    def wrap(self, plain: bytes) -> bytes:
        """Return the datagram of some frames."""


class PlainPacker(Packer):
    """Datagrams without encryption."""

    overhead_bytes = NAME_BYTES

    def wrap(self, plain: bytes) -> bytes:
        """Put the sender's name before the frames."""
        return self.name + plain


class SealedPacker(Packer):
    """Encrypted datagrams. ``dont_fragment`` says which of the two kinds they are."""

    overhead_bytes = NAME_BYTES + _NUMBER.size + TAG_BYTES

    def __init__(self, name: PeerName, key: bytes, *, is_outbound: bool, dont_fragment: bool) -> None:
        super().__init__(name)
        self._key = key
        self._is_outbound = is_outbound
        self._number = _DONT_FRAGMENT if dont_fragment else 0

    def wrap(self, plain: bytes) -> bytes:
        """Give the frames the next number, and seal them."""
        number = self._number
        self._number += 1
        sealed = seal(self._key, nonce(number, is_outbound=self._is_outbound, is_tcp=False), plain)
        return self.name + _NUMBER.pack(number) + sealed


class PackingError(Exception):
    """A datagram is malformed, forged, or of another connection."""


def parse(data: bytes) -> Iterator[tuple[PeerName, PeerName, bytes]]:
    """Yield source, destination and frame of a datagram without its sender's name and encryption.

    Raises:
        PackingError: bytes are missing at the end.
    """
    at, end = 0, len(data)
    while at < end:
        start = at + FRAME_HEADER_BYTES
        if start > end:
            raise PackingError(f"{end - at} bytes are left after the last frame")
        next_at = start + (data[start - 2] << 8 | data[start - 1])
        if next_at > end:
            raise PackingError(f"a frame has {end - start} bytes instead of {next_at - start}")
        yield data[at : at + NAME_BYTES], data[at + NAME_BYTES : start - 2], data[start:next_at]
        at = next_at


class Opener:
    """The decryption of a connection's datagrams; repeated ones are dropped."""

    def __init__(self, key: bytes, *, is_outbound: bool) -> None:
        self._key = key
        self._is_outbound = is_outbound
        self._seen = {False: _Window(), True: _Window()}

    def open(self, data: bytes) -> bytes:
        """Return the frames of a datagram without its sender's name; no bytes if it is a repetition.

        Raises:
            PackingError: the datagram is forged, or encrypted for another connection.
        """
        if len(data) < _NUMBER.size:
            raise PackingError("an encrypted datagram is too short")
        (number,) = _NUMBER.unpack_from(data)
        try:
            plain = unseal(
                self._key, nonce(number, is_outbound=not self._is_outbound, is_tcp=False), data[_NUMBER.size :]
            )
        except DecryptionError:
            raise PackingError("a datagram cannot be decrypted") from None
        window = self._seen[bool(number & _DONT_FRAGMENT)]
        return plain if window.is_first(number & ~_DONT_FRAGMENT) else b""


class _Window:
    """The numbers of the datagrams that were received, in the last window and in the one before it."""

    def __init__(self) -> None:
        self._window = 0
        self._current: set[int] = set()
        self._previous: set[int] = set()

    def is_first(self, number: int) -> bool:
        """Note a number, and return whether it is the first time."""
        window, offset = number >> _WINDOW_BITS, number & ((1 << _WINDOW_BITS) - 1)
        if window > self._window:
            self._previous = self._current if window == self._window + 1 else set()
            self._window, self._current = window, set()
        if window < self._window - 1:
            return False
        seen = self._current if window == self._window else self._previous
        if offset in seen:
            return False
        seen.add(offset)
        return True
