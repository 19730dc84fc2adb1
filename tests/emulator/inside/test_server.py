"""A network that serves requests, on this machine's kernel: a wrong one gets an error, and the network goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.inside.server import interruptible
from emulator.kernel.kinds import Clock
from emulator.messages import Done, ReadClock, ShellLine, encode_message
from emulator.outside.channel import Channel
from emulator.outside.runner import NativeRunner
from emulator.plan import Options, plan
from emulator.session import Session
from emulator.system.errors import EmulationError, GuestStalledError
from emulator.task import Command, Task
from gtsdsl.cli.errors import complain
from tests.emulator import scenarios
from tests.emulator.leftovers import Leftovers, is_soon
from tests.emulator.play import command_of
from tests.emulator.topologies import joined
from tests.emulator.waiting import is_running

pytestmark = pytest.mark.networks

_PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


@pytest.fixture
def net() -> Iterator[Session]:
    with Channel(NativeRunner(Task(_PLAN, "serve"), 60.0), stops=False) as channel:
        yield Session(_PLAN, Clock.REAL, channel, None)


def test_what_is_asked_wrongly_is_an_error_and_the_network_goes_on(net: Session) -> None:
    for wrong in (
        lambda: net.sleep(-1),
        lambda: net.sleep(float("inf")),
        lambda: net["h1"].run(["echo", "a\0b"]),
        lambda: net["h1"].run(["x" * 3_000_000]),
        lambda: net.link("l9", "down"),
    ):
        with pytest.raises(EmulationError) as error:
            wrong()
        assert "\n" not in str(error.value)
    assert net["h1"].run(["echo", "here"]).stdout == "here\n"


def test_a_process_is_waited_for_once(net: Session) -> None:
    server = net["h1"].start(["sleep", "1000"])
    assert server.stop().returncode == -15
    for again in (server.stop, server.wait):
        with pytest.raises(EmulationError, match="waited for already"):
            again()
    assert net["h1"].run(["true"]).returncode == 0


def test_what_processes_write_is_in_the_runs_own_folder_and_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with Channel(NativeRunner(Task(_PLAN, "serve")), stops=False) as channel:
        Session(_PLAN, Clock.REAL, channel, None)["h1"].start(["echo", "secret"])
        (run,) = tmp_path.glob("gtsdsl-*/network-*")
        assert run.stat().st_mode & 0o077 == 0
        assert len(list(run.rglob("1-out"))) == 1
    assert not list(tmp_path.rglob("1-*"))


def test_a_network_that_stalls_is_asked_no_more() -> None:
    asked: list[str] = []

    class Stalled:
        """A place that never answers."""

        pid = None

        def __enter__(self) -> Stalled:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def wait_until(self, _stdout: object, _stderr: object, until: Callable[[], bool] | None) -> None:
            if until is None or not until():
                raise GuestStalledError("the virtual clock has stood still")

        def put(self, name: str, _content: bytes) -> None:
            asked.append(name)

        def result(self, name: str, _limit_bytes: int = 0) -> bytes | None:
            return encode_message(Done()) if name in ("ready", "reply-1") else None

    with Channel(Stalled(), stops=True) as channel:
        net = Session(_PLAN, Clock.VIRTUAL, channel, None)
        with pytest.raises(GuestStalledError), net.capture("l1", "l1.pcap"):
            net.sleep(1)
    assert asked == ["request-1", "request-2"]


def test_an_interrupt_is_for_the_line_and_nothing_after_it(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    file = tmp_path / "interrupt"
    file.touch()
    try:
        with pytest.raises(KeyboardInterrupt), interruptible(file):
            time.sleep(60)
        with interruptible(tmp_path / "none"):
            pass
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_shell_goes_on_after_whatever_a_line_does(net: Session) -> None:
    said = bytearray()
    for line in ("switch", "x nobody", "source /nowhere", "px net.hosts[9]", "dpctl", "time", "h1 echo still here"):
        net._channel.ask(ShellLine(line), said.extend)
    assert b"*** KeyError: 'nobody'" in said
    assert b"still here" in said


def test_ids_move_no_cursor(tmp_path: Path) -> None:
    (circuit,), (host, other) = _PLAN.circuits, _PLAN.hosts
    odd = replace(
        _PLAN,
        circuits=(replace(circuit, id="l\x1b[31m"),),
        hosts=(replace(host, site="AMS\x1b[31m"), other),
    )
    lines = ["nodes", "links", "rtt", "capture l\x1b[31m {0}", "capture", "capture l\x1b[31m {0}2", "link l\x1b[32m up"]
    said = bytearray()
    with Channel(NativeRunner(Task(odd, "serve"), 60.0), stops=False) as channel:
        for line in lines:
            channel.ask(ShellLine(line.format(tmp_path / "file.pcap")), said.extend)
    assert said.count(b"l\\x1b[31m") == 6
    assert b"AMS\\x1b[31m" in said
    assert b"unknown link l\\x1b[32m" in said
    assert b"\x1b[3" not in said


def test_what_is_complained_of_is_one_line_whatever_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    complain("error", "no\x1b[31m\nwarning: all is well")
    assert capsys.readouterr().err == "error: no\\x1b[31m\\nwarning: all is well\n"


def test_a_network_outlives_the_thread_that_started_it() -> None:
    found: list[Channel] = []
    with contextlib.ExitStack() as stack:
        channel = Channel(NativeRunner(Task(_PLAN, "serve"), 60.0), stops=False)
        starter = threading.Thread(target=lambda: found.append(stack.enter_context(channel)))
        starter.start()
        starter.join()
        assert found[0].ask(ReadClock()).time_ns > 0


def test_a_network_does_not_outlive_its_process(tmp_path: Path) -> None:
    left = Leftovers(tmp_path)
    died = subprocess.run(
        command_of(scenarios.die_with_a_server), env=left.environment, capture_output=True, text=True, check=False
    )
    assert is_soon(lambda: not is_running(int(died.stdout)))
    left.clean()
    assert left.folders == []


def test_output_that_never_ends_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = 0

    def look(data: bytes) -> None:
        nonlocal seen
        assert set(data) <= set(b"y\n")
        seen += len(data)

    task = Task(_PLAN, "actions", commands=(Command("h1", "yes"),))
    with NativeRunner(task, 60.0) as place:
        assert place.wait_until(look, look, lambda: seen > 10_000_000) is None
        kept = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        assert kept < 100_000


def test_all_that_was_said_is_passed_on() -> None:
    out, err = bytearray(), bytearray()
    line = "seq 100000; seq 100000 >&2; exec >&- 2>&-; exit 3"
    with NativeRunner(Task(_PLAN, "actions", commands=(Command("h1", line),)), 60.0) as place:
        assert place.wait_until(out.extend, err.extend, None) == 3
    assert out == err == b"".join(b"%d\n" % number for number in range(1, 100_001))
