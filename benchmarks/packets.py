"""Numbered UDP packets over the circuit of two hosts, in both directions at once, and which of them arrive when.

A host runs this file, too, as the sender or the receiver.
"""

from __future__ import annotations

import bisect
import json
import math
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

_PORT = 9999
_HEAD = struct.Struct("!IQ")
_REST = bytes(100)
_FIRST_S, _PATIENCE_S = 60.0, 6.0
"""The time for which a receiver waits for the first packet, and for each other one."""


class Arrivals(NamedTuple):
    """The packets that arrived over one direction, in their order: their numbers, and their delays."""

    numbers: list[int]
    delays_ns: list[int]

    @property
    def delays_ms(self) -> list[float]:
        """The delays in milliseconds."""
        return [delay_ns / 1e6 for delay_ns in self.delays_ns]

    @property
    def overtaken(self) -> int:
        """The number of packets that came right after a packet that was sent later."""
        return sum(after < before for before, after in pairwise(self.numbers))


def exchange(
    emulate: Callable[..., subprocess.CompletedProcess[str]], count: int, gap_s: float, *options: str
) -> tuple[Arrivals, Arrivals]:
    """Return what arrives at h2, and at h1, when each sends ``count`` packets to the other.

    ``emulate`` runs `gtsdsl emulate` in a virtual clock on a topology of these hosts, with further options.
    """
    run = f"python3 {__file__}"
    # -s 0: ping would wait for as long as the time stamp of a corrupted answer says
    done = emulate(
        *options,
        "--exec", f"h1: {run} receive > /tmp/h1.json &",
        "--exec", f"h2: {run} receive > /tmp/h2.json &",
        "--exec", "h1: ping -q -s 0 -c 50 -i 0.01 -W 1 h2 > /dev/null; true",
        "--exec", f"h2: {run} send h1 {count} {gap_s} &",
        "--exec", f"h1: {run} send h2 {count} {gap_s}",
        "--exec", f"h2: sleep {_PATIENCE_S + 2}; cat /tmp/h2.json /tmp/h1.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there, back = (Arrivals(*json.loads(line)) for line in done.stdout.splitlines())
    return there, back


def distance(samples: Sequence[float], expected: Sequence[float]) -> float:
    """Return the largest difference between the cumulative distributions of two samples (Kolmogorov and Smirnov)."""
    first, second = sorted(samples), sorted(expected)
    return max(
        abs(bisect.bisect_right(first, at) / len(first) - bisect.bisect_right(second, at) / len(second))
        for at in (*first, *second)
    )


def largest_distance(number: int, of_expected: float = math.inf) -> float:
    """Return the `distance` that one case in a thousand exceeds, of ``number`` samples from a distribution.

    ``of_expected`` is the number of samples in place of the distribution, if it is known by samples only.
    """
    return 1.95 * math.sqrt(1 / number + 1 / of_expected)


def _send(target: str, count: int, gap_s: float) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    time.sleep(1)
    for number in range(count):
        sender.sendto(_HEAD.pack(number, time.time_ns()) + _REST, (target, _PORT))
        time.sleep(gap_s)


def _receive() -> None:
    """Receive until nothing arrives any more; print the numbers of the packets, and their delays in nanoseconds."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", _PORT))
    receiver.settimeout(_FIRST_S)
    numbers, delays_ns = [], []
    while True:
        try:
            number, sent_ns = _HEAD.unpack_from(receiver.recv(2000))
        except TimeoutError:
            break
        numbers.append(number)
        delays_ns.append(time.time_ns() - sent_ns)
        receiver.settimeout(_PATIENCE_S)
    print(json.dumps([numbers, delays_ns]))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        _send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        _receive()
