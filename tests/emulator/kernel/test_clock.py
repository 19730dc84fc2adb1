"""Real guests: what their clocks count, and that two runs are the same."""

from __future__ import annotations

import os
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
from tests.emulator.kernel.guests import shell


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
