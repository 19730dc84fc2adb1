"""The program that does a task, as a process with a shared folder and a parent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel.job import FOLDER_VARIABLE, PARENT_VARIABLE, RUNNING
from emulator.outcome import Outcome
from emulator.plan import Options, plan
from emulator.system.decode import decode, encode
from emulator.system.programs import python_script
from emulator.task import RESULT, TASK, Command, Task
from tests.emulator.topologies import joined

PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


def run(folder: Path, task: bytes, parent: int | None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end on a task in a folder; without a ``parent``, the program runs as in a guest."""
    (folder / TASK).write_bytes(task)
    own = {FOLDER_VARIABLE: str(folder), **({} if parent is None else {PARENT_VARIABLE: str(parent)})}
    return subprocess.run(
        [sys.executable, "-c", python_script("emulator.inside.__main__", "main", {})],
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.networks
def test_a_task_leaves_its_outcome_and_its_last_step(tmp_path: Path) -> None:
    done = run(tmp_path, encode(Task(PLAN, commands=(Command("h1", "echo here; exit 3"),))), os.getpid())
    assert (done.returncode, done.stdout, done.stderr) == (3, "here\n", "")
    outcome = decode(Outcome, (tmp_path / RESULT).read_bytes(), "the result")
    assert [(item.host, item.exit_status) for item in outcome.commands] == [("h1", 3)]
    assert (tmp_path / RUNNING).read_text() == "h1: echo here; exit 3"


@pytest.mark.networks
def test_a_shell_does_its_lines_and_leaves_no_outcome(tmp_path: Path) -> None:
    done = run(tmp_path, encode(Task(PLAN, "shell", lines=("h2 echo here", "exit"))), os.getpid())
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")
    assert not (tmp_path / RESULT).exists()


@pytest.mark.networks
def test_the_program_does_nothing_if_its_parent_has_ended(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    done = run(tmp_path, encode(Task(PLAN, commands=(Command("h1", "echo here"),))), ended.pid)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not (tmp_path / RESULT).exists()


@pytest.mark.networks
def test_an_error_of_the_network_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, encode(Task(PLAN, commands=(Command("h9", "true"),))), os.getpid())
    assert done.returncode != 0
    assert done.stderr == "error: unknown host 'h9'\n"


def test_a_task_that_cannot_be_read_is_one_line_of_error(tmp_path: Path) -> None:
    done = run(tmp_path, b'{"plan": 1}', None)
    assert done.returncode != 0
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.stderr.startswith("error: the task")
