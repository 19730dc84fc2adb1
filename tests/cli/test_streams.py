"""Standard output that is closed, or on a full disk: a message, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.inputs import CLEAN

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX descriptors")

COMMANDS = ["circuits AMS MIL", "circuits", "explain GTS022", "compile pair.dsl", "--version"]


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "pair.dsl").write_text(CLEAN)
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", "gtsdsl"],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_an_error_in_a_line(tmp_path: Path, command: str, unbuffered: str) -> None:
    done = shell(tmp_path, f'"$@" {command} > /dev/full', PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_is_closed_goes_nowhere(tmp_path: Path, command: str) -> None:
    done = shell(tmp_path, f'"$@" {command} >&-')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_gone_ends_the_command_without_a_message(tmp_path: Path, command: str) -> None:
    (tmp_path / "pair.dsl").write_text(CLEAN)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gtsdsl", *command.split()],
            cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_file_that_is_opened_does_not_take_the_place_of_a_closed_output(tmp_path: Path) -> None:
    done = shell(tmp_path, '"$@" compile pair.dsl -o out.json >&- 2>&-')
    assert done.returncode == 0
    assert (tmp_path / "out.json").read_bytes().startswith(b"{")
