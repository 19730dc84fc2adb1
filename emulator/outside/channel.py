"""The user's side of the channel: it leaves requests in the shared folder, and waits for the network's replies.

A virtual clock must not advance while the network waits for a request. The network therefore looks for the next request
again and again, without sleeping (`emulator.inside.server`). That would take processor time, so this side stops the
guest's process until it sends the next request. Two runs are then the same, however long the pauses are.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Self, TypeVar

from emulator.kernel.guest import Sink
from emulator.messages import (
    READY,
    Done,
    Failure,
    Reply,
    Request,
    decode_reply,
    encode_message,
    interrupt_file,
    reply_file,
    request_file,
)
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.outside.runner import Runner

_MAX_MESSAGE = 1000
_LAST_WORDS_BYTES = 2000

_Reply = TypeVar("_Reply", bound=Reply)


class Channel(Closing):
    """A connection to a network that serves requests: a context manager that starts its runner, and ends it."""

    def __init__(self, runner: Runner, *, stops: bool) -> None:
        """Take a runner. ``stops`` stops its process between requests, for a guest with a virtual clock."""
        self._runner = runner
        self._stops = stops
        self._number = 0
        self._stopped: int | None = None
        self._broken: EmulationError | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._runner)
            # the last line of an error that ends the start becomes the message of the exception: it is not shown twice
            self._await(Done, READY, _write_error, lambda _data: None)
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """End the runner, and the network with it."""
        self._stack.close()

    def ask(self, request: Request[_Reply], stdout: Sink | None = None) -> _Reply:
        """Send a request, and return its reply. The network's output goes to ``stdout``, else to standard error.

        Raises:
            EmulationError: the request failed, or the network has ended. Each later request raises the same error
                again once the network has ended.
        """
        if self._broken is not None:
            raise self._broken
        self._number += 1
        self._runner.put(request_file(self._number), encode_message(request))
        self._resume()
        return self.await_reply(request, stdout or _write_error)

    def await_reply(self, request: Request[_Reply], stdout: Sink) -> _Reply:
        """Wait for the reply to the last request, and return it; after `interrupt`, wait on.

        Raises:
            EmulationError: as `ask`.
        """
        reply = self._await(request.reply_type(), reply_file(self._number), stdout, _write_error)
        if isinstance(reply, Failure):
            raise EmulationError(printable(reply.message, _MAX_MESSAGE))
        return reply

    def interrupt(self) -> None:
        """Interrupt the last request, as Ctrl-C would."""
        with contextlib.suppress(EmulationError):
            self._runner.put(interrupt_file(self._number), b"")

    def result(self, name: str, limit_bytes: int) -> bytes | None:
        """Return a file that the network left in the shared folder, or None if it is missing."""
        return self._runner.result(name, limit_bytes)

    def _await(self, kind: type[_Reply], file: str, stdout: Sink, stderr: Sink) -> _Reply | Failure:
        try:
            return decode_reply(kind, self._wait_for(file, stdout, stderr))
        except EmulationError as error:
            self._broken = error  # a network that has ended or stalls, or sends no replies, does not recover
            raise

    def _wait_for(self, file: str, stdout: Sink, stderr: Sink) -> bytes:
        """Return the content of a file of the shared folder as soon as the network leaves it; then stop the guest."""
        content: bytes | None = None

        def is_there() -> bool:
            nonlocal content
            content = self._runner.result(file)
            return content is not None

        errors = bytearray()

        def keep(data: bytes) -> None:
            errors.extend(data[-_LAST_WORDS_BYTES:])
            stderr(data)

        status = self._runner.wait_until(stdout, keep, is_there)
        if content is None:
            lines = errors.decode(errors="replace").strip().splitlines()
            why = lines[-1].removeprefix("error: ") if lines else f"the network ended by itself (status {status})"
            raise EmulationError(printable(why, _MAX_MESSAGE))
        self._stop()
        return content

    def _stop(self) -> None:
        if self._stops and (pid := self._runner.pid) is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just died, which the next request finds out
                os.kill(pid, signal.SIGSTOP)
                self._stopped = pid

    def _resume(self) -> None:
        if self._stopped is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._stopped, signal.SIGCONT)
            self._stopped = None


def _write_error(data: bytes) -> None:
    os.write(2, data)
