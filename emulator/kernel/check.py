"""Check of a guest kernel: it boots, and its virtual clock measures a round trip through netem exactly."""

from __future__ import annotations

import os
import re
from pathlib import Path

from emulator.kernel.cache import Kernel
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import GuestJob
from emulator.kernel.kinds import Clock
from emulator.system.errors import EmulationError

EXPECTED_RTT_MS = 36.5
"""Twice the delay that the script sets, about the round trip of the circuit from Amsterdam to Milan."""
TOLERANCE_MS = 0.005
"""The largest error: each reading of the clock moves it by 256 ns, which adds 2 to 3 µs to a round trip."""

SCRIPT = """set -e
ip netns add peer
ip link add near type veth peer name far netns peer
ip address add 10.0.0.0/31 dev near
ip -n peer address add 10.0.0.1/31 dev far
ip link set near up
ip -n peer link set far up
tc qdisc add dev near root netem delay 18.25ms
tc -n peer qdisc add dev far root netem delay 18.25ms
ping -q -c 1 -W 2 10.0.0.1 > /dev/null
ping -q -c 10 -i 1 10.0.0.1
"""
"""The measurement: two hosts and a circuit. The first ping does not count, because it waits for ARP too."""

_TIMEOUT_S = 120.0


def measure_rtt_ms(boot: Boot) -> tuple[float, float]:
    """Return the smallest and the largest of ten round trips in a guest.

    Raises:
        EmulationError: the guest does not boot, or a ping gets no answer.
    """
    output, errors = bytearray(), bytearray()
    with Guest(
        boot, GuestJob(("/bin/sh", "-c", SCRIPT), Path("/"), {"PATH": os.environ.get("PATH", os.defpath)})
    ) as guest:
        status = guest.wait(output.extend, errors.extend)
    found = re.search(rb"= ([0-9.]+)/[0-9.]+/([0-9.]+)/", output)
    if status != 0 or found is None:
        said = (errors or output).decode(errors="replace").strip().splitlines()
        raise EmulationError(
            f"the guest kernel cannot measure a round trip: {said[-1] if said else f'status {status}'}"
        )
    return float(found[1]), float(found[2])


def check_clock(kernel: Kernel) -> None:
    """Check that the kernel's virtual clock is exact.

    Raises:
        EmulationError: the kernel does not boot, or measures another round trip than the one that is set.
    """
    least, most = measure_rtt_ms(Boot(kernel, Clock.VIRTUAL, timeout_s=_TIMEOUT_S))
    if max(EXPECTED_RTT_MS - least, most - EXPECTED_RTT_MS) > TOLERANCE_MS:
        raise EmulationError(
            f"the guest kernel does not keep time: {EXPECTED_RTT_MS} ms are set, and {least} to {most} ms measured"
        )
