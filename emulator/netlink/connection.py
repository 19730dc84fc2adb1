"""Requests to the kernel's answers: one netlink socket, many requests in a datagram, errors with their subject."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from emulator.netlink.messages import HEADER, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Request, attributes
from emulator.system.errors import EmulationError

NETLINK_ROUTE, NETLINK_GENERIC = 0, 16

_SOL_NETLINK = 270
_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 10, 11, 12
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLMSGERR_ATTR_MSG = 1
_NLM_F_ACK_TLVS = 0x200
_BATCH_BYTES = 2**16
_ANSWER_BYTES = 2**16
_ERROR = struct.Struct("=i")


class NetlinkError(EmulationError):
    """The kernel refused a request; ``number`` is its errno, the message names what the request was about."""

    def __init__(self, subject: str, number: int, said: str) -> None:
        self.number = number
        detail = f" ({said})" if said else ""
        super().__init__(f"{subject}: the kernel refuses: {os.strerror(number)}{detail}")


class Netlink:
    """A socket to the kernel, for the network namespace in which it is opened; a context manager."""

    def __init__(self, family: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._sequence = 0
        # an error quotes the request's header and not all of it, and says in words what was wrong
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, requests: Sequence[Request]) -> None:
        """Have requests done in their order, many in one system call. What comes after a refused one is done too.

        Raises:
            NetlinkError: the kernel refused one; the first that it refused.
        """
        batch: list[bytes] = []
        size = first = 0
        last = len(requests) - 1
        sequence = self._sequence
        for index, (kind, flags, body, _) in enumerate(requests):
            length = 16 + len(body)
            size += length + 3 & ~3
            full = size >= _BATCH_BYTES or index == last
            # errors come unasked; one acknowledgement, of the last, says that there are no more
            asked = flags | (NLM_F_REQUEST | NLM_F_ACK if full else NLM_F_REQUEST)
            batch += (HEADER.pack(length, kind, asked, sequence + index, 0), body, b"\0" * (-length & 3))
            if full:
                self._exchange(b"".join(batch), requests, first, index)
                batch.clear()
                size, first = 0, index + 1
        self._sequence += len(requests)

    def _exchange(self, data: bytes, requests: Sequence[Request], first: int, last: int) -> None:
        self._socket.send(data)
        trouble: NetlinkError | None = None
        flags = 0
        is_done = False
        while not is_done:
            try:
                answers = list(self._errors(flags))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # more errors than fit: the first are there to be read, and the last, as the acknowledgement, are lost
                flags = socket.MSG_DONTWAIT
                continue
            for index, number, said in answers:
                if number and trouble is None and first <= index <= last:
                    trouble = NetlinkError(requests[index].subject, number, said)
                is_done = is_done or index == last
        if trouble:
            self._sequence += len(requests)
            raise trouble

    def _errors(self, flags: int) -> Iterator[tuple[int, int, str]]:
        """The acknowledgements in one datagram: the request's index, its errno (0: done), what the kernel says."""
        for kind, marks, sequence, body in self._receive(flags):
            if kind == _NLMSG_ERROR:
                said = b""
                if marks & _NLM_F_ACK_TLVS:  # behind the errno and the header of the request
                    said = dict(attributes(body, 20)).get(_NLMSGERR_ATTR_MSG, b"")
                yield (
                    sequence - self._sequence,
                    -_ERROR.unpack_from(body)[0],
                    said.rstrip(b"\0").decode(errors="replace"),
                )

    def _receive(self, flags: int = 0) -> Iterator[tuple[int, int, int, bytes]]:
        data = self._socket.recv(_ANSWER_BYTES, flags)
        offset = 0
        while offset + 16 <= len(data):
            length, kind, marks, sequence, _ = HEADER.unpack_from(data, offset)
            yield kind, marks, sequence, data[offset + 16 : offset + length]
            offset += length + 3 & ~3

    def get(self, request: Request, *, dump: bool = True) -> list[tuple[int, bytes]]:
        """What the kernel answers to a question: the type and body of each message.

        Raises:
            NetlinkError: the kernel refused to answer.
        """
        self._sequence += 1
        flags = request.flags | NLM_F_REQUEST | (NLM_F_DUMP if dump else NLM_F_ACK)
        self._socket.send(HEADER.pack(16 + len(request.body), request.type, flags, self._sequence, 0) + request.body)
        found: list[tuple[int, bytes]] = []
        while True:
            for kind, _, sequence, body in self._receive():
                if sequence != self._sequence:
                    continue
                if kind == _NLMSG_ERROR and (number := -_ERROR.unpack_from(body)[0]):
                    raise NetlinkError(request.subject, number, "")
                if kind in (_NLMSG_ERROR, _NLMSG_DONE):
                    return found
                found.append((kind, body))


def is_missing(error: NetlinkError) -> bool:
    """Whether the kernel refused because what the request needs is not built into it, or not there."""
    return error.number in (errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV)
