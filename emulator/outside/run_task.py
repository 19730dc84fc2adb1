"""A plan and what to do in it to a finished run: its output as it comes, its exit status, and what came of it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from emulator.kernel.guest import Sink
from emulator.kernel.job import RUNNING, RUNNING_BYTES, words
from emulator.measure.captures import handing_over
from emulator.outcome import Outcome
from emulator.outside.runner import Runner, RunSettings, open_runner
from emulator.outside.verify import refusal, verify_outcome
from emulator.system.decode import decode
from emulator.system.errors import EmulationError, GuestFailedError
from emulator.task import RESULT, Task

_LOOK_S = 0.25
_KILLED = 128 + signal.SIGKILL
_PATIENT_S = 1.0
"""What takes longer is worth a word to a person who waits."""

Notice = Callable[[str | None], None]
"""Takes what is being done now, None when there is nothing to say any more."""


def run_task(settings: RunSettings, task: Task, stdout: Sink, stderr: Sink, notice: Notice | None = None) -> Outcome:
    """Do a task that ends by itself.

    Raises:
        EmulationError: the machine cannot do it, or it was ended (`GuestTimeoutError` and the like).
    """
    with open_runner(settings, task) as place, _noticing(place, stdout, stderr, notice) as (out, err):
        status = None
        with handing_over(place.result, task.captures):
            while status is None:
                status = place.wait_until(out, err, None)
        result = place.result(RESULT) if task.kind == "actions" else None
        if result is None and status == _KILLED:
            raise GuestFailedError("what runs the network was killed, as for want of memory: take more with --memory")
        if result is None and status == 0 and task.kind == "actions":
            raise refusal("it is missing, though the run says that it succeeded")
        return Outcome(status) if result is None else verify_outcome(task, decode(Outcome, result, "the run's result"))


@contextlib.contextmanager
def _noticing(place: Runner, stdout: Sink, stderr: Sink, notice: Notice | None) -> Iterator[tuple[Sink, Sink]]:
    """Sinks for the run's output, before the first of which ``notice`` says, now and then, what is being done."""
    if notice is None:
        yield stdout, stderr
        return
    over = threading.Event()

    def look() -> None:
        over.wait(_PATIENT_S)
        while not over.is_set():
            with contextlib.suppress(Exception):  # what cannot be read now is not worth a word
                notice(words((), place.result(RUNNING, RUNNING_BYTES)) or "starting")
            over.wait(_LOOK_S)

    def quiet(sink: Sink) -> Sink:
        def write(data: bytes) -> None:
            if not over.is_set():
                over.set()
                looker.join()
                notice(None)
            sink(data)

        return write

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield quiet(stdout), quiet(stderr)
    finally:
        over.set()
        looker.join()
        notice(None)


def write_to(descriptor: int) -> Sink:
    """Writes all of what it gets to a descriptor, at once; the run is over when nobody can take it any more."""

    def write(data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise EmulationError(f"the output cannot be written: {error.strerror}") from None

    return write
