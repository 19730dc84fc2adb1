"""The streams and the working folder of `gtsdsl emulate`: closed, full, in any locale, or gone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator.samples import HANG_S


def shell(pair: Path, line: str) -> subprocess.CompletedProcess[bytes]:
    """Run `gtsdsl emulate` from a shell; ``line`` has the command line as ``"$@"``."""
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", "gtsdsl", "emulate", str(pair)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S, check=False,
    )  # fmt: skip


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_an_empty_one(pair: Path, closed: str) -> None:
    done = shell(pair, f'"$@" {closed}')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("what", "status"), [("--probe", 1), ("--exec 'h1: echo more'", 3), ("--exec 'h1: yes'", 3)])
def test_a_full_disk_ends_the_run_with_a_word(pair: Path, what: str, status: int) -> None:
    done = shell(pair, f'"$@" {what} > /dev/full')
    assert done.returncode == status
    assert re.fullmatch(rb"[Ee]rror: (the|standard) output cannot be written: No space left on device\n", done.stderr)


@pytest.mark.usefixtures("guest_kernel")
def test_letters_go_in_and_come_out_in_any_locale(pair: Path) -> None:
    plain = "export LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0"
    for line in ("\"$@\" --exec 'h1: echo é'", "echo 'h1 echo é' | \"$@\""):
        done = shell(pair, f"{plain}; {line}")
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "é".encode(), b"")


@pytest.mark.usefixtures("guest_kernel")
def test_a_line_that_is_not_utf8_is_said_and_the_next_is_done(pair: Path) -> None:
    done = shell(pair, "printf 'h1 echo \\377\\nh1 echo more\\n' | \"$@\"")
    assert done.returncode == 0
    said, more = done.stdout.decode().splitlines()
    assert said.startswith("*** this line is not UTF-8: 'h1 echo ")
    assert more == "more"


@pytest.mark.usefixtures("guest_kernel")
def test_a_working_folder_that_has_gone_is_the_root(pair: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    checkout = Path(__file__).parents[3]
    line = f"export PYTHONPATH={checkout}; mkdir {gone} && cd {gone} && rmdir {gone} && \"$@\" --exec 'h1: pwd'"
    done = shell(pair, line)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"/\n", b"")
