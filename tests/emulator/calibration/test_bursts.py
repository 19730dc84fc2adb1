"""The time of bursts of system calls, on this machine's own kernel."""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from emulator.calibration import bursts
from emulator.system.errors import OptionError


def test_a_thread_stays_on_its_processor_and_gets_its_freedom_back() -> None:
    before = os.sched_getaffinity(0)
    with bursts.pinned() as cpu:
        assert os.sched_getaffinity(0) == {cpu} == {bursts.last_fastest(before)}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, 3),
        ({"cpu0/cpu_capacity": "446", "cpu1/cpu_capacity": "1024", "cpu2/cpu_capacity": "1024"}, 2),
        ({f"cpu{cpu}/cpufreq/cpuinfo_max_freq": freq for cpu, freq in enumerate(("5000000", "5000000", "3800000"))}, 1),
        ({"cpu0/cpu_capacity": "?", "cpu1/cpufreq/cpuinfo_max_freq": "100"}, 1),
    ],
    ids=["unknown", "big and little", "hybrid", "malformed"],
)
def test_the_last_of_the_fastest_processors_is_chosen(tmp_path: Path, files: dict[str, str], chosen: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"{text}\n")
    assert bursts.last_fastest(range(4), tmp_path) == chosen


def test_a_processor_that_there_is_not_is_refused() -> None:
    with pytest.raises(OptionError, match=r"may not use processor 4096: choose one of \d"), bursts.pinned(4096):
        pass


def test_a_burst_counts_each_call() -> None:
    calls: list[str] = []
    found = [bursts.burst_ns([partial(calls.append, "sent"), partial(calls.append, "received")], 8) for _ in range(20)]
    assert calls == (["sent"] * 8 + ["received"] * 8) * 20
    assert any(found), "each of twenty bursts was interrupted"


def test_a_burst_in_which_the_thread_waited_does_not_count() -> None:
    assert bursts.burst_ns([partial(time.sleep, 0.001)], 2) is None


def test_a_burst_that_does_not_arrive_whole_does_not_count_and_leaves_nothing() -> None:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        second.setblocking(False)
        first.send(b"one")
        receive = partial(second.recv, 100)
        assert bursts.burst_ns([receive], 2) is None
        for _ in range(20):  # a burst in which the thread is switched away does not count
            first.send(b"two")
            first.send(b"three")
            found = bursts.burst_ns([lambda: None, lambda: receive() and None, lambda: None], 1)
            assert second.recv(100) == b"three"
            if found is not None:
                break
        assert found is not None, "each of twenty bursts was interrupted"


def test_an_idle_call_comes_after_each_call_of_a_step() -> None:
    calls: list[str] = []
    sent, got, idle, still = (partial(calls.append, name) for name in ("sent", "got", "idle", "still"))
    bursts.burst_ns([sent, got], 2, [idle, still])
    assert calls == ["sent", "idle"] * 2 + ["got", "still"] * 2
    with bursts.idle_calls() as (write, read):
        assert (write(), read()) == (1, 0)


def test_a_system_call_takes_something() -> None:
    assert 0 < bursts.system_call_ns() < 1e6
