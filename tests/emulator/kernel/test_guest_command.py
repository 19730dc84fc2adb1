"""`gtsdsl guest`, and other people's programs in it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.check import SCRIPT
from emulator.kernel.guest import Boot
from tests.emulator.kernel.guests import shell
from tests.emulator.samples import HANG_S, MESH, ROOT, Cli
from tests.emulator.users import as_user, folder_of


@pytest.mark.usefixtures("guest_kernel")
def test_command_line(gtsdsl: Cli) -> None:
    result = gtsdsl("guest", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("arguments", [["guest", "--", "seq", "9"], ["emulate", str(MESH), "--exec", "h1: seq 9"]])
def test_a_reader_that_has_gone_ends_the_command_without_a_message(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "gtsdsl", *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, timeout=HANG_S, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.usefixtures("guest_kernel")
def test_options_after_the_command_are_the_commands(gtsdsl: Cli) -> None:
    assert gtsdsl("guest", "uname", "-s").stdout == "Linux\n"


@pytest.mark.usefixtures("guest_kernel")
def test_the_working_folder_is_the_same(gtsdsl: Cli, tmp_path: Path) -> None:
    assert gtsdsl("guest", "--", "pwd", cwd=tmp_path).stdout == f"{tmp_path}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--memory", "x"],
        ["--memory", "1M"],
        ["--memory", ""],
        ["--clock", "fast"],
        ["--timeout", "-1"],
        ["--timeout", "nan"],
        ["--no-such-option"],
        ["-o", "/"],
        [],
    ],
)
def test_bad_options_are_told_in_a_line(gtsdsl: Cli, arguments: list[str]) -> None:
    result = gtsdsl("guest", *arguments, *(["--", "true"] if arguments else []))
    assert result.returncode in {2, 3}
    assert "Traceback" not in result.stderr
    assert result.stderr.strip()


def test_an_empty_command_is_told_in_a_line(gtsdsl: Cli) -> None:
    result = gtsdsl("guest", "--", "")
    assert (result.returncode, result.stdout) == (2, "")
    assert "the name of the command is empty" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user(guest_kernel: Kernel, gtsdsl: Cli, tmp_path: Path) -> None:
    own = ["env", f"XDG_CACHE_HOME={folder_of(65534, tmp_path, guest_kernel)}", "HOME=/nonexistent"]
    result = gtsdsl("guest", "--", "sh", "-c", SCRIPT + "id -u", prefix=[*as_user(65534), *own], cwd=Path("/"))
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "0"
    assert "36.5" in result.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    "command",
    [
        ("guest", "--kernel", "uml", "--", "true"),
        ("kernel", "info"),
        ("kernel", "path"),
        ("kernel", "clean"),
        ("doctor",),
    ],
)
def test_a_cache_that_cannot_be_read_is_told_in_a_line(gtsdsl: Cli, tmp_path: Path, command: tuple[str, ...]) -> None:
    own = ["env", f"XDG_CACHE_HOME={tmp_path}", "HOME=/nonexistent"]  # pytest's folders are for their user only
    result = gtsdsl(*command, prefix=[*as_user(65534), *own], cwd=Path("/"))
    said = result.stdout if command == ("doctor",) else result.stderr
    assert f"{tmp_path}/gtsdsl/kernels: Permission denied; set XDG_CACHE_HOME to a folder you may write" in said
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_a_home_is_told_in_a_line(gtsdsl: Cli) -> None:
    nobody = ["env", "--unset=HOME", "--unset=XDG_CACHE_HOME"]
    result = gtsdsl("guest", "--kernel", "uml", "--", "true", prefix=[*as_user(54321), *nobody], cwd=Path("/"))
    assert (result.returncode, result.stdout) == (3, "")
    assert "you have no home folder: set XDG_CACHE_HOME" in result.stderr


@pytest.mark.usefixtures("guest_kernel")
def test_on_a_terminal_it_gets_the_terminal() -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (33, 101))
    command = [sys.executable, "-m", "gtsdsl", "guest", "--clock", "real", "--", "sh"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "PS1": "> "})
    try:
        until(ours, b"> ")
        os.write(ours, b"stty size; tty\r")
        until(ours, b"33 101\r\n/dev/tty1\r\n")
        termios.tcsetwinsize(ours, (40, 120))
        process.send_signal(signal.SIGWINCH)
        os.write(ours, b'until [ "$(stty size)" = "40 120" ]; do sleep .1; done; stty size\r')
        until(ours, b"40 120\r\n")  # the answer, and not the echo of the line
        os.write(ours, b"exit 5\r")
        assert process.wait(timeout=60) == 5
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def until(descriptor: int, wanted: bytes) -> None:
    """Read a terminal until it shows something, for a minute at most."""
    seen = b""
    while wanted not in seen:
        assert select.select([descriptor], [], [], 60)[0], seen
        seen += os.read(descriptor, 4096)


OVS = "/usr/share/openvswitch/scripts/ovs-ctl start --system-id=test --no-monitor > /dev/null && "
EXAMPLES = Path("/usr/share/doc/mininet/examples")
needs_mininet = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="Debian's mininet is not installed")


@needs_mininet
@pytest.mark.parametrize("switch", ["lxbr", "ovsbr", "ovsbr,datapath=user"])
def test_mininet_of_debian(boot: Boot, switch: str) -> None:
    """The kernel's datapath of Open vSwitch too: its upcalls reach the daemon."""
    status, _, err = shell(boot, f"{OVS} mn --switch={switch} --controller=none --test pingall")
    assert status == 0, err
    assert "0% dropped (2/2 received)" in err


@needs_mininet
@pytest.mark.skipif(shutil.which("ovs-testcontroller") is None, reason="there is no controller for Mininet")
@pytest.mark.parametrize(
    ("example", "shows"),
    [
        ("multiping.py", "1 packets transmitted, 1 received, 0% packet loss"),
        ("linuxrouter.py", "10.0.0.0        0.0.0.0         255.0.0.0"),
    ],
)
def test_an_example_of_mininet_unchanged(boot: Boot, example: str, shows: str) -> None:
    status, out, err = shell(boot, f"{OVS} /usr/bin/python3 {EXAMPLES / example}")
    assert status == 0, err
    assert shows in out + err
