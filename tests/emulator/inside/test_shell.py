"""The shell for a person, on a terminal: the real clock's inside the guest, the virtual clock's outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from emulator.kernel.cache import Kernel

_PATIENCE_S = 300

# in the real clock, a busy machine adds to a round trip
_ROUND_TRIPS = {"real": r"(?:9\d|\d{3,})\.\d{3} ms", "virtual": r"90\.0\d\d ms"}


@pytest.fixture(params=["real", "virtual"])
def clock(request: pytest.FixtureRequest) -> str:
    """A clock of a guest."""
    return str(request.param)


@pytest.fixture
def terminal(clock: str, pair: Path, tmp_path: Path, guest_kernel: Kernel) -> Iterator[pexpect.spawn[str]]:
    """A network's shell on a terminal."""
    assert guest_kernel
    child = pexpect.spawn(
        sys.executable,
        ["-m", "gtsdsl", "emulate", str(pair), "--clock", clock],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm", "INPUTRC": "/dev/null"},
        encoding="utf-8",
        timeout=_PATIENCE_S,
        dimensions=(40, 160),
    )
    yield child
    child.close(force=True)


def test_a_session(terminal: pexpect.spawn[str], clock: str, tmp_path: Path) -> None:
    terminal.expect(r"2 hosts, 1 circuits")
    terminal.expect("gtsdsl> ")
    terminal.sendline("h1 ping -c 2 h2")
    terminal.expect(r"2 packets transmitted, 2 received")
    terminal.expect("gtsdsl> ")
    terminal.sendline("link l1 rtt 90ms")
    terminal.expect("gtsdsl> ")
    terminal.sendline("rtt")
    terminal.expect(rf"l1 +h1 +h2 +{_ROUND_TRIPS[clock]}")
    terminal.expect("gtsdsl> ")
    terminal.send("lin\tl1")  # completes to `link` or `links`: two, so nothing is added
    terminal.sendcontrol("u")
    terminal.send("rt\t")
    terminal.expect("rtt")
    terminal.sendline("")
    terminal.expect(rf"l1 +h1 +h2 +{_ROUND_TRIPS[clock]}")
    terminal.expect("gtsdsl> ")
    terminal.sendline("pingall")
    terminal.expect("0% dropped")
    terminal.expect("gtsdsl> ")
    terminal.sendline("exit")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    typed = (tmp_path / "state" / "gtsdsl" / "history").read_text()
    assert "link l1 rtt 90ms\n" in typed


def test_ctrl_c_ends_a_command_and_not_the_shell(terminal: pexpect.spawn[str]) -> None:
    terminal.expect("gtsdsl> ")
    terminal.sendline("h1 ping h2")
    terminal.expect("icmp_seq=2")
    terminal.sendintr()
    terminal.expect("gtsdsl> ")
    terminal.sendline("h2 echo still $((20 + 3))")
    terminal.expect("still 23")
    terminal.expect("gtsdsl> ")
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0


def test_a_timeout_is_of_all_typing_included(pair: Path, guest_kernel: Kernel, clock: str) -> None:
    assert guest_kernel
    for timeout_s in (6, 30, 150):  # the boot and the command take longer on a busy machine
        command = ["-m", "gtsdsl", "emulate", str(pair), "--clock", clock, "--timeout", str(timeout_s)]
        child = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=_PATIENCE_S)
        is_in_time = child.expect(["gtsdsl> ", "timed out"]) == 0
        if is_in_time:
            child.sendline("h1 echo $((20 + 3))")
            is_in_time = child.expect(["23", "timed out"]) == 0
        if is_in_time:
            child.expect("timed out")
        child.expect_exact(f" after {timeout_s} s")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 124
        if is_in_time:
            return
    pytest.fail("no command ran before the timeout")
