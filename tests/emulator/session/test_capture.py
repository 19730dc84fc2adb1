"""Captures from the command line, the shell and Python, in the guest: exact times, in the user's file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

from emulator.kernel.cache import Kernel
from emulator.session import emulate as running
from emulator.system.errors import EmulationError
from tests.emulator.measure.pcap_reader import echoes, packets
from tests.emulator.native import AS_USER, run_natively
from tests.emulator.samples import MESH, Cli

_START_NS = 1_767_225_600 * 10**9  # 2026-01-01
_ONE_WAY_NS = 18_100_000
_SERIALISATION_NS = 98 * 8
_WARM = "ping -c 1 h2 > /dev/null"


def test_each_packet_has_the_time_at_which_it_left_the_delay_of_its_direction(emulate: Cli, tmp_path: Path) -> None:
    for name in ("one.pcap", "two.pcap"):
        done = emulate("--capture", f"l1={tmp_path / name}", "--exec", f"h1: {_WARM}; ping -q -c 3 h2")
        assert (done.returncode, done.stderr) == (0, "")
    seen = packets(tmp_path / "one.pcap")
    times = [(packet.echo, packet.time_ns) for packet in seen if packet.echo is not None][2:]
    assert [echo for echo, _ in times] == [(kind, number) for number in (1, 2, 3) for kind in ("request", "reply")]
    assert _START_NS + 11e9 < times[0][1] < _START_NS + 12e9
    for request, reply in zip(times[::2], times[1::2], strict=True):
        # what h1 sends is seen when it arrives at h2, and what h2 answers when it arrives at h1
        assert 0 <= reply[1] - request[1] - _ONE_WAY_NS - _SERIALISATION_NS < 5000
    assert abs(times[2][1] - times[0][1] - 10**9) < 5_000_000  # ping counts in milliseconds
    assert (tmp_path / "one.pcap").read_bytes() == (tmp_path / "two.pcap").read_bytes()


def test_an_overlays_first_packets_are_there(emulate: Cli, tmp_path: Path) -> None:
    file = tmp_path / "l1.pcap"
    done = emulate("--capture", f"l1={file}", "--overlay", "none", "--exec", "c1: true")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("request", 1) in echoes(file)


def test_a_run_that_is_ended_leaves_what_was_seen(emulate: Cli, tmp_path: Path) -> None:
    file = tmp_path / "l1.pcap"
    done = emulate("--capture", f"l1={file}", "--clock", "real", "--timeout", "15", "--exec", "h1: ping -q -i 0.2 h2")
    assert done.returncode == 124
    assert ("reply", 5) in echoes(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("l1", "`l1` is not LINK=FILE.pcap"),
        ("l2=x.pcap", "unknown link `l2`; "),
        ("l1=no/where.pcap", "no/where.pcap cannot be written: the folder "),
        ("l1=.", ". cannot be written: it is a folder"),
        ("l1=", "`l1=` is not LINK=FILE.pcap"),
        (f"l1={'x' * 300}", "cannot be written: File name too long"),
        ("l1=/dev/null/x.pcap", "/dev/null/x.pcap cannot be written: "),
    ],
)
def test_what_cannot_be_captured_is_refused_before_anything_starts(emulate: Cli, text: str, message: str) -> None:
    done = emulate("--capture", text, "--exec", "h1: echo started")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_two_circuits_have_two_files(gtsdsl: Cli, tmp_path: Path) -> None:
    same = (tmp_path / "x.pcap", tmp_path / "." / tmp_path.name / ".." / "x.pcap")
    (tmp_path / tmp_path.name).mkdir()
    captures = [
        it for circuit, file in zip(("l1", "l2"), same, strict=True) for it in ("--capture", f"{circuit}={file}")
    ]
    done = gtsdsl("emulate", str(MESH), *captures, "--exec", "h1: echo started")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is given for two links" in done.stderr


@pytest.mark.parametrize("script", ['"$@"', AS_USER], ids=["root", "user"])
@pytest.mark.usefixtures("guest_kernel")
def test_on_the_hosts_kernel_the_file_grows_where_it_is(gtsdsl: Cli, script: str, tmp_path: Path) -> None:
    file = f"/tmp/{os.getpid()}-{tmp_path.name}.pcap"  # the host is a guest: nothing is left of it
    status, out, err = run_natively(
        gtsdsl, script, "--capture", f"l1={file}",
        "--exec", f"h1: ping -q -c 3 h2; sleep 0.1; stat -c 'size %s of %u' {file}",
    )  # fmt: skip
    assert (status, err) == (0, "")
    header, arp, echoes = 24, 4 * (16 + 42), 6 * (16 + 98)
    assert f"size {header + arp + echoes} of 0" in out  # in the user's namespace, the user is root


def test_lines_for_the_shell(emulate: Cli, pair: Path) -> None:
    lines = ["capture l1 one.pcap", f"h1 {_WARM}", "capture", "capture l1 stop", f"h1 {_WARM}", "capture",
             "capture l1 two.pcap", "capture l1 ../three.pcap", "capture l1", "capture l7 x.pcap"]  # fmt: skip
    (pair.parent / "lines").write_text("\n".join(lines) + "\n")
    done = emulate(prefix=["sh", "-c", 'exec "$@" < ../lines', "sh"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "the file will be complete when the shell has ended",
        "l1           one.pcap",
        "6 packets",
        "no capture runs",
        "the file will be complete when the shell has ended",
        "*** ../three.pcap: a guest's captures become files of your working folder: give a plain name, as l1.pcap",
        "*** usage: capture ID FILE, capture ID stop",
        "*** unknown link l7",
    ]
    assert echoes(pair.parent / "work" / "one.pcap") == [("request", 1), ("reply", 1)]
    assert packets(pair.parent / "work" / "two.pcap") == []


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_person_in_the_shell(clock: str, pair: Path, tmp_path: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    arguments = ["-m", "gtsdsl", "emulate", str(pair), "--clock", clock, "--capture", f"l1={tmp_path / 'asked'}"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm", "INPUTRC": "/dev/null"}
    folder = tmp_path / "folder"
    folder.mkdir()
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, arguments, env={**environment, "PYTHONPATH": str(Path(__file__).parents[3])},
        encoding="utf-8", timeout=60, dimensions=(40, 160), cwd=str(folder),
    )  # fmt: skip
    for line, answer in [
        ("capture l1 stop", r"\d+ packets"),
        ("capture l1 mine.pcap", "when the shell has ended"),
        ("h1 ping -c 1 h2", "1 received"),
    ]:
        child.expect("gtsdsl> ")
        child.sendline(line)
        child.expect(answer)
    child.expect("gtsdsl> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    assert [path.name for path in folder.iterdir()] == ["mine.pcap"]
    assert ("reply", 1) in echoes(folder / "mine.pcap")
    assert packets(tmp_path / "asked") == []


def test_from_python(pair: Path, tmp_path: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    file = tmp_path / "l1.pcap"
    with running(pair, clock="virtual") as net:
        with net.capture("l1", file):
            net["h1"].cmd(_WARM)
            with pytest.raises(EmulationError, match="l1 is being captured already"), net.capture("l1", file):
                pass
        seen = echoes(file)
        with net.capture("l1", file):
            pass
        assert packets(file) == []
    assert seen == [("request", 1), ("reply", 1)]
