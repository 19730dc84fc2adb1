"""The shell for a person, on a terminal: the real clock's inside the guest, the virtual clock's outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from emulator.kernel.cache import Kernel


@pytest.fixture(params=["real", "virtual"])
def terminal(
    request: pytest.FixtureRequest, pair: Path, tmp_path: Path, guest_kernel: Kernel
) -> Iterator[pexpect.spawn[str]]:
    assert guest_kernel
    child = pexpect.spawn(
        sys.executable,
        ["-m", "gtsdsl", "emulate", str(pair), "--clock", request.param],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm", "INPUTRC": "/dev/null"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 160),
    )
    yield child
    child.close(force=True)


def test_a_session(terminal: pexpect.spawn[str], tmp_path: Path) -> None:
    terminal.expect(r"2 hosts, 1 circuits")
    terminal.expect("gtsdsl> ")
    terminal.sendline("h1 ping -c 2 h2")
    terminal.expect(r"2 packets transmitted, 2 received")
    terminal.expect("gtsdsl> ")
    terminal.sendline("link l1 rtt 90ms")
    terminal.expect("gtsdsl> ")
    terminal.sendline("rtt")
    terminal.expect(r"l1 +h1 +h2 +9\d\.\d{3} ms")
    terminal.expect("gtsdsl> ")
    terminal.send("lin\tl1")  # completes to `link` or `links`: two, so nothing is added
    terminal.sendcontrol("u")
    terminal.send("rt\t")
    terminal.expect("rtt")
    terminal.sendline("")
    terminal.expect(r"l1 +h1 +h2 +9\d")
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


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_timeout_is_of_all_typing_included(pair: Path, guest_kernel: Kernel, clock: str) -> None:
    assert guest_kernel
    command = ["-m", "gtsdsl", "emulate", str(pair), "--clock", clock, "--timeout", "6"]
    child = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=60)
    child.expect("gtsdsl> ")
    child.sendline("h1 echo $((20 + 3))")
    child.expect("23")
    child.expect("timed out after 6 s")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 124
