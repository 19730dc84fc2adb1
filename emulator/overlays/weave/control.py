"""Questions to a router, which Weave answers by HTTP: for an address of a container, and for what the router knows.

They cross a pair of sockets that was made before the router's process, each as one JSON message.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.status import Status
from emulator.system.closing import Closing
from emulator.system.decode import decode, encode

_MESSAGE_BYTES = 2**20
_BUFFER_BYTES = 2**22


@dataclass(frozen=True, slots=True)
class Question:
    """A question. ``container`` is the name of a container, empty for the status."""

    number: int
    kind: Literal["allocate", "status"]
    container: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the question of the same number."""

    number: int
    address: str | None = None
    status: Status | None = None


class Client(Closing):
    """The side that asks."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._number = 0

    def close(self) -> None:
        """Close the socket."""
        self._end.close()

    def allocate(self, container: str, patience_s: float) -> str | None:
        """Return the address of a container; None if the router gives none in time, or has ended."""
        answer = self._ask("allocate", container, patience_s)
        return None if answer is None else answer.address

    def status(self, patience_s: float) -> Status | None:
        """Return what the router knows; None if it does not answer in time, or has ended."""
        answer = self._ask("status", "", patience_s)
        return None if answer is None else answer.status

    def _ask(self, kind: Literal["allocate", "status"], container: str, patience_s: float) -> Answer | None:
        self._number += 1
        try:
            self._end.send(encode(Question(self._number, kind, container)))
            poll = select.poll()
            poll.register(self._end, select.POLLIN)
            while poll.poll(patience_s * 1000):
                data = self._end.recv(_MESSAGE_BYTES)
                if not data:
                    return None
                answer = decode(Answer, data, "the answer of a router")
                if answer.number == self._number:  # and not the late answer to an earlier question
                    return answer
        except OSError:  # the router has ended
            return None
        return None


class Server:
    """The side that answers. ``allocate`` finds an address for a container, and gives it to a function."""

    def __init__(
        self, loop: Loop, end: socket.socket, allocate: Callable[[str, Callable[[str], None]], None],
        status: Callable[[], Status],
    ) -> None:  # fmt: skip
        self._loop = loop
        self._end = end
        self._allocate = allocate
        self._status = status
        loop.watch(end.fileno(), self._answer)

    def _answer(self) -> None:
        try:
            data = self._end.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._loop.unwatch(self._end.fileno())
            return
        question = decode(Question, data, "a question to a router")
        if question.kind == "status":
            self._send(Answer(question.number, status=self._status()))
        else:
            self._allocate(question.container, lambda address: self._send(Answer(question.number, address=address)))

    def _send(self, answer: Answer) -> None:
        self._end.send(encode(answer))


def make_ends() -> tuple[socket.socket, socket.socket]:
    """Return the two ends for a client and a server; the server's does not block."""
    client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (client, server):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    server.setblocking(False)
    return client, server
