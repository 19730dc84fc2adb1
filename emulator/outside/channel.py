"""Requests to a running network and their answers, as files in the folder that both sides share.

Between two requests the network waits. In a virtual clock it must not do so by sleeping, for a sleep is skipped: hours
would pass in it while a person thinks for a second. It looks for the next request again and again instead, which takes
no virtual time, and the side that asks stops the guest's process meanwhile, so that it takes no time of the machine's
either. So the clock of the network stands still between two requests, and runs repeat, however long the pauses were.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self

from emulator.kernel.guest import Sink
from emulator.kernel.job import say_running
from emulator.plan.json import Json
from emulator.system.closing import Closing
from emulator.system.decode import parsed
from emulator.system.errors import EmulationError, in_a_line
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.inside.shell import Shell
    from emulator.mininet.network import EmulatedNetwork
    from emulator.outside.runner import Runner

_LONGEST = 1000
_PAUSE_S = 0.002
_INTERRUPT_S = 0.25


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status, or the number of the signal that ended it, as a negative number."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool


class Channel(Closing):
    """The side that asks; a context manager around a place that serves."""

    def __init__(self, place: Runner, *, stops: bool) -> None:
        """``stops``: the place is a guest with a virtual clock, whose process is stopped between requests."""
        self._place = place
        self._stops = stops
        self._number = 0
        self._stopped: int | None = None
        self._broken: EmulationError | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._place)
            self._stack = stack.pop_all()
        try:
            self._await("ready", _write_error, _write_error)
        except BaseException:
            self._stack.close()
            raise
        return self

    def close(self) -> None:
        """End the task, and release what leads to it."""
        self._stack.close()

    def ask(self, request: dict[str, Json], stdout: Sink | None = None) -> dict[str, object]:
        """The answer to a request; what it writes meanwhile goes to ``stdout``, else to standard error.

        Raises:
            EmulationError: it cannot be done, or the network has ended; why it did is said again at each request.
        """
        if self._broken is not None:
            raise self._broken
        self._number += 1
        self._place.put(f"request-{self._number}", json.dumps(request).encode())
        self._resume()
        answer = self._await(f"answer-{self._number}", stdout or _write_error, _write_error)
        if "error" in answer:
            raise EmulationError(printable(str(answer["error"]), _LONGEST))
        return answer

    def result(self, name: str, limit_bytes: int) -> bytes | None:
        """A file that the network's side left in the shared folder; None if there is none."""
        return self._place.result(name, limit_bytes)

    def interrupt(self) -> None:
        """Ask for what runs now to be ended, as Ctrl-C would."""
        with contextlib.suppress(EmulationError):
            self._place.put(f"interrupt-{self._number}", b"")

    def again(self, stdout: Sink) -> dict[str, object]:
        """Wait on for the answer to the last request, after `interrupt`."""
        return self._await(f"answer-{self._number}", stdout, _write_error)

    def _await(self, name: str, stdout: Sink, stderr: Sink) -> dict[str, object]:
        try:
            return self._answer(name, stdout, stderr)
        except EmulationError as error:
            self._broken = error  # it stalls, or has ended: it will not do better at the next request
            raise

    def _answer(self, name: str, stdout: Sink, stderr: Sink) -> dict[str, object]:
        found: list[bytes] = []

        def is_there() -> bool:
            answer = self._place.result(name)
            if answer is not None:
                found.append(answer)
            return bool(found)

        said = bytearray()

        def complain(data: bytes) -> None:
            said.extend(data[-2000:])
            stderr(data) if name != "ready" else None

        status = self._place.wait_until(stdout, complain, is_there)
        if not found:
            text = said.decode(errors="replace").strip().splitlines()
            why = text[-1].removeprefix("error: ") if text else f"the network ended by itself (status {status})"
            raise EmulationError(printable(why, _LONGEST))
        self._stop()
        return parsed(dict[str, object], found[0])

    def _stop(self) -> None:
        if self._stops and (pid := self._place.pid) is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just died: the next request finds out
                os.kill(pid, signal.SIGSTOP)
                self._stopped = pid

    def _resume(self) -> None:
        if self._stopped is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._stopped, signal.SIGCONT)
            self._stopped = None


def _write_error(data: bytes) -> None:
    os.write(2, data)


def serve(network: EmulatedNetwork, folder: Path, *, spins: bool) -> NoReturn:
    """Answer requests until whoever asks ends the process."""
    answerer = _Answerer(network, folder)
    put(folder, "ready", {})
    number = 0
    while True:
        number += 1
        request = folder / f"request-{number}"
        while not request.exists():
            if not spins:
                time.sleep(_PAUSE_S)
        fields = json.loads(request.read_bytes())
        say_running(folder, str(fields.get("says", fields["do"])))
        try:
            answer = answerer.answer(number, fields)
        except Exception as error:  # whatever a request has asked for wrongly, the network runs on
            answer = {"error": in_a_line(error)}
        sys.stdout.flush()
        put(folder, f"answer-{number}", answer)


def put(folder: Path, name: str, answer: dict[str, Json]) -> None:
    """Leave an answer, of which nothing is seen until all is there."""
    (folder / f"{name}.part").write_text(json.dumps(answer))
    (folder / f"{name}.part").rename(folder / name)


class _Started(NamedTuple):
    """A process, and the files that have its output."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path


class _Answerer:
    """Does what requests ask for."""

    def __init__(self, network: EmulatedNetwork, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._processes: dict[int, _Started] = {}
        self._line_shell: Shell | None = None

    def answer(self, number: int, request: dict[str, Json]) -> dict[str, Json]:
        match request["do"]:
            case "run":
                timeout_s = request["timeout_s"]
                self._start(number, request)
                return self._finish(
                    self._take(number), float(timeout_s) if isinstance(timeout_s, int | float) else None
                )
            case "start":
                self._start(number, request)
                return {"process": number}
            case "wait" | "stop":
                started = self._take(int(str(request["process"])))
                if request["do"] == "stop":
                    # the leader of a session, and all in it
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(started.process.pid, signal.SIGTERM)
                return self._finish(started, None)
            case "sleep":
                time.sleep(float(str(request["seconds"])))
            case "time":
                return {"ns": time.monotonic_ns()}
            case "probe":
                from emulator.measure.probe import probe

                found = probe(self._network.lab, count=int(str(request["count"])))
                return {"probe": [asdict(item) for item in found.circuits]}
            case "impair":
                from emulator.mininet.impair import impair

                words = request["words"]
                impair(self._network, str(request["circuit"]), [str(word) for word in words or ()])  # type: ignore[union-attr]
            case "capture":
                file, left = str(request["file"]), str(request["left"])
                path = self._folder / left if self._network.captures.is_guest else Path(file)
                self._network.captures.start_at(str(request["circuit"]), path, file)
            case "end capture":
                return {"said": self._network.captures.stop(str(request["circuit"]))}
            case "end captures":
                self._network.captures.close()
            case "line":
                return {"over": self._shell(number, str(request["line"]))}
        return {}

    def _start(self, number: int, request: dict[str, Json]) -> None:
        from emulator.inside.actions import start

        command = request["command"]
        # files, in the emulation's own folder: a pipe would have to be read while we look for other things
        folder = self._network.lab.run_folder / "output"
        folder.mkdir(exist_ok=True)
        out, err = folder / f"{number}-out", folder / f"{number}-err"
        with out.open("xb") as stdout, err.open("xb") as stderr:
            process = start(
                self._network,
                str(request["host"]),
                [str(word) for word in command or ()],  # type: ignore[union-attr]
                stdout.fileno(),
                stderr.fileno(),
            )
        self._processes[number] = _Started(process, out, err)

    def _take(self, number: int) -> _Started:
        """A process that was started, to be waited for: once only."""
        if number not in self._processes:
            raise EmulationError("this process has been waited for already")
        return self._processes.pop(number)

    def _finish(self, started: _Started, timeout_s: float | None) -> dict[str, Json]:
        process, *files = started
        timed_out = False
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        stdout, stderr = (path.read_bytes().decode(errors="replace") for path in files)
        for path in files:
            path.unlink()
        return asdict(Ended(process.returncode, stdout, stderr, timed_out))

    def _shell(self, number: int, line: str) -> bool:
        """Do a line of the shell; whether it is the last."""
        from emulator.inside.shell import Shell

        is_last = False
        # it may come when the line has just been done, and before the shell no longer minds it
        with contextlib.suppress(KeyboardInterrupt), interruptible(self._folder / f"interrupt-{number}"):
            if self._line_shell is None:
                self._line_shell = Shell(self._network)
            is_last = self._line_shell.do(line)
        return is_last


@contextlib.contextmanager
def interruptible(file: Path) -> Iterator[None]:
    """Within it, a file that appears is Ctrl-C for this process; after it, a Ctrl-C that comes too late is nothing."""
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
