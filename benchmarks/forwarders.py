"""The processor time of a packet that an overlay forwards in user space, from a TCP connection of 10 s at 1 Gbit/s.

A packet's processor time is that of all of the run but its start: the forwarders of both hosts, the guest's kernel, the
acknowledgements, and iperf3 at both ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.exactness import MESH
from benchmarks.processor import processor_s
from benchmarks.table import Row

_FLOW_S = 10
_SERVER = "c2: iperf3 --server --one-off > /dev/null &"
_CLIENT = f"c1: sleep 1; iperf3 --json --time {_FLOW_S} -c c2"
_MOST_US, _MOST_S = 60, 60


def rows(overlay: str) -> Iterator[Row]:
    """Measure an overlay, such as ``flannel:udp``, and yield its rows."""
    start_s = min(processor_s(lambda: _run(overlay, "--exec", "c1: sleep 12")) for _ in range(2))
    said: list[str] = []
    began_s = time.monotonic()
    whole_s = processor_s(lambda: said.append(_run(overlay, "--exec", _SERVER, "--exec", _CLIENT)))
    took_s = time.monotonic() - began_s
    flow = json.loads(said[0])
    packets = flow["end"]["sum_received"]["bytes"] / flow["start"]["tcp_mss_default"]
    packet_us = (whole_s - start_s) / packets * 1e6
    goal = f"at most {_MOST_US} µs"
    yield Row("  processor time a packet of TCP, iperf3 included", f"{packet_us:.0f} µs", goal, packet_us <= _MOST_US)
    rate_bps = flow["end"]["sum_received"]["bits_per_second"]
    figure = f"{took_s:.1f} s, {rate_bps / 1e6:.0f} Mbit/s"
    goal = f"at most {_MOST_S} s"
    yield Row(f"  TCP at 1 Gbit/s for {_FLOW_S} s, whole command", figure, goal, took_s <= _MOST_S)


def _run(overlay: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--clock", "virtual", "--overlay", overlay]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
