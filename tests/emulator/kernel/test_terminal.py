"""A guest's command on the user's terminal, with a stand-in for the kernel that reads and writes its console."""

from __future__ import annotations

import os
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.guest import Boot
from emulator.kernel.job import GuestJob
from emulator.kernel.kinds import Clock
from emulator.kernel.terminal import run_on_terminal
from emulator.system.errors import GuestPanickedError
from emulator.system.poll import readable
from tests.emulator.kernel.standins import PANICS, put

# it gets its console's descriptor on its command line, as User-Mode Linux does
ASKS = """
import os, sys
console = next(int(word.partition("fd:")[2]) for word in sys.argv if word.startswith("con1=fd:"))
size = os.get_terminal_size(console)
os.write(console, b"name? ")
name = os.read(console, 100)
os.write(console, b"%s has %d rows of %d.\\n" % (name, size.lines, size.columns))
with open("status", "a") as file:
    file.write("3")
"""
JOB = GuestJob(("true",), Path("/"), {})


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The person's end and the program's end of a terminal with 33 rows of 101 columns."""
    person, program = os.openpty()
    termios.tcsetwinsize(program, (33, 101))
    yield person, program
    os.close(person)
    os.close(program)


def boot(executable: Path) -> Boot:
    kernel = Kernel(executable, "7.3.4", seccomp=False, virtual_clock=False, seeded=False, symbols=None, modules=None)
    return Boot(kernel, Clock.REAL, timeout_s=60)


def read_until(descriptor: int, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        assert readable([descriptor], 60), data
        data += os.read(descriptor, 1000)
    return data


def test_keys_reach_the_command_and_its_output_the_screen(terminal: tuple[int, int], tmp_path: Path) -> None:
    person, program = terminal
    standin = put(tmp_path / "linux", f"#!/bin/sh\nexec '{sys.executable}' -I -S -c '{ASKS}' \"$@\"\n")

    def answer() -> None:
        read_until(person, b"name? ")
        os.write(person, b"Ada")

    typist = threading.Thread(target=answer)
    typist.start()
    status = run_on_terminal(boot(standin), JOB, program, program)
    typist.join()
    assert status == 3
    assert read_until(person, b"\n").startswith(b"Ada has 33 rows of 101.")


def test_the_terminals_settings_are_restored_after_a_panic(terminal: tuple[int, int], tmp_path: Path) -> None:
    _, program = terminal
    before = termios.tcgetattr(program)
    with pytest.raises(GuestPanickedError):
        run_on_terminal(boot(put(tmp_path / "linux", PANICS)), JOB, program, program)
    assert termios.tcgetattr(program) == before
