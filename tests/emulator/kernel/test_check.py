"""The check of a guest kernel, with stand-ins that report round trips as a guest's `ping` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.check import check_clock, measure_rtt_ms
from emulator.kernel.guest import Boot
from emulator.system.errors import EmulationError
from tests.emulator.kernel.standins import put


def kernel_that(folder: Path, script: str) -> Kernel:
    """Return a stand-in that runs a script in the folder that it shares with this machine."""
    path = put(folder / "linux", f"#!/bin/sh\n{script}\n")
    return Kernel(path, "7.3.4", seccomp=True, virtual_clock=True, seeded=True, symbols=None, modules=None)


def that_measures(folder: Path, least_ms: str, most_ms: str) -> Kernel:
    line = f"rtt min/avg/max/mdev = {least_ms}/36.502/{most_ms}/0.001 ms"
    return kernel_that(folder, f"echo '{line}' >> stdout; echo 0 >> status")


def test_the_smallest_and_the_largest_round_trip_are_read_from_the_output_of_ping(tmp_path: Path) -> None:
    assert measure_rtt_ms(Boot(that_measures(tmp_path, "36.501", "36.504"), timeout_s=60)) == (36.501, 36.504)


def test_a_kernel_within_the_tolerance_keeps_time(tmp_path: Path) -> None:
    check_clock(that_measures(tmp_path, "36.496", "36.504"))  # an error is raised otherwise


@pytest.mark.parametrize(("least_ms", "most_ms"), [("36.5", "36.506"), ("36.494", "36.5"), ("73.0", "73.0")])
def test_a_kernel_outside_the_tolerance_does_not_keep_time(tmp_path: Path, least_ms: str, most_ms: str) -> None:
    kernel = that_measures(tmp_path, least_ms, most_ms)
    measured = f"36.5 ms are set, and {float(least_ms)} to {float(most_ms)} ms measured"
    with pytest.raises(EmulationError, match=f"^the guest kernel does not keep time: {measured}$"):
        check_clock(kernel)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'no tc' >> stderr; echo 'no netem' >> stderr; echo 2 >> status", "no netem"),
        ("echo '10 packets transmitted, 0 received' >> stdout; echo 1 >> status", "10 packets transmitted, 0 received"),
        ("echo 1 >> status", "status 1"),
    ],
)
def test_a_guest_that_measures_nothing_says_why_in_its_last_line(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(EmulationError, match=f"^the guest kernel cannot measure a round trip: {why}$"):
        check_clock(kernel_that(tmp_path, script))
