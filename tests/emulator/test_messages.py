"""Requests and replies cross as JSON, and a reply of another type is refused."""

from __future__ import annotations

from typing import get_args

import pytest

from emulator.measure.probe import CircuitProbe, WayProbe
from emulator.messages import (
    AnyRequest,
    AwaitProcess,
    ClockTime,
    Done,
    Failure,
    Happenings,
    ImpairCircuit,
    LineDone,
    ProbeCircuits,
    Probes,
    ProcessResult,
    ProcessStarted,
    ReadClock,
    ReadScenario,
    Reply,
    RunCommand,
    ShellLine,
    Sleep,
    StartCapture,
    StartCommand,
    StopCapture,
    StopCaptures,
    StopProcess,
    decode_reply,
    decode_request,
    encode_message,
)
from emulator.system.errors import EmulationError
from gtsdsl.scenario.outcome import Happening

WAY = WayProbe(1.0, None, None)
PROBE = CircuitProbe("l1", "h1", "h2", "icmp", 1.0, 2.0, None, None, 1, 1, (), WAY, WAY, ())

EXCHANGES: list[tuple[AnyRequest, str, Reply]] = [
    (RunCommand("h1", ("echo", "a b"), 1.5), "h1: echo a b", ProcessResult(-9, "out", "\udc80", timed_out=True)),
    (RunCommand("h1", (), None), "h1: ", ProcessResult(0, "", "", timed_out=False)),
    (StartCommand("h1", ("sleep", "1")), "start command", ProcessStarted(2)),
    (AwaitProcess(2), "await process", ProcessResult(1, "", "", timed_out=False)),
    (StopProcess(2), "stop process", ProcessResult(-15, "", "", timed_out=False)),
    (Sleep(0.5), "sleep", Done()),
    (ReadClock(), "read clock", ClockTime(10**18)),
    (ReadScenario(), "read scenario", Happenings((Happening(1, None, "cut l1"), Happening(2, 3, "kill h1", "no")))),
    (ProbeCircuits(3), "probe circuits", Probes((PROBE, PROBE))),
    (ImpairCircuit("l1", ("delay", "40ms")), "impair circuit", Done()),
    (StartCapture("l1", "/home/l1.pcap", "session-1.pcap"), "start capture", Done()),
    (StopCapture("l1"), "stop capture", Done()),
    (StopCaptures(), "stop captures", Done()),
    (ShellLine("h1 ping h2"), "h1 ping h2", LineDone(is_last=False)),
]


def test_the_exchanges_below_have_each_request() -> None:
    assert {type(request) for request, _, _ in EXCHANGES} == {*get_args(AnyRequest)}


@pytest.mark.parametrize(("request_", "summary", "reply"), EXCHANGES)
def test_messages_cross(request_: AnyRequest, summary: str, reply: Reply) -> None:
    assert decode_request(encode_message(request_)) == request_
    assert request_.summary == summary
    assert decode_reply(request_.reply_type(), encode_message(reply)) == reply
    assert decode_reply(request_.reply_type(), encode_message(Failure("no"))) == Failure("no")


@pytest.mark.parametrize(
    "reply",
    [
        b"[" * 100_000,
        b"[]",
        b"no JSON",
        b"{}",
        encode_message(Done()),
        encode_message(LineDone(is_last=True)),
        encode_message(ClockTime(1)).replace(b"1", b"NaN"),
        encode_message(ClockTime(1)).replace(b"1", b'"1"'),
        encode_message(ClockTime(1)).replace(b"1", b"1.5"),
        encode_message(Failure("no")).replace(b'"no"', b"0"),
    ],
)
def test_a_reply_of_another_type_is_refused(reply: bytes) -> None:
    with pytest.raises(EmulationError, match=r"^the network's reply is malformed: [ -~]{1,100}$"):
        decode_reply(ClockTime, reply)


def test_a_request_is_finite() -> None:
    with pytest.raises(EmulationError, match="the request is malformed: Infinity is not a number"):
        decode_request(encode_message(Sleep(float("inf"))))
