"""The bytes of netlink messages: headers, attributes, requests."""

from __future__ import annotations

import socket
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
"""Flags to make an object; the request fails if the object exists."""
PUT = NLM_F_CREATE | NLM_F_REPLACE
"""Flags to make an object, or to change the existing one."""

_NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF


class KernelRequest(NamedTuple):
    """A message to the kernel; ``subject``, such as an interface's name, says in an error what the request is about."""

    type: int
    flags: int
    body: bytes
    subject: str


def packed(address: str) -> tuple[int, bytes]:
    """Return the family (AF_INET, AF_INET6) and the bytes of an address.

    Raises:
        OSError: the text is no address.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute with a value of bytes, padded to four bytes."""
    length = len(value) + 4
    return _ATTRIBUTE.pack(length, kind) + value + _PADDING[length & 3]


def text(kind: int, value: str) -> bytes:
    """Return a string attribute, with its NUL byte."""
    return attribute(kind, value.encode() + b"\0")


def u32(kind: int, value: int) -> bytes:
    """Return an attribute with an unsigned 32-bit value."""
    return _U32.pack(8, kind, value)


def s64(kind: int, value: int) -> bytes:
    """Return an attribute with a signed 64-bit value."""
    return _S64.pack(12, kind, value)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds other attributes."""
    return attribute(kind | _NLA_F_NESTED, b"".join(attributes))


def attributes(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the type and value of each attribute in a message's body, from ``offset`` on."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += length + 3 & ~3
