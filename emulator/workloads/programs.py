"""Programs that measure: run one until it ends, or as a server, at an end of a measurement; return what it prints.

They are this machine's programs, also at a container of Docker, whose image need not have them: they run in its network
namespace.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache

from emulator.lab.daemons import start_program
from emulator.lab.lab import Lab
from emulator.system.closing import Closing
from emulator.system.programs import printed_version
from emulator.workloads.base import End, WorkloadError
from emulator.workloads.child import last_lines

_MOST_BYTES = 2**24
"""The longest output that is read; a tool's report has some kilobytes."""
_SETTLE_S = 1.0
_UNKNOWN = "of unknown version"
_LONGEST_VERSION = 80


def run_program(lab: Lab, end: End, command: Sequence[str], timeout_s: float) -> str:
    """Run a program at an end, without input, and return what it prints.

    ``timeout_s`` is in the network's clock.

    Raises:
        WorkloadError: the program failed, or had not ended in time; the message has its last lines.
    """
    with tempfile.TemporaryFile() as output:
        streams = (subprocess.DEVNULL, output.fileno(), subprocess.STDOUT)
        process = lab.processes.popen(end.namespace, command, *streams, in_container=False)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise WorkloadError(f"{command[0]} on {end.name} had not ended after {timeout_s:g} s") from None
        output.seek(0)
        text = output.read(_MOST_BYTES).decode(errors="replace")
    if status != 0:
        raise WorkloadError(f"{command[0]} on {end.name} ended with status {status}: {last_lines(text)}")
    return text


@cache
def installed_version(program: str, pattern: re.Pattern[str]) -> str:
    """Return the version of an installed program, which ``-v`` prints; "of unknown version" if it prints none.

    The first group of ``pattern`` is the version.
    """
    match = printed_version(program, "-v", pattern)
    return match[1][:_LONGEST_VERSION] if match else _UNKNOWN


class Server(Closing):
    """A program that runs at an end until exit."""

    def __init__(self, lab: Lab, end: End, command: Sequence[str], name: str | None = None) -> None:
        """Start the program. ``name`` names it in errors; None is the first word of the command.

        Raises:
            EmulationError: the program cannot be started.
        """
        self._daemon = start_program(
            lab, end.name, name or command[0], command, namespace=end.namespace, in_container=False
        )
        self._before_bytes = self._daemon.log.stat().st_size  # servers before this one have the same log

    def settle(self) -> None:
        """Wait for a second, in which the program begins to listen.

        Raises:
            DaemonError: the program has ended by itself.
        """
        time.sleep(_SETTLE_S)
        self._daemon.check()

    def close(self) -> None:
        """End the program."""
        self._daemon.stop()

    def wait_for(self, line: str, patience_s: float) -> None:
        """Wait until the program has printed a line, in the network's clock.

        Raises:
            DaemonError: the program has ended, or has not printed the line in time.
        """
        self._daemon.wait_until(lambda: line in self.printed().splitlines(), patience_s)

    def output(self) -> str:
        """Return what the program has printed; it prints its last lines when it is closed.

        Raises:
            DaemonError: the program has ended by itself.
        """
        self._daemon.check()
        self.close()
        return self.printed()

    def printed(self) -> str:
        """Return what the program has printed so far."""
        with self._daemon.log.open("rb") as file:
            file.seek(self._before_bytes)
            return file.read(_MOST_BYTES).decode(errors="replace")
