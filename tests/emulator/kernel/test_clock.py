"""Real guests: what their clocks count, and that two runs are the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.check import EXPECTED_RTT_MS, SCRIPT, TOLERANCE_MS, measure_rtt_ms
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import GuestJob
from emulator.kernel.kinds import Clock
from tests.emulator.kernel.guests import run, shell


def test_a_round_trip_is_exact(boot: Boot) -> None:
    least_ms, most_ms = measure_rtt_ms(boot)
    assert abs(least_ms - EXPECTED_RTT_MS) <= TOLERANCE_MS
    assert abs(most_ms - EXPECTED_RTT_MS) <= TOLERANCE_MS


PROBE = SCRIPT + "ping -D -c 5 -i 0.2 10.0.0.1; head -c 8 /dev/urandom | od -x; cat /proc/uptime; ip link show near"


def test_two_runs_are_the_same_to_the_byte(boot: Boot) -> None:
    first = shell(boot, PROBE)
    assert first[0] == 0
    assert shell(boot, PROBE) == first


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Every CPU kept busy by another process."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("busy_machine")
def test_a_busy_machine_changes_nothing(boot: Boot) -> None:
    least_ms, most_ms = measure_rtt_ms(boot)
    assert max(abs(least_ms - EXPECTED_RTT_MS), abs(most_ms - EXPECTED_RTT_MS)) <= TOLERANCE_MS


def test_waiting_is_skipped_and_work_is_free(boot: Boot) -> None:
    began_s = time.monotonic()
    _, out, _ = shell(boot, "sleep 100000; python3 -c 'sum(range(3000000))'; cat /proc/uptime")
    assert time.monotonic() - began_s < 1000
    assert 100011 <= float(out.split()[0]) < 100011.1


def test_in_the_skip_clock_work_counts_and_waiting_is_skipped(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, Clock.SKIP, timeout_s=200)
    _, out, _ = shell(boot, "sleep 10000; cat /proc/uptime; python3 -c 'sum(range(3000000))'; cat /proc/uptime")
    before_s, _, after_s, _ = map(float, out.split())
    assert before_s >= 10011
    assert after_s - before_s > 0.01


def test_two_guests_side_by_side_do_not_meet(boot: Boot) -> None:
    job = GuestJob(("/bin/sh", "-c", PROBE), Path("/"), {"PATH": os.environ["PATH"]})
    one, other = bytearray(), bytearray()
    with Guest(boot, job) as first, Guest(boot, job) as second:
        assert first.wait(one.extend, lambda _: None) == 0
        assert second.wait(other.extend, lambda _: None) == 0
    assert one == other


_WAIT_BY_YIELDING = """
import os, signal, sys, time

def wait_s(seconds):
    '''Wait by reading the clock and yielding; return the time that passed, and the number of turns.'''
    turns, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        os.sched_yield()
        turns += 1
    return time.monotonic() - began, turns

if sys.argv[1] == "timer":
    rang = []
    signal.signal(signal.SIGALRM, lambda *_: rang.append(time.monotonic()))
    began = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.0123)
    while not rang:
        os.sched_yield()
    print(rang[0] - began)
else:
    children = []
    for _ in range(int(sys.argv[2])):
        child = os.fork()
        if child == 0:
            print(*wait_s(float(sys.argv[3])), flush=True)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
"""
"""A program that waits by yielding, as `ping` does in the last 10 ms before its next packet."""


@pytest.mark.parametrize(("programs", "seconds"), [(1, 0.01), (2, 0.01), (1, 5.0), (10, 1.0)])
def test_programs_that_wait_by_yielding_take_few_turns(boot: Boot, programs: int, seconds: float) -> None:
    status, out, _ = run(boot, "python3", "-c", _WAIT_BY_YIELDING, "wait", str(programs), str(seconds))
    assert status == 0
    found = [tuple(map(float, line.split())) for line in out.splitlines()]
    assert len(found) == programs
    for waited_s, turns in found:
        assert seconds <= waited_s < seconds + programs * 10e-6
        assert turns <= 110 + seconds / 4.5e-6  # 5 us a turn at the most, less if something happens before


def test_a_program_that_yields_sees_what_happens_at_its_time(boot: Boot) -> None:
    _, out, _ = run(boot, "python3", "-c", _WAIT_BY_YIELDING, "timer")
    assert 0.0123 <= float(out) < 0.0123 + 10e-6


def test_short_intervals_of_ping_are_kept(boot: Boot) -> None:
    """`ping` waits by yielding if no answer is due and the next packet is, within 10 ms."""
    before, _, _ = SCRIPT.replace("18.25ms", "5ms").rpartition("ping")
    _, out, _ = shell(boot, f"{before}ping -q -c 501 -i 0.02 10.0.0.1")
    assert " 501 received, 0% packet loss" in out
    (took_ms,) = re.findall(r", time (\d+)ms$", out, re.MULTILINE)
    assert 9_950 < int(took_ms) < 10_050
    assert re.search(r"^rtt min/avg/max/mdev = 10\.00\d/10\.00\d/10\.00\d/", out, re.MULTILINE)
