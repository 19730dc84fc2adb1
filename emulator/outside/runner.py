"""The runners of a task: a guest, or a process in this machine's kernel, behind one interface."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import py_compile
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from emulator.kernel.choose import KernelChoice
from emulator.kernel.guest import MEMORY_BYTES, RESULT_BYTES, Boot, Guest, GuestLimits, Sink
from emulator.kernel.job import (
    FOLDER_VARIABLE,
    PARENT_VARIABLE,
    RUNNING,
    RUNNING_BYTES,
    GuestJob,
    put_input,
    read_result,
    step_text,
)
from emulator.kernel.kinds import Clock
from emulator.options import RunOptions
from emulator.system.closing import Closing
from emulator.system.decode import encode
from emulator.system.errors import EmulationError, GuestTimeoutError
from emulator.system.folders import working_folder
from emulator.system.poll import readable
from emulator.system.programs import environment, python_command, python_script
from emulator.system.run_folders import MARK, PLACE_VARIABLE, RunFolder
from emulator.system.signals import shell_status, signals_held
from emulator.task import TASK, Task
from gtsdsl.machine import missing_package

_POLL_S = 0.02
_ANSWER_POLL_S = 0.002
_PIPE_BYTES = 2**16
"""The size of a pipe, so that one read takes all that is in it."""
_GRACE_S = 10.0
_HAS_DISTUTILS = sys.version_info < (3, 12)
_RUNS_IN_GUEST = "/dev/shm"  # noqa: S108 - the guest's own; its /tmp is this machine's, and daemons mount over /run
_LIMITS = tuple(item.name for item in fields(GuestLimits))
_PACKAGE = Path(__file__).resolve().parents[1]


class Runner(Protocol):
    """The interface of runners: a context manager that starts a task at entry, and ends it on every way out."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def pid(self) -> int | None:
        """The process that runs the network, or None before its start and after its end."""

    def wait_until(self, stdout: Sink, stderr: Sink, until: Callable[[], bool] | None) -> int | None:
        """Pass output on until the task ends or ``until`` returns True; return the exit status, None before the end."""

    def put(self, name: str, content: bytes) -> None:
        """Add a file to the shared folder."""

    def result(self, name: str, limit_bytes: int = RESULT_BYTES) -> bytes | None:
        """Return a file of the shared folder, or None if it is missing."""


@dataclass(frozen=True, slots=True)
class RunSettings(GuestLimits):
    """The kernel, the clock and the limits of a run, decided from its `RunOptions`."""

    choice: KernelChoice

    @property
    def is_virtual(self) -> bool:
        """Whether waiting takes no time, because the clock is virtual or skips."""
        return self.choice.clock is not Clock.REAL


def settle(options: RunOptions, choice: KernelChoice, memory_bytes: int = MEMORY_BYTES) -> RunSettings:
    """Return the settings of a run in a chosen kernel; ``memory_bytes`` is a guest's memory if the options set none."""
    chosen = {name: value for name in _LIMITS if (value := getattr(options, name)) is not None}
    return RunSettings(choice=choice, **{"memory_bytes": memory_bytes, **chosen})


def guest_boot(settings: RunSettings) -> Boot:
    """Return how to boot the guest of a run.

    Raises:
        EmulationError: the run is not in a guest.
    """
    if settings.choice.kernel is None:
        raise EmulationError("this machine's kernel is not a guest")
    limits = {name: getattr(settings, name) for name in _LIMITS}
    return Boot(settings.choice.kernel, settings.choice.clock, **limits)


def guest_job(task: Task) -> GuestJob:
    """Return the job of a guest that does a task.

    Raises:
        EmulationError: a package that every network needs is missing.
    """
    require_packages()
    _compile()
    return GuestJob(
        _command(),
        working_folder(),
        {**_environment(), PLACE_VARIABLE: _RUNS_IN_GUEST},
        inputs={TASK: encode(task), RUNNING: b"bringing the network up"},
    )


def open_runner(settings: RunSettings, task: Task) -> Runner:
    """Return the runner of a task; it starts at entry."""
    if settings.choice.kernel is not None:
        return Guest(guest_boot(settings), guest_job(task))
    return NativeRunner(task, settings.timeout_s)


class NativeRunner(Closing):
    """A process of this machine's kernel that does a task; without root, it enters a user namespace of its own."""

    def __init__(self, task: Task, timeout_s: float | None = None, *, has_terminal: bool = False) -> None:
        """``has_terminal``: the process has the terminal of this one; else its output passes through `wait_until`."""
        self._task = task
        self._timeout_s = timeout_s
        self._has_terminal = has_terminal
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            require_packages()
            run = stack.enter_context(RunFolder("emulation"))
            self.shared = run.path / "shared"
            self.shared.mkdir(mode=0o700)
            put_input(self.shared, TASK, encode(self._task))
            variables = {
                FOLDER_VARIABLE: str(self.shared),
                PARENT_VARIABLE: str(os.getpid()),
                MARK: str(run.path),
            }
            # a pipe that is not read holds its writer back, while a file would fill the disk
            output = None if self._has_terminal else subprocess.PIPE
            self._process = subprocess.Popen(
                _command("-u"),
                bufsize=0,
                env={**_environment(), **variables},
                stdin=None if self._has_terminal else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=not self._has_terminal,
            )
            stack.callback(self._end)
            self._streams = [stream for stream in (self._process.stdout, self._process.stderr) if stream is not None]
            for stream in self._streams:
                os.set_blocking(stream.fileno(), False)
                # closed before the process is ended, which then cannot block while it writes its last output
                stack.enter_context(stream)
            self._ended = os.pidfd_open(self._process.pid)
            stack.callback(os.close, self._ended)
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """End the process, and remove its run folder."""
        with signals_held():
            self._stack.close()

    @property
    def pid(self) -> int | None:
        """The process that does the task."""
        return self._process.pid

    def wait_until(self, stdout: Sink, stderr: Sink, until: Callable[[], bool] | None) -> int | None:
        """Pass output on until the task ends or ``until`` returns True; return the exit status, None before the end.

        Raises:
            GuestTimeoutError: the task took longer than its timeout.
        """
        began_s = time.monotonic()
        poll_s = _POLL_S if until is None else _ANSWER_POLL_S
        sinks = dict(zip(self._streams, (stdout, stderr), strict=False))
        while self._ended not in readable([self._ended, *(it.fileno() for it in sinks)], poll_s):
            enough = until is not None and until()
            _relay(sinks)
            if enough:
                return None
            if self._timeout_s is not None and time.monotonic() - began_s >= self._timeout_s:
                doing = step_text((), self.result(RUNNING, RUNNING_BYTES))
                raise GuestTimeoutError(f"timed out after {self._timeout_s:g} s: {doing}")
        _relay(sinks)
        return shell_status(self._process.wait())

    def put(self, name: str, content: bytes) -> None:
        """Add a file to the shared folder."""
        put_input(self.shared, name, content)

    def result(self, name: str, limit_bytes: int = RESULT_BYTES) -> bytes | None:
        """Return a file of the shared folder, or None if it is missing."""
        return read_result(self.shared, name, limit_bytes)

    def _end(self) -> None:
        """End the process in order, or kill it after a time of grace."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _relay(sinks: dict[IO[bytes], Sink]) -> None:
    """Pass on what the streams hold now, and remove streams whose writers have gone."""
    for stream, sink in list(sinks.items()):
        chunk = stream.read(_PIPE_BYTES)
        if chunk:
            sink(chunk)
        elif chunk is not None:  # None: the pipe is empty, but has a writer
            del sinks[stream]


def _environment() -> Mapping[str, str]:
    """Return the environment of the network's process.

    Mininet imports distutils; setuptools' replacement of it would take half a second to load.
    """
    return {**environment(os.environ), **({"SETUPTOOLS_USE_DISTUTILS": "stdlib"} if _HAS_DISTUTILS else {})}


def _command(*options: str) -> tuple[str, ...]:
    """Return the command that runs `emulator.inside`, with options for Python."""
    return python_command(*options, "-c", python_script("emulator.inside.__main__", "main", {}))


def require_packages() -> None:
    """Refuse a run if a package that every network needs is missing; the packages are not imported.

    Raises:
        EmulationError: a package is missing.
    """
    for name in ("mininet", "pyroute2"):
        if importlib.util.find_spec(name) is None:
            raise EmulationError(missing_package(name))


def _compile() -> None:
    """Compile the project's modules to byte code. A guest would compile them at each boot, and lose the result."""
    for package in (_PACKAGE, _PACKAGE.parent / "gtsdsl"):
        for path in package.rglob("*.py"):
            compiled = Path(importlib.util.cache_from_source(str(path)))
            # the folder of an installed package may be read-only
            with contextlib.suppress(OSError, py_compile.PyCompileError):
                if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
                    py_compile.compile(str(path), doraise=True)
