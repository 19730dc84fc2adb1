"""A task that ends by itself, in this machine's kernel: its output passes on, and its outcome comes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.kernel.choose import KernelChoice
from emulator.kernel.kinds import Clock, KernelKind
from emulator.outside.run_task import run_task, write_to
from emulator.outside.runner import RunSettings
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError, GuestFailedError
from emulator.task import Command, Task
from tests.emulator.scenarios import ignore
from tests.emulator.topologies import joined

PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))
NATIVE = RunSettings(choice=KernelChoice(KernelKind.NATIVE, Clock.REAL, None))


@pytest.mark.networks
def test_output_passes_on_to_its_own_sink_and_the_outcome_has_each_command() -> None:
    out, err = bytearray(), bytearray()
    task = Task(PLAN, commands=(Command("h1", "echo out"), Command("h2", "echo err >&2; exit 3")))
    outcome = run_task(NATIVE, task, out.extend, err.extend)
    assert (bytes(out), bytes(err)) == (b"out\n", b"err\n")
    assert outcome.exit_status == 3
    assert [(item.host, item.exit_status) for item in outcome.commands] == [("h1", 0), ("h2", 3)]


@pytest.mark.networks
def test_the_last_step_is_cleared_before_the_first_output() -> None:
    events: list[str | None] = []
    task = Task(PLAN, commands=(Command("h1", "echo out"),))
    run_task(NATIVE, task, lambda data: events.append(data.decode()), ignore, events.append)
    first_output = events.index("out\n")
    assert events[first_output - 1] is None
    assert not any(events[first_output + 1 :])


@pytest.mark.networks
@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("os.kill(os.getpid(), 9)", GuestFailedError, "killed (out of memory?); try a larger --memory"),
        ("os._exit(0)", EmulationError, "is missing, though the run says that it succeeded"),
    ],
)
def test_a_run_that_leaves_no_outcome_is_an_error(
    tmp_path: Path, line: str, kind: type[EmulationError], message: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import os\n{line}\n")
    with pytest.raises(kind) as error:
        run_task(NATIVE, Task(PLAN, script=str(script)), ignore, ignore)
    assert message in str(error.value)


@pytest.mark.networks
def test_a_shell_has_an_exit_status_and_no_results() -> None:
    out = bytearray()
    outcome = run_task(NATIVE, Task(PLAN, "shell", lines=("h1 echo here", "exit", "h1 echo late")), out.extend, ignore)
    assert (bytes(out), outcome.exit_status, outcome.commands) == (b"here\n", 0, ())


def test_a_sink_writes_all_of_what_it_gets() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        write_to(writer)(b"one, ")
        write_to(writer)(b"two")
        os.close(writer)
        assert file.read() == b"one, two"


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full_device() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(
    ("open_descriptor", "kind", "message"),
    [
        (closed_pipe, BrokenPipeError, "Broken pipe"),
        (full_device, EmulationError, "the output cannot be written: No space left on device"),
    ],
)
def test_a_sink_tells_a_reader_that_has_gone_from_a_disk_that_is_full(
    open_descriptor: Callable[[], int], kind: type[Exception], message: str
) -> None:
    descriptor = open_descriptor()
    try:
        with pytest.raises(kind, match=message):
            write_to(descriptor)(b"text")
    finally:
        os.close(descriptor)
