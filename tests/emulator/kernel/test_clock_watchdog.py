"""A virtual clock that has stopped, one that crawls, and one that only takes its time."""

from __future__ import annotations

import subprocess
import sys
from subprocess import PIPE

import pytest

from emulator.kernel.clock_watchdog import ClockWatchdog, Sample, processor_s

SECOND_NS = 10**9


def verdict(
    rates: list[tuple[int, float]], patience_s: float = 10, tasks: tuple[str, ...] = ("a", "b"), share: float = 1.0
) -> tuple[int, str] | None:
    """Return the first verdict and its time, over spans of wall seconds with so many virtual seconds a second each.

    ``tasks`` are seen running in turn. ``share`` is the part of a processor that the guest has.
    """
    watchdog = ClockWatchdog(patience_s)
    wall_s, virtual_ns = 0, 0.0
    for span_s, rate in rates:
        for _ in range(span_s):
            if said := watchdog.verdict(Sample(wall_s, wall_s * share, int(virtual_ns), tasks[wall_s % len(tasks)])):
                return wall_s, said
            wall_s += 1
            virtual_ns += rate * SECOND_NS
    return None


@pytest.mark.parametrize("rate", [100.0, 1.0, 0.1, 0.06])
def test_a_clock_that_goes_is_let_go(rate: float) -> None:
    assert verdict([(1000, rate)]) is None


def test_a_clock_that_stands_still() -> None:
    found = verdict([(5, 1.0), (100, 0.0)])
    assert found is not None
    assert found[0] in {14, 15}
    assert "stood still for 10 s" in found[1]


def test_reading_the_clock_is_no_progress() -> None:
    found = verdict([(100, 256e-9 * 50)])
    assert found is not None
    assert "stood still" in found[1]


def test_a_clock_that_crawls_gets_more_time() -> None:
    found = verdict([(1000, 0.02)])
    assert found is not None
    assert found[0] == 50
    assert "crawls: 1.000 s in 50 s" in found[1]


def test_a_program_that_only_looks_at_the_clock_crawls_on_a_fast_machine_too() -> None:
    found = verdict([(1000, 0.17)], tasks=("python3",))
    assert found is not None
    assert found[0] == 50
    assert "reads the clock again and again" in found[1]
    assert verdict([(1000, 0.3)], tasks=("python3",)) is None
    assert verdict([(1000, 0.17)], tasks=("python3",) * 29 + ("ping",)) is None
    assert verdict([(1000, 0.17)], tasks=("",)) is None


def test_a_pause_within_the_patience_is_forgotten() -> None:
    assert verdict([(5, 1.0), (9, 0.0)] * 20) is None


def test_a_guest_that_gets_little_of_the_processor_has_more_time() -> None:
    # at a share of a third, 0.02 virtual seconds a second are 0.06 a worked second
    assert verdict([(1000, 0.02)], share=1 / 3) is None
    found = verdict([(5, 1.0), (100, 0.0)], share=0.5)
    assert found is not None
    assert found[0] in {24, 25}
    assert "stood still for 10 s" in found[1]


def test_a_guest_that_does_not_work_and_makes_no_progress_ends_too() -> None:
    found = verdict([(1000, 0.0)], share=0.0)
    assert found is not None
    assert found[0] == 50


def test_the_processor_time_of_a_guest_has_that_of_its_programs() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    ended = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])\n"
    waiting = f"{spin}print(flush=True)\ninput()"
    running = f"subprocess.run([sys.executable, '-c', {waiting!r}])"
    with subprocess.Popen([sys.executable, "-c", spin + ended + running], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert processor_s(process.pid) >= 0.8
        process.communicate(b"\n")
    with pytest.raises(OSError, match=f"/proc/{process.pid}/stat"):
        processor_s(process.pid)
