"""A fork of a process that cleans up when it is told to end does not clean up, too."""

from __future__ import annotations

import subprocess

import pytest

from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.samples import HANG_S


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("returns", 0),
        ("fails", 1),
        ("gets a signal at once", -15),
        ("gets a signal", -15),
        ("gets a blocked signal", 0),
    ],
)
def test_only_the_first_process_cleans_up(case: str, status: int) -> None:
    command = command_of(scenarios.fork_and_clean_up, case)
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.stdout == f"{status}\ncleaned up\n", done.stderr
