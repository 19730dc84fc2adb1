"""The user's side of the channel, to a network that serves requests in this machine's kernel."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from emulator.measure.captures import CaptureRequest
from emulator.messages import ClockTime, ImpairCircuit, ReadClock, RunCommand, ShellLine
from emulator.outside.channel import Channel
from emulator.outside.runner import NativeRunner
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from emulator.task import Task
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


@pytest.fixture
def runner() -> NativeRunner:
    return NativeRunner(Task(PLAN, "serve"), 60.0)


@pytest.fixture
def channel(runner: NativeRunner) -> Iterator[Channel]:
    with Channel(runner, stops=False) as channel:
        yield channel


def test_each_request_gets_the_reply_of_its_type(channel: Channel) -> None:
    assert isinstance(channel.ask(ReadClock()), ClockTime)
    assert channel.ask(RunCommand("h1", ("echo", "here"), None)).stdout == "here\n"


def test_the_output_of_a_request_goes_to_its_sink(channel: Channel) -> None:
    said = bytearray()
    assert not channel.ask(ShellLine("h1 echo here"), said.extend).is_last
    assert said == b"here\n"


def test_a_request_that_fails_is_an_error_and_the_next_one_is_served(channel: Channel) -> None:
    with pytest.raises(EmulationError, match="unknown link l9"):
        channel.ask(ImpairCircuit("l9", ("down",)))
    assert channel.ask(ReadClock()).time_ns > 0


def test_a_network_that_has_ended_gives_each_later_request_the_same_error(
    runner: NativeRunner, channel: Channel
) -> None:
    assert runner.pid is not None
    os.kill(runner.pid, signal.SIGKILL)
    with pytest.raises(EmulationError, match=r"^the network ended by itself \(status 137\)$") as first:
        channel.ask(ReadClock())
    with pytest.raises(EmulationError) as again:
        channel.ask(ReadClock())
    assert again.value is first.value


def test_a_network_that_cannot_start_says_why_once(capfd: pytest.CaptureFixture[str]) -> None:
    task = Task(PLAN, "serve", captures=(CaptureRequest("l9", "/dev/null"),))
    with pytest.raises(EmulationError, match=r"^unknown link l9"), Channel(NativeRunner(task, 60.0), stops=False):
        pass
    assert capfd.readouterr().err == ""


def test_a_network_that_stops_between_requests_goes_on_for_the_next(runner: NativeRunner) -> None:
    with Channel(runner, stops=True) as channel:
        pid = runner.pid
        assert pid is not None
        try:
            for _ in range(2):
                state = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                assert state is not None
                assert state.si_status == signal.SIGSTOP
                assert channel.ask(ReadClock()).time_ns > 0
        finally:
            os.kill(pid, signal.SIGCONT)  # a native process that is stopped would not take the order to end
