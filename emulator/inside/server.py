"""The network's side of the channel: it takes requests from the shared folder, does them, and leaves the replies.

Between two requests the network waits. In a virtual clock it must not sleep, because the clock skips a sleep: hours
would pass in the network while a person thinks for a second. Instead, it looks for the next request again and again,
which takes no virtual time, while the user's side keeps the guest's process stopped (`emulator.outside.channel`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, assert_never

from emulator.kernel.job import write_step
from emulator.messages import (
    READY,
    AnyRequest,
    AwaitProcess,
    ClockTime,
    Done,
    Failure,
    Happenings,
    ImpairCircuit,
    LineDone,
    ProbeCircuits,
    Probes,
    ProcessResult,
    ProcessStarted,
    ReadClock,
    ReadScenario,
    Reply,
    RunCommand,
    ShellLine,
    Sleep,
    StartCapture,
    StartCommand,
    StopCapture,
    StopCaptures,
    StopProcess,
    decode_request,
    encode_message,
    interrupt_file,
    reply_file,
    request_file,
)
from emulator.system.errors import EmulationError, in_a_line

if TYPE_CHECKING:
    from emulator.inside.shell import Shell
    from emulator.mininet.network import EmulatedNetwork
    from emulator.scenario.run import ScenarioRun

_PAUSE_S = 0.002
_INTERRUPT_S = 0.25


def serve(network: EmulatedNetwork, folder: Path, scenario: ScenarioRun | None, *, spins: bool) -> NoReturn:
    """Answer requests in the shared folder until the user's side ends this process.

    ``spins``: look for the next request without sleeping, as a virtual clock requires.
    """
    server = _Server(network, folder, scenario)
    _leave(folder, READY, Done())
    number = 0
    while True:
        number += 1
        file = folder / request_file(number)
        while not file.exists():
            if not spins:
                time.sleep(_PAUSE_S)
        try:
            request = decode_request(file.read_bytes())
            write_step(folder, request.summary)
            reply = server.reply_to(number, request)
        except Exception as error:  # a request that fails does not end the network
            reply = Failure(in_a_line(error))
        sys.stdout.flush()
        _leave(folder, reply_file(number), reply)


def _leave(folder: Path, name: str, reply: Reply) -> None:
    """Leave a reply as a file, which the user's side sees only when it is complete."""
    (folder / f"{name}.part").write_bytes(encode_message(reply))
    (folder / f"{name}.part").rename(folder / name)


@dataclass(frozen=True, slots=True)
class _RunningProcess:
    """A process that a request started, and the files that its output goes to."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path


class _Server:
    """The state that requests share: the network, the processes that they started, and a shell that runs lines."""

    def __init__(self, network: EmulatedNetwork, folder: Path, scenario: ScenarioRun | None) -> None:
        self._network = network
        self._scenario = scenario
        self._folder = folder
        self._processes: dict[int, _RunningProcess] = {}
        self._line_shell: Shell | None = None

    def reply_to(self, number: int, request: AnyRequest) -> Reply:
        """Do a request, and return its reply.

        Raises:
            Exception: the request failed; the error in one line is for the user.
        """
        match request:
            case RunCommand(host, command, timeout_s):
                return _result(self._start(number, host, command), timeout_s)
            case StartCommand(host, command):
                self._processes[number] = self._start(number, host, command)
                return ProcessStarted(number)
            case AwaitProcess(process):
                return _result(self._take(process))
            case StopProcess(process):
                running = self._take(process)
                with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                    os.killpg(running.process.pid, signal.SIGTERM)  # it leads a session: all of it ends
                return _result(running)
            case Sleep(seconds):
                time.sleep(seconds)
            case ReadClock():
                return ClockTime(time.monotonic_ns())
            case ReadScenario():
                return Happenings(() if self._scenario is None else self._scenario.happenings)
            case ProbeCircuits(count, families):
                from emulator.measure.probe import probe

                return Probes(probe(self._network.lab, count=count, families=families).circuits)
            case ImpairCircuit(circuit, words):
                from emulator.mininet.impair import impair

                impair(self._network, circuit, words)
            case StartCapture(circuit, file, shared_file):
                path = self._folder / shared_file if self._network.captures.is_guest else Path(file)
                self._network.captures.start_at(circuit, path, file)
            case StopCapture(circuit):
                self._network.captures.stop(circuit)
            case StopCaptures():
                self._network.captures.close()
            case ShellLine(line):
                return LineDone(self._do_line(number, line))
            case _:
                assert_never(request)
        return Done()

    def _start(self, number: int, host: str, command: Sequence[str]) -> _RunningProcess:
        from emulator.inside.actions import start

        # files in the run's own folder: a pipe would have to be read while other requests are served
        folder = self._network.lab.run_folder / "output"
        folder.mkdir(exist_ok=True)
        stdout, stderr = folder / f"{number}-out", folder / f"{number}-err"
        with stdout.open("xb") as out, stderr.open("xb") as err:
            return _RunningProcess(start(self._network, host, command, out.fileno(), err.fileno()), stdout, stderr)

    def _take(self, number: int) -> _RunningProcess:
        """Return a process that a request started, to be waited for, and forget it."""
        if number not in self._processes:
            raise EmulationError("this process has been waited for already")
        return self._processes.pop(number)

    def _do_line(self, number: int, line: str) -> bool:
        """Do a line of the shell; return whether it ends the shell."""
        from emulator.inside.shell import Shell

        is_last = False
        # an interrupt may come after the line is done and before the shell stops minding it
        with contextlib.suppress(KeyboardInterrupt), interruptible(self._folder / interrupt_file(number)):
            if self._line_shell is None:
                self._line_shell = Shell(self._network, self._scenario)
            is_last = self._line_shell.do(line)
        return is_last


def _result(running: _RunningProcess, timeout_s: float | None = None) -> ProcessResult:
    """Wait until a process ends, kill it after ``timeout_s``, and return its result."""
    process, timed_out = running.process, False
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stdout, stderr = (path.read_bytes().decode(errors="replace") for path in (running.stdout, running.stderr))
    for path in (running.stdout, running.stderr):
        path.unlink()
    return ProcessResult(process.returncode, stdout, stderr, timed_out)


@contextlib.contextmanager
def interruptible(file: Path) -> Iterator[None]:
    """Within the context, raise `KeyboardInterrupt` when a file appears; after it, ignore an interrupt that is late."""
    over = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not over.is_set():
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)

    def watch() -> None:
        while not over.wait(_INTERRUPT_S):
            if file.exists():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
