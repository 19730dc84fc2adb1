"""Fields to the bytes of netlink messages, and back: headers, attributes, requests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

HEADER = struct.Struct("=IHHII")
"""``struct nlmsghdr``: length, type, flags, sequence number, port."""

_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=HHI")
_S64 = struct.Struct("=HHq")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_DUMP = 0x300
NEW = NLM_F_CREATE | NLM_F_EXCL
"""Make it; it is an error if it is there."""
PUT = NLM_F_CREATE | NLM_F_REPLACE
"""Make it, or change what is there."""

_NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF


class Request(NamedTuple):
    """A message to the kernel. ``subject`` is what it is about, for the message of an error: an interface's name."""

    type: int
    flags: int
    body: bytes
    subject: str


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute with any value, padded to four bytes."""
    length = len(value) + 4
    return _ATTRIBUTE.pack(length, kind) + value + _PADDING[length & 3]


def text(kind: int, value: str) -> bytes:
    """A string attribute, with its NUL."""
    return attribute(kind, value.encode() + b"\0")


def u32(kind: int, value: int) -> bytes:
    """A 32-bit attribute."""
    return _U32.pack(8, kind, value)


def s64(kind: int, value: int) -> bytes:
    """A 64-bit attribute."""
    return _S64.pack(12, kind, value)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds others."""
    return attribute(kind | _NLA_F_NESTED, b"".join(attributes))


def attributes(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes in a message's body from an offset on, each with its type."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += length + 3 & ~3
