"""A netlink socket: it sends many requests in a datagram and returns the kernel's answers and errors."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from emulator.netlink.messages import HEADER, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, KernelRequest, attributes
from emulator.system.closing import Closing
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
_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})


class NetlinkError(EmulationError):
    """The kernel refused a request; ``number`` is the errno, and the message names the subject of the request."""

    def __init__(self, subject: str, number: int, said: str) -> None:
        self.number = number
        detail = f" ({said})" if said else ""
        super().__init__(f"{subject}: the kernel refuses: {os.strerror(number)}{detail}")


class Netlink(Closing):
    """A netlink socket for the calling thread's network namespace; a context manager."""

    def __init__(self, family: int = NETLINK_ROUTE) -> None:
        """Open the socket.

        Raises:
            NetlinkError: the kernel has no netlink of this family.
        """
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        except OSError as error:
            raise NetlinkError(f"netlink, family {family}", error.errno or 0, "") from None
        self._sequence = 0
        # an error quotes only the request's header, and has a text that says what is wrong
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, requests: Sequence[KernelRequest]) -> None:
        """Send requests in their order, many in one system call; those after a refused one are carried out too.

        Raises:
            NetlinkError: the kernel refused a request; the error is about the first refused one.
        """
        batch: list[bytes] = []
        size = first = 0
        last = len(requests) - 1
        sequence = self._sequence
        for index, (kind, flags, body, _) in enumerate(requests):
            length = 16 + len(body)
            size += length + 3 & ~3
            full = size >= _BATCH_BYTES or index == last
            # the kernel reports each error; the acknowledgement of the last request says that no more will come
            asked = flags | (NLM_F_REQUEST | NLM_F_ACK if full else NLM_F_REQUEST)
            batch += (HEADER.pack(length, kind, asked, sequence + index, 0), body, b"\0" * (-length & 3))
            if full:
                self._exchange(b"".join(batch), requests, first, index)
                batch.clear()
                size, first = 0, index + 1
        self._sequence += len(requests)

    def _exchange(self, data: bytes, requests: Sequence[KernelRequest], first: int, last: int) -> None:
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
                # more errors than the socket holds: the first can be read; the rest and the acknowledgement are lost
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
        """Yield the acknowledgements of one datagram: request index, errno (0 is success), kernel text."""
        for kind, marks, sequence, body in self._receive(flags):
            if kind == _NLMSG_ERROR:
                said = b""
                if marks & _NLM_F_ACK_TLVS:  # the text follows the errno and the header of the request
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

    def get(self, request: KernelRequest, *, dump: bool = True) -> list[tuple[int, bytes]]:
        """Return the kernel's answer to a request: the type and body of each message.

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
    """Return whether the kernel refused because it lacks the facility or the object that the request names."""
    return error.number in _MISSING
