"""A task that ends by itself to its outcome: the output passes on as it comes, and the result is verified."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from emulator.kernel.guest import Sink
from emulator.kernel.job import RUNNING, RUNNING_BYTES, step_text
from emulator.measure.captures import handing_over
from emulator.outcome import Outcome
from emulator.outside.runner import Runner, RunSettings, open_runner
from emulator.outside.verify import refusal, verify_outcome
from emulator.system.decode import decode
from emulator.system.errors import EmulationError, GuestFailedError
from emulator.task import RESULT, Task

_SHOW_S = 0.25
_KILLED = 128 + signal.SIGKILL
_FIRST_SHOW_S = 1.0
"""The wall time after which a run shows its steps. A shorter run shows none."""

ShowStep = Callable[[str | None], None]
"""Shows a step of a run to the user; None clears it."""


def run_task(
    settings: RunSettings, task: Task, stdout: Sink, stderr: Sink, show_step: ShowStep | None = None
) -> Outcome:
    """Do a task that ends by itself, and return its outcome. ``show_step`` gets each step before the first output.

    Raises:
        EmulationError: this machine cannot do the task, or the run was ended early (`GuestTimeoutError` and others).
    """
    with open_runner(settings, task) as runner, _showing_steps(runner, stdout, stderr, show_step) as (out, err):
        status = None
        with handing_over(runner.result, task.captures):
            while status is None:
                status = runner.wait_until(out, err, None)
        result = runner.result(RESULT) if task.kind == "actions" else None
        if result is None and status == _KILLED:
            raise GuestFailedError("the network process was killed (out of memory?); try a larger --memory")
        if result is None and status == 0 and task.kind == "actions":
            raise refusal("it is missing, though the run says that it succeeded")
        return Outcome(status) if result is None else verify_outcome(task, decode(Outcome, result, "the run's result"))


@contextlib.contextmanager
def _showing_steps(
    runner: Runner, stdout: Sink, stderr: Sink, show_step: ShowStep | None
) -> Iterator[tuple[Sink, Sink]]:
    """Show the steps of a run until its first output; yield sinks that clear the step before they write."""
    if show_step is None:
        yield stdout, stderr
        return
    has_output = threading.Event()

    def show() -> None:
        has_output.wait(_FIRST_SHOW_S)
        while not has_output.is_set():
            with contextlib.suppress(Exception):  # a step that cannot be read is not shown
                show_step(step_text((), runner.result(RUNNING, RUNNING_BYTES)) or "starting")
            has_output.wait(_SHOW_S)

    def end() -> None:
        has_output.set()
        thread.join()
        show_step(None)

    def clearing(sink: Sink) -> Sink:
        def write(data: bytes) -> None:
            if not has_output.is_set():
                end()
            sink(data)

        return write

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield clearing(stdout), clearing(stderr)
    finally:
        end()


def write_to(descriptor: int) -> Sink:
    """Return a sink that writes to a descriptor without a buffer.

    The sink raises BrokenPipeError when the reader has gone, and EmulationError when writing fails otherwise.
    """

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
