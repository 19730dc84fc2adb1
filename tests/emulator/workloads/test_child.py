"""Processes whose output is read within limits, and of which nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.system.programs import environment
from emulator.workloads.base import WorkloadError
from emulator.workloads.child import Ended, Pipes, last_lines
from tests.emulator.waiting import is_running, wait_for


def collect(*command: str, longest_s: float = 60.0, most_bytes: int = 2**20) -> Ended:
    pipes = Pipes()
    process = subprocess.Popen(
        command,
        env=environment(os.environ),
        stdout=pipes.output_writer,
        stderr=pipes.errors_writer,
        start_new_session=True,
    )
    process.returncode = 0  # `collect` waits for it
    pipes.close_writers()
    return pipes.collect(process.pid, "it", longest_s, most_bytes)


def test_output_and_errors_are_apart() -> None:
    assert collect("sh", "-c", "echo out; echo err >&2; exit 3") == Ended(3, "out\n", "err")
    assert collect("sh", "-c", "kill -9 $$").status == -9


def test_a_long_output_is_read_whole() -> None:
    text = collect(sys.executable, "-c", "print('x' * 500_000)").output
    assert text == "x" * 500_000 + "\n"


def test_too_much_output_ends_it() -> None:
    with pytest.raises(WorkloadError, match="it printed more than 0 MiB"):
        collect("yes", most_bytes=10_000)


def wait_for_end(pid: int) -> None:
    wait_for(lambda: not is_running(pid))


def test_what_never_ends_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with pytest.raises(WorkloadError, match="it had not ended after 5 s: working"):
        collect("sh", "-c", f"echo working >&2; sleep 9999 & echo $! $$ > {note}; wait", longest_s=5)
    for pid in note.read_text().split():
        wait_for_end(int(pid))


def test_children_that_outlive_it_are_killed_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    # the child holds the pipes, which would be open for ever
    assert collect("sh", "-c", f"sleep 9999 & echo $! > {note}; echo done").output == "done\n"
    wait_for_end(int(note.read_text()))


def test_the_last_lines_are_one_line() -> None:
    assert last_lines("a\nb\n\nc\x1b[2J\nd\n") == "b | c [2J | d"
    assert last_lines("\n") == "it said nothing"
    assert len(last_lines("x" * 5000)) == 300
