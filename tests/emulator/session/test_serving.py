"""A network that serves requests, on this machine's kernel: a wrong one gets an error, and the network goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.channel import Channel, interruptible
from emulator.errors import EmulationError
from emulator.kernel.choose import Clock
from emulator.places import HostPlace
from emulator.plan import Options, plan
from emulator.session import Session
from emulator.task import Task
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

_PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


@pytest.fixture
def net() -> Iterator[Session]:
    with Channel(HostPlace(Task(_PLAN, "serve"), 60.0), stops=False) as channel:
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
        net._channel.ask({"do": "line", "line": line}, said.extend)
    assert b"*** KeyError: 'nobody'" in said
    assert b"still here" in said
