"""A process with its output, read within limits until it ends; then all processes of its session are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass

from emulator.system.poll import readable
from emulator.system.text import one_line
from emulator.workloads.base import WorkloadError

_CHUNK_BYTES = 2**16
_KEPT_BYTES = 2**12
_SHOWN_LINES, _SHOWN_CHARACTERS = 3, 300


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: its exit status, or a signal's negative number, and what it printed.

    ``errors`` are the last lines of its standard error.
    """

    status: int
    output: str
    errors: str


class Pipes:
    """The pipes for the standard output and the standard error of a process; `close_writers` when it has them."""

    def __init__(self) -> None:
        self.output, self.output_writer = os.pipe()
        self.errors, self.errors_writer = os.pipe()

    def close_writers(self) -> None:
        """Close the ends that the process writes to, so that only it and its children hold them."""
        os.close(self.output_writer)
        os.close(self.errors_writer)

    def collect(self, pid: int, name: str, longest_s: float, most_bytes: int) -> Ended:
        """Read what a process prints until it ends, and close the pipes. The process leads a session.

        The session is killed at the end, and after ``longest_s`` seconds of this process's clock. Processes that have
        left the session end with the lab.

        Raises:
            WorkloadError: the process had not ended in time, or printed more than ``most_bytes``; the message calls it
                ``name``.
        """
        taken = {self.output: bytearray(), self.errors: bytearray()}
        descriptor = os.pidfd_open(pid)
        try:
            self._read(taken, descriptor, name, longest_s, most_bytes)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            for end in descriptor, self.output, self.errors:
                os.close(end)
        errors = taken[self.errors].decode(errors="replace")
        return Ended(status, taken[self.output].decode(errors="replace"), last_lines(errors))

    def _read(self, taken: dict[int, bytearray], descriptor: int, name: str, longest_s: float, most_bytes: int) -> None:
        deadline_s = time.monotonic() + longest_s
        waiting = set(taken)
        while True:
            left_s = deadline_s - time.monotonic()
            ready = readable([descriptor, *waiting], max(0.0, left_s))
            for end in ready & waiting:
                data = os.read(end, _CHUNK_BYTES)
                taken[end] += data
                if not data:
                    waiting.discard(end)
            del taken[self.errors][:-_KEPT_BYTES]
            if len(taken[self.output]) > most_bytes:
                raise WorkloadError(f"{name} printed more than {most_bytes >> 20} MiB")
            if descriptor in ready and not ready & waiting:
                return
            if left_s <= 0:
                said = last_lines(taken[self.errors].decode(errors="replace"))
                raise WorkloadError(f"{name} had not ended after {longest_s:g} s: {said}")


def last_lines(text: str) -> str:
    """Return the last lines of a text in one line; "it said nothing" if there are none."""
    lines = [one_line(line) for line in text.splitlines() if line.strip()]
    return " | ".join(line[:_SHOWN_CHARACTERS] for line in lines[-_SHOWN_LINES:]) or "it said nothing"
