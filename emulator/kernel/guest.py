"""A guest: boot a guest kernel, run one command in it, and end it on every way out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from emulator.kernel import supervisor
from emulator.kernel.cache import Kernel
from emulator.kernel.capacity import memory_folder, require_limits
from emulator.kernel.clock_watchdog import (
    PATIENCE_S,
    ClockWatchdog,
    GuestMemory,
    Sample,
    guest_process,
    processor_s,
)
from emulator.kernel.confine import landlock_version
from emulator.kernel.job import (
    RUNNING,
    RUNNING_BYTES,
    GuestJob,
    free_bytes,
    init_arguments,
    put_input,
    read_result,
    short_line,
    step_text,
    write_job,
)
from emulator.kernel.kinds import Clock
from emulator.kernel.output import open_output
from emulator.kernel.quota import LEAST_BYTES
from emulator.system.closing import Closing
from emulator.system.errors import (
    EmulationError,
    GuestFailedError,
    GuestPanickedError,
    GuestStalledError,
    GuestTimeoutError,
)
from emulator.system.poll import readable
from emulator.system.programs import python_command, python_script
from emulator.system.run_folders import MARK, RunFolder, runs_folder
from emulator.system.signals import signals_held

MEMORY_BYTES = 2**30
"""The default size of a guest's memory. The machine provides each page when the guest first uses it."""
OUTPUT_BYTES = 2**33
"""The default limit of what a guest may leave on this machine: its own files, output, captures, results."""
RESULT_BYTES = 2**26
"""The size of the largest result that is read back."""

_START_NS = 1_767_225_600 * 10**9
"""The first moment of a virtual clock: 2026-01-01, midnight UTC; fixed, so that two runs are the same."""
_SEED = 1
_SETTLE_S = 11.0
"""The virtual time that passes before the command, because two programs misread a young clock.

In the first second, `ping` takes zero for "never sent" and ignores its interval. In the first ten seconds, Open vSwitch
3.1 takes zero for "counted a moment ago", assumes that the machine has no CPUs, and starts no thread for upcalls.
"""

_POLL_S = 0.02
_ANSWER_POLL_S = 0.002
_LOOK_S = 0.5
_CONSOLE_BYTES = 2**16
_PANIC = "Kernel panic - not syncing: "
_NO_MEMORY = "Kernel mode signal 7"
"""SIGBUS: this machine has no room for a page of the guest's memory file."""
_ROOM_BYTES = 2**16
"""A folder with less free space than this is full."""

Sink = Callable[[bytes], object]
"""A function that takes the command's output as it arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLimits:
    """The limits of a run."""

    memory_bytes: int = MEMORY_BYTES
    timeout_s: float | None = None
    """Wall time after which the run is ended; None is no limit."""
    patience_s: float = PATIENCE_S
    """Wall time without progress of the virtual clock after which the run is ended."""
    output_bytes: int = OUTPUT_BYTES
    """Most bytes that a guest may leave on this machine before it is ended; a file or folder counts at least 64 KB."""


@dataclass(frozen=True, slots=True)
class Boot(GuestLimits):
    """The kernel, the clock and the limits with which a guest is booted."""

    kernel: Kernel
    clock: Clock = Clock.VIRTUAL


class Guest(Closing):
    """A guest kernel that runs a job; a context manager that boots it at entry and ends it at exit.

    The guest and its processes also end when this process is killed, even by SIGKILL: the `supervisor` ends them.

    Raises, at entry:
        EmulationError: the kernel cannot be booted here.
    """

    def __init__(self, boot: Boot, job: GuestJob, terminal: int | None = None) -> None:
        """Keep the arguments; ``terminal`` is the descriptor of a terminal for a job with a `GuestJob.window`."""
        self._boot = boot
        self._job = job
        self._terminal = terminal
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        require_limits(self._boot.memory_bytes)
        with contextlib.ExitStack() as stack:
            self._run = stack.enter_context(RunFolder("guest"))
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """End the guest, and remove its run folder."""
        with signals_held():
            self._stack.close()

    @property
    def pid(self) -> int | None:
        """The process id of the guest's kernel; None before its start and after its end."""
        return guest_process(self._supervisor.pid, self._boot.kernel.executable)

    @property
    def ended(self) -> int:
        """A descriptor that becomes readable when the guest ends."""
        return self._ended

    def wait(self, stdout: Sink, stderr: Sink) -> int:
        """Pass the command's output on until the command ends; return its exit status.

        Raises:
            EmulationError: as `wait_until`.
        """
        while (status := self.wait_until(stdout, stderr, None)) is None:
            pass  # without `until`, the status is never None
        return status

    def wait_until(self, stdout: Sink, stderr: Sink, until: Callable[[], bool] | None) -> int | None:
        """Pass the command's output on until it ends or ``until`` returns true; return the exit status, or None.

        Raises:
            GuestStalledError: the virtual clock made no progress.
            GuestTimeoutError: the run took longer than the user allows.
            GuestFailedError: the guest kernel died.
        """
        began_s = time.monotonic()
        looks = self._looks()
        next_look_s = began_s
        poll_s = _POLL_S if until is None else _ANSWER_POLL_S
        while not readable([self._ended], poll_s):
            enough = until is not None and until()
            self._relay(stdout, stderr)
            if enough:
                return None
            now_s = time.monotonic()
            if self._boot.timeout_s is not None and now_s - began_s >= self._boot.timeout_s:
                raise GuestTimeoutError(f"timed out after {self._boot.timeout_s:g} s: {self._doing()}")
            if now_s >= next_look_s:
                next(looks)
                next_look_s = now_s + _LOOK_S
        self._relay(stdout, stderr)
        return self.exit_status()

    def exit_status(self) -> int:
        """Return the command's exit status after the guest's end.

        Raises:
            GuestFailedError: the kernel died before the command ended, or was ended because it left too much.
            EmulationError: the guest never started, or had no room.
        """
        code = self._supervisor.wait()
        if code == supervisor.FULL:
            size, count = self._boot.output_bytes // 2**20, self._boot.output_bytes // LEAST_BYTES
            raise GuestFailedError(
                f"ended because it left more than {size} MB, or {count} files, on this machine"
                f" (--output-limit allows more): {self._doing()}"
            )
        status = self._files[2].read(16).strip()
        if status.isdigit():
            return int(status)
        lines = [line for line in self.console().splitlines() if line.strip()]
        if code == supervisor.REFUSED:
            raise EmulationError(short_line((lines or ["the guest kernel cannot be started"])[-1]))
        panic = next((line.rpartition(_PANIC)[2] for line in lines if _PANIC in line), "")
        if (room := self._missing_room(panic)) is not None:
            raise EmulationError(f"the guest ended early, because {room} has no room left")
        doing = f"while it ran {self._doing()}"
        if panic:
            raise GuestPanickedError(f"the guest kernel panicked {doing}: {short_line(panic)}")
        how = f"was killed (signal {abs(code) % 128})" if code < 0 or code > 128 else f"ended by itself (status {code})"
        said = f"; it said: {short_line(lines[-1])}" if lines else ""
        raise GuestFailedError(f"the guest kernel {how} {doing}{said}")

    def _missing_room(self, panic: str) -> Path | None:
        """Return the full folder that ended the guest: that of its files, or its memory's if ``panic`` says so."""
        if free_bytes(self._shared) < _ROOM_BYTES:
            return self._run.path.parent
        return self._memory.parent if _NO_MEMORY in panic else None

    def result(self, name: str, limit_bytes: int = RESULT_BYTES) -> bytes | None:
        """Return the content of a file that the command left in the shared folder; None if it is missing.

        Raises:
            EmulationError: it is no regular file, or too large.
        """
        return read_result(self._shared, name, limit_bytes)

    def put(self, name: str, content: bytes) -> None:
        """Add a file to the shared folder, for the command to read."""
        put_input(self._shared, name, content)

    def console(self) -> str:
        """Return the last lines of the guest kernel's console."""
        with (self._run.path / "console").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _CONSOLE_BYTES))
            return file.read().decode(errors="replace")

    def _start(self, stack: contextlib.ExitStack) -> None:
        run, boot = self._run, self._boot
        self._shared = run.path / "shared"
        self._shared.mkdir(mode=0o700)
        settle_s = 0.0 if boot.clock is Clock.REAL else _SETTLE_S
        write_job(self._job, self._shared, settle_s=settle_s, modules=boot.kernel.modules)
        # opened before the guest can replace them
        self._files = tuple(
            stack.enter_context((self._shared / name).open("rb", buffering=0))
            for name in ("stdout", "stderr", "status")
        )
        memory = self._memory = memory_folder(run, boot.memory_bytes)
        cpu, held = _take_cpu()
        stack.callback(os.close, held)
        outputs = [] if self._job.output is None else [open_output(self._job.output)]
        for descriptor in outputs:
            stack.callback(os.close, descriptor)
        orders = {
            "parent": os.getpid(),
            "arguments": [*self._arguments(memory), *init_arguments()],
            "environment": {"PATH": os.defpath, "HOME": str(run.path), "TMPDIR": str(memory), MARK: str(run.path)},
            "directory": str(self._shared),
            "cpu": cpu,
            "writable": [str(self._shared), str(memory), *outputs],
            "landlock": landlock_version(),
            "output_bytes": boot.output_bytes,
            "memory_bytes": boot.memory_bytes,
            "folder": str(run.path),
            "memory": str(memory),
        }
        script = python_script("emulator.kernel.supervisor", "keep", orders, is_bare=True)
        inherited = [run.lock, held, *outputs, *([self._terminal] if self._terminal is not None else [])]
        (run.path / "console").touch(mode=0o600)
        with (run.path / "console").open("wb") as console:
            self._supervisor = subprocess.Popen(
                python_command("-c", script, is_bare=True),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={MARK: str(run.path)},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for this process, which ends the guest in order
                pass_fds=inherited,
            )
        stack.callback(self._end)
        self._ended = os.pidfd_open(self._supervisor.pid)
        stack.callback(os.close, self._ended)

    def _arguments(self, memory: Path) -> list[str]:
        """Return the guest kernel's command line without the arguments of its first process."""
        boot, kernel = self._boot, self._boot.kernel
        arguments = [str(kernel.executable), f"mem={boot.memory_bytes // 2**20}M", f"uml_dir={memory}", "umid=guest"]
        arguments += ["rootfstype=hostfs", "rootflags=/", "ro", "quiet", "norandmaps"]
        arguments += ["con=null", "con0=null,fd:1", "ssl=null"]
        if self._terminal is not None:
            arguments.append(f"con1=fd:{self._terminal}")
        if kernel.seccomp:
            arguments.append("seccomp=on")
        if boot.clock is not Clock.REAL:
            arguments.append("time-travel=inf-cpu" if boot.clock is Clock.VIRTUAL else "time-travel")
            arguments.append(f"time-travel-start={_START_NS}")
            if kernel.seeded:
                arguments.append(f"random_seed={_SEED}")
        return arguments

    def _looks(self) -> Iterator[None]:
        """Read the virtual clock at each step of this endless iterator.

        Raises, at a step:
            GuestStalledError: the clock makes no progress.
        """
        symbols = self._boot.kernel.symbols
        watchdog = ClockWatchdog(self._boot.patience_s)
        while symbols is not None and self._boot.clock is not Clock.REAL:
            # an error means: the guest has not started, is just ending, or its memory may not be read on this machine
            with contextlib.suppress(OSError), GuestMemory(self.pid or 0, symbols) as memory:
                while True:
                    task = memory.running_task()
                    sample = Sample(time.monotonic(), processor_s(self.pid or 0), memory.virtual_ns(), task)
                    if trouble := watchdog.verdict(sample):
                        running = f" ({task} runs)" if task else ""
                        raise GuestStalledError(f"{trouble}{running}; given up while it ran: {self._doing()}")
                    yield
            yield
        while True:
            yield

    def _relay(self, stdout: Sink, stderr: Sink) -> None:
        for file, sink in zip(self._files, (stdout, stderr), strict=False):
            while chunk := file.read(_CONSOLE_BYTES):
                sink(chunk)

    def _doing(self) -> str:
        """Return the guest's present step, for a message."""
        said = None
        with contextlib.suppress(EmulationError):
            said = self.result(RUNNING, RUNNING_BYTES)
        return step_text(self._job.command, said)

    def _end(self) -> None:
        """End the supervisor, which ends the guest."""
        self._supervisor.terminate()
        try:
            self._supervisor.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()


def _take_cpu() -> tuple[int, int]:
    """Choose a CPU, without another guest of this user if possible; return it and the descriptor that holds it.

    The whole guest stays on one CPU, because each of its system calls switches between two processes, which takes seven
    times as long across two CPUs.
    """
    cpus = sorted(os.sched_getaffinity(0))
    random.shuffle(cpus)
    for cpu in cpus:
        descriptor = os.open(runs_folder() / f"cpu-{cpu}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return cpu, descriptor
    return cpus[0], os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
