"""Datagrams and frames in batches: a system call takes or sends many.

In a guest, each system call is a hand-over between two processes, which costs more than the copy of a packet. Two means
save calls:

- ``recvmmsg`` and ``sendmmsg`` take several messages in one call, of any kind of socket.
- UDP segmentation (``UDP_SEGMENT``) sends datagrams of one size to one address as one message, and ``UDP_GRO`` receives
  them so. The kernel carries such a run through the stack as one packet, as it carries TCP's large segments. A socket
  without ``UDP_GRO``, or a link without segmentation, gets the single datagrams.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_RUN_BYTES = 65507
"""The largest payload of UDP over IPv4."""
MAX_RUN = 64
"""The datagrams of a run that every Linux kernel with UDP segmentation takes."""

_SOL_UDP, _UDP_SEGMENT, _UDP_GRO = 17, 103, 104
_MSG_WAITFORONE = 0x10000
_SEGMENT_BYTES = struct.Struct("=Q2iH6x")
"""The control message of `UDP_SEGMENT`: its length, level, type and value, and padding."""
_SEGMENT_LENGTH = 18
_GRO = struct.Struct("=Q3i4x")
_CONTROL_BYTES = 24
_ADDRESS = struct.Struct("=H2s4s8x")
_NAME_BYTES = 32
"""More than the address of an IPv4 or of a packet socket takes."""
_MESSAGE_WORDS, _LENGTH_WORD = 16, 14
"""The 32-bit words of a ``struct mmsghdr``, and that of the message's length."""

Address = tuple[str, int]


class _Vector(ctypes.Structure):
    """``struct iovec``."""

    base: int
    length: int
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """``struct mmsghdr``."""

    name: int | None
    name_bytes: int
    vectors: int
    vector_count: int
    control: int | None
    control_bytes: int
    flags: int
    length: int
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_bytes", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_bytes", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_uint32),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)
_RECVMMSG, _SENDMMSG = _LIBC.recvmmsg, _LIBC.sendmmsg
_RECVMMSG.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
_SENDMMSG.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


class Received(NamedTuple):
    """A datagram or frame, and its sender's address as the kernel writes it; `address_of` reads that of UDP."""

    data: bytes
    sender: bytes


class Run(NamedTuple):
    """Datagrams to one address, one behind the other in ``data``.

    All have ``segment_bytes``, only the last may have fewer. Without ``address``, they go where the socket leads to.
    """

    data: bytes
    segment_bytes: int
    address: Address | None = None


class Failure(NamedTuple):
    """A run that the kernel refused, and why."""

    run: Run
    error: OSError


class Receiver:
    """Buffers for messages that a call takes from a socket."""

    def __init__(self, end: socket.socket, message_bytes: int, count: int = 64, *, is_merged: bool = False) -> None:
        """Prepare buffers of ``message_bytes`` for ``count`` messages; what is longer is cut off.

        With ``is_merged``, for UDP only, the kernel hands over runs of datagrams as single messages, which need
        buffers of 65,535 bytes. `receive` takes them apart.
        """
        self._end = end
        self._size = message_bytes
        self._count = count
        self._is_merged = is_merged
        if is_merged:
            end.setsockopt(_SOL_UDP, _UDP_GRO, 1)
        self._data = bytearray(count * message_bytes)
        self._names = bytearray(count * _NAME_BYTES)
        self._controls = bytearray(count * _CONTROL_BYTES)
        self._messages = (_Message * count)()
        self._vectors = (_Vector * count)()
        data, names, controls = (_address_of_buffer(it) for it in (self._data, self._names, self._controls))
        for index, (message, vector) in enumerate(zip(self._messages, self._vectors, strict=True)):
            vector.base, vector.length = data + index * message_bytes, message_bytes
            message.vectors, message.vector_count = ctypes.addressof(vector), 1
            message.name, message.name_bytes = names + index * _NAME_BYTES, _NAME_BYTES
            if is_merged:
                message.control, message.control_bytes = controls + index * _CONTROL_BYTES, _CONTROL_BYTES
        self._address = ctypes.addressof(self._messages)
        self._lengths = memoryview(self._messages).cast("B").cast("I")[_LENGTH_WORD::_MESSAGE_WORDS]

    def receive(self, *, waits: bool = False) -> list[Received]:
        """Return the messages that are there; none if there are none.

        With ``waits``, wait for the first message, if the socket is blocking.

        Raises:
            OSError: an error of the socket, such as an ICMP message that answers a datagram.
        """
        flags = _MSG_WAITFORONE if waits else socket.MSG_DONTWAIT
        taken = _RECVMMSG(self._end.fileno(), self._address, self._count, flags, None)
        if taken < 0:
            error = ctypes.get_errno()
            if error in (errno.EAGAIN, errno.EWOULDBLOCK):
                return []
            raise OSError(error, os.strerror(error))
        data, size = memoryview(self._data), self._size
        found = []
        for index, length in enumerate(self._lengths[:taken].tolist()):
            message = self._messages[index]
            sender = bytes(self._names[index * _NAME_BYTES : index * _NAME_BYTES + message.name_bytes])
            message.name_bytes = _NAME_BYTES
            begin, end = index * size, index * size + length
            step = self._segment_bytes(index, message) or length or 1
            found += [
                Received(bytes(data[at : min(at + step, end)]), sender)
                for at in range(begin, max(end, begin + 1), step)
            ]
        return found

    def _segment_bytes(self, index: int, message: _Message) -> int:
        """Return the size of the datagrams in a message; 0 if it is a single datagram."""
        if not self._is_merged:
            return 0
        given, message.control_bytes = message.control_bytes, _CONTROL_BYTES
        if given < _GRO.size - 4:
            return 0
        _, level, kind, size = _GRO.unpack_from(self._controls, index * _CONTROL_BYTES)
        return int(size) if (level, kind) == (_SOL_UDP, _UDP_GRO) else 0


class Sender:
    """Headers for messages that a call sends by a socket."""

    def __init__(self, end: socket.socket, count: int = 64) -> None:
        """Prepare for ``count`` messages in a call."""
        self._end = end
        self._count = count
        self._messages = (_Message * count)()
        self._vectors = (_Vector * count)()
        for message, vector in zip(self._messages, self._vectors, strict=True):
            message.vectors, message.vector_count = ctypes.addressof(vector), 1
        self._address = ctypes.addressof(self._messages)

    def send(self, runs: Sequence[Run]) -> list[Failure]:
        """Send runs, and return those that the kernel refused.

        A run that the kernel does not send as one message is sent as single datagrams, so that one of them may fail
        without the others.
        """
        failures: list[Failure] = []
        for begin in range(0, len(runs), self._count):
            self._send(runs[begin : begin + self._count], failures)
        return failures

    def _send(self, runs: Sequence[Run], failures: list[Failure]) -> None:
        kept = []  # the memory that the headers point to
        for run, message, vector in zip(runs, self._messages, self._vectors, strict=False):
            data = ctypes.c_char_p(run.data)
            kept.append(data)
            vector.base, vector.length = ctypes.cast(data, ctypes.c_void_p).value or 0, len(run.data)
            if run.address is not None:
                message.name, message.name_bytes = _name(run.address)[1], _ADDRESS.size
            else:
                message.name, message.name_bytes = None, 0
            if run.segment_bytes < len(run.data):
                message.control, message.control_bytes = _control(run.segment_bytes)[1], _CONTROL_BYTES
            else:
                message.control, message.control_bytes = None, 0
        begin = 0
        while begin < len(runs):
            address = self._address + begin * ctypes.sizeof(_Message)
            sent = _SENDMMSG(self._end.fileno(), address, len(runs) - begin, 0)
            if sent < 0:
                error, run = ctypes.get_errno(), runs[begin]
                if run.segment_bytes < len(run.data):
                    self._send_singly(run, failures)
                else:
                    failures.append(Failure(run, OSError(error, os.strerror(error))))
                sent = 1
            begin += sent

    def _send_singly(self, run: Run, failures: list[Failure]) -> None:
        for data in split(run):
            try:
                if run.address is None:
                    self._end.send(data)
                else:
                    self._end.sendto(data, run.address)
            except OSError as error:
                failures.append(Failure(Run(data, len(data), run.address), error))


def merge(datagrams: Iterable[tuple[bytes, Address | None]]) -> list[Run]:
    """Merge neighbouring datagrams of one size to one address into runs; the order stays."""
    runs: list[Run] = []
    group: list[bytes] = []
    to: Address | None = None
    size = 0

    def end() -> None:
        if group:
            runs.append(Run(b"".join(group), len(group[0]), to))
            group.clear()

    for data, address in datagrams:
        is_full = len(group) == MAX_RUN or size + len(data) > MAX_RUN_BYTES
        if group and (address != to or is_full or len(data) > len(group[0]) or len(group[-1]) < len(group[0])):
            end()
        if not group:
            to, size = address, 0
        group.append(data)
        size += len(data)
    end()
    return runs


def split(run: Run) -> Iterator[bytes]:
    """Yield the datagrams of a run."""
    for at in range(0, len(run.data), run.segment_bytes):
        yield run.data[at : at + run.segment_bytes]


@lru_cache(maxsize=1024)
def address_of(sender: bytes) -> Address:
    """Return the address of a received UDP datagram's sender."""
    _, port, host = _ADDRESS.unpack_from(sender)
    return socket.inet_ntoa(host), int.from_bytes(port, "big")


@lru_cache(maxsize=1024)
def _name(address: Address) -> tuple[bytearray, int]:
    """Return a ``struct sockaddr_in``, and where it is in memory."""
    host, port = address
    return _in_memory(_ADDRESS.pack(socket.AF_INET, port.to_bytes(2, "big"), socket.inet_aton(host)))


@lru_cache(maxsize=1024)
def _control(segment_bytes: int) -> tuple[bytearray, int]:
    """Return a control message that asks for segmentation, and where it is in memory."""
    return _in_memory(_SEGMENT_BYTES.pack(_SEGMENT_LENGTH, _SOL_UDP, _UDP_SEGMENT, segment_bytes))


def _in_memory(data: bytes) -> tuple[bytearray, int]:
    buffer = bytearray(data)
    return buffer, _address_of_buffer(buffer)


def _address_of_buffer(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
