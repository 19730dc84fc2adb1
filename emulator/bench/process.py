"""The process of a worker: it gets a job, and leaves a report."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import IO

from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.system.decode import decode, encode
from emulator.system.programs import environment, python_command, python_script

_GRACE_S = 20.0
_LOCALE = {"LC_ALL": "C.UTF-8"}
"""The locale of every cell. A reading of a guest's virtual clock takes 256 ns, and a program that reads the files of
another locale reads the clock more often: its results would have other bytes."""


class WorkerProcess:
    """A process that runs one job, and ends with this one. Its ``descriptor`` becomes readable when it has ended."""

    def __init__(self, job: WorkerJob, variables: Mapping[str, str] | None = None) -> None:
        """Start the process; ``variables`` change its environment."""
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `report` or `end`
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as jobs:
            jobs.write(encode(job))
            jobs.seek(0)
            self._process = subprocess.Popen(
                python_command("-c", python_script("emulator.bench.worker", "main", {"parent": os.getpid()})),
                env={**environment(os.environ), **_LOCALE, **(variables or {})},
                stdin=jobs,
                stdout=self._output,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C reaches this process, which ends its workers in order
            )
        self.descriptor = os.pidfd_open(self._process.pid)

    def report(self) -> WorkerReport:
        """Return the report of a process that has ended."""
        status = self._process.wait()
        output, errors = (self._read(file) for file in (self._output, self._errors))
        os.close(self.descriptor)
        if status == 0:
            return decode(WorkerReport, output, "the worker's report")
        said = errors.decode(errors="replace").strip().splitlines()
        reason = f"{_end_of(status)}: {said[-1]}" if said else _end_of(status)
        return WorkerReport(None, "", None, reason, 0.0)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def end(self) -> None:
        """Wait until the process has ended, or kill it."""
        try:
            self._process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.descriptor)
        self._output.close()
        self._errors.close()

    @staticmethod
    def _read(file: IO[bytes]) -> bytes:
        with file:
            file.seek(0)
            return file.read()


def _end_of(status: int) -> str:
    """Return how a worker has ended, in words; ``status`` is that of `subprocess`."""
    if status == -signal.SIGKILL:
        return "another program killed the worker (out of memory?); try fewer --workers, or less --memory"
    return f"the worker was ended by {signal.Signals(-status).name}" if status < 0 else f"the worker failed ({status})"
