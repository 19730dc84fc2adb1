"""Forks of a process that cleans up when it is told to end."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import os, signal, sys
from emulator.lab.forks import fork
from emulator.system.signals import signals_as_exit
{before}
with signals_as_exit():
    try:
        print(os.waitstatus_to_exitcode(os.waitpid(fork(lambda: {body}), 0)[1]), flush=True)
    finally:
        print("cleaned up", flush=True)
"""


@pytest.mark.parametrize(
    ("before", "body", "status"),
    [
        ("", "None", 0),
        ("", "1 / 0", 1),
        # as Ctrl-C does, which a terminal sends to all of its programs' processes
        ("os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))", "None", -15),
        ("", "os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [15])", "os.kill(os.getpid(), signal.SIGTERM)", 0),
    ],
)
def test_only_the_first_process_cleans_up(before: str, body: str, status: int) -> None:
    program = [sys.executable, "-c", _PROGRAM.format(before=before, body=body)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"{status}\ncleaned up\n", done.stderr
