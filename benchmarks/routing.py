"""The time without answers after a cut, with OSPF on the five-site mesh, beside the time that its timers give.

The formula is in docs/routing.md. Its inputs are what the daemons did: the hellos in a capture, and the times at which
BIRD started OSPF, from which its ticks follow.
"""

from __future__ import annotations

import math
import re
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.table import Row, show
from emulator import Session, emulate

MESH = Path(__file__).parents[1] / "examples" / "full_mesh.dsl"
ECHOES = Path(__file__).with_name("echoes.py")

NEAR, FAR, CIRCUIT = "h1", "h4", "l3"
"""AMS and BRA, and the circuit that joins them. Both reach each other by PRA (h5) when it is cut."""
DELAY_S, DETOUR_S = 0.0087, 0.01395 + 0.00565
"""One-way delays of the circuit, and of the detour, by which the announcement of a change comes too."""
_FIRST_TICK_S = 0.1
"""The time from the start of OSPF to its first tick (`ospf_start` in BIRD's proto/ospf/ospf.c)."""
_QUIET_S = 20.0
_OSPF, _OSPF_HELLO = 89, 1
_EARLY_S = 1.0
_MOST_MS = 10.0


def main() -> int:
    """Print the table and return how many goals were missed."""
    return show("OSPF, in the virtual clock", list(_rows()))


def _rows() -> Iterator[Row]:
    for timers in ({"hello": 1, "dead": 4}, {"hello": 10, "dead": 40}, {"hello": 2, "dead": 7, "tick": 3}):
        text = ",".join(["ospf", *(f"{name}={value}" for name, value in timers.items())])
        with emulate(MESH, routing=text) as net:
            for what, words in (("a cut", ("down",)), ("a silent cut", ("loss", "100%"))):
                measured_s, given_s = outage_s(net, words, timers)
                error_ms = (measured_s - given_s) * 1000
                figure = f"{measured_s:.3f} s; the timers give {given_s:.3f} s; {error_ms:+.1f} ms"
                yield Row(f"{text}: without answers after {what}", figure, "±10 ms", abs(error_ms) <= _MOST_MS)


def outage_s(net: Session, words: Sequence[str], timers: Mapping[str, int]) -> tuple[float, float]:
    """Cut the circuit and repair it; return the time without answers, measured and as the timers give it."""
    hello_s, dead_s, tick_s = timers["hello"], timers["dead"], timers.get("tick", 1)
    is_silent = words[0] != "down"
    net.sleep(_QUIET_S)
    started_s = {host: _ospf_start_s(net, host) for host in (NEAR, FAR)}
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        path = Path(folder) / "circuit.pcap"
        with net.capture(CIRCUIT, path):
            net.sleep(2 * hello_s + 0.3)
            cut_s = float(net[NEAR].cmd("date +%s.%N"))
            net.link(CIRCUIT, *words)
            if is_silent:  # no end can notice before a dead interval after the hello before
                net.sleep(max(0.0, dead_s - hello_s - _EARLY_S))
            answered_s = _first_answer_s(net, (hello_s if is_silent else 0) + 2 * tick_s + 2 * _EARLY_S)
        noticed_s = {NEAR: cut_s, FAR: cut_s}
        if is_silent:
            noticed_s = {host: time_s + dead_s for host, time_s in _last_hellos_s(path.read_bytes(), cut_s).items()}
    net.link(CIRCUIT, *(("loss", "0%") if is_silent else ("up",)))
    return answered_s - cut_s, _given_s(noticed_s, started_s, tick_s) - cut_s


def _first_answer_s(net: Session, duration_s: float) -> float:
    """Send echoes for some time, and return when the first one that was answered was sent."""
    address = net.plan.loopback(FAR)
    said = net[NEAR].run([sys.executable, str(ECHOES), address, str(duration_s)], check=True).stdout
    return float(said.split()[0])


def _given_s(noticed_s: dict[str, float], started_s: dict[str, float], tick_s: int) -> float:
    """Return the time of the first echo from `NEAR` that is answered, from the times at which each end notices."""

    def tick_from(host: str, time_s: float) -> float:
        first_s = started_s[host] + _FIRST_TICK_S
        return first_s + math.ceil((time_s - first_s) / tick_s) * tick_s

    announced_s = {host: tick_from(host, noticed_s[host]) for host in noticed_s}
    changed_s = {
        host: min(announced_s[host], tick_from(host, announced_s[other] + DETOUR_S))
        for host, other in ((NEAR, FAR), (FAR, NEAR))
    }
    # the far end answers by its own route, when the echo has come
    return max(changed_s[NEAR], changed_s[FAR] - DETOUR_S)


def _ospf_start_s(net: Session, host: str) -> float:
    said = net[host].cmd("birdc show protocols ospf4")
    match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)", said)
    if match is None:
        raise AssertionError(f"BIRD says no time: {said}")
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()


def _last_hellos_s(pcap: bytes, cut_s: float) -> dict[str, float]:
    """Return when each end received its last hello before the cut, from a capture at the near end."""
    seconds_of_unit = 1e-9 if pcap[:4] == b"\x4d\x3c\xb2\xa1" else 1e-6
    found: dict[str, float] = {}
    position = 24
    while position < len(pcap):
        whole_s, parts, length, _ = struct.unpack_from("<IIII", pcap, position)
        time_s, frame = whole_s + parts * seconds_of_unit, pcap[position + 16 : position + 16 + length]
        position += 16 + length
        if length < 36 or frame[12:14] != b"\x08\x00" or frame[23] != _OSPF or frame[35] != _OSPF_HELLO:
            continue
        if frame[29] % 2:  # the second end of the circuit has the odd address of the /31
            if time_s <= cut_s + DELAY_S:
                found[NEAR] = time_s
        elif time_s <= cut_s:
            found[FAR] = time_s + DELAY_S
    return found
