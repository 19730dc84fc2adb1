"""The time to start and stop a network on this machine's kernel, beside Mininet's and beside a plain C program's.

All three make the same namespaces, links and addresses, one after the other. The fastest of several rounds counts,
because other programs on the machine only ever make a round slower. Needs root, and Mininet with its `mnexec`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from benchmarks import plain
from benchmarks.table import Row, show
from benchmarks.timing import Timing, awaiting_removal
from emulator.lab.lab import Lab
from emulator.measure.probe import probe
from emulator.plan import Options, Plan, plan
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed

_ROUNDS = 5
_IDEAL = Options(impaired=False, ipv6=False)
"""The networks that Mininet and the plain C program make, which have IPv4 only."""
_MESH = list(combinations(range(60), 2))

Pairs = Sequence[tuple[int, int]]


def main() -> int:
    """Print the table and return how many goals were missed."""
    if os.geteuid() != 0:
        sys.exit("the benchmark of the network needs root, because Mininet does: run it as root")
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        program = plain.compiled(Path(folder))
        rows = _beside("ring of 400 hosts", 400, [(host, (host + 1) % 400) for host in range(400)], program)
        rows += _beside("full mesh of 60 hosts, 1,770 links", 60, _MESH, program)
    rows += _dual_stack()
    rows += _large()
    return show("The network, on this machine's kernel, without impairments", rows)


def testbed(hosts: int, pairs: Pairs) -> Testbed:
    """Return a testbed of hosts ``h1``, ``h2`` … with a link for each pair."""
    ports: list[list[Port]] = [[] for _ in range(hosts)]
    links: list[Resource] = []
    adjacencies: list[Adjacency] = []
    for number, ends in enumerate(pairs, 1):
        links.append(Resource("link", f"l{number}", ports=(Port("src"), Port("dst"))))
        for host, end in zip(ends, ("src", "dst"), strict=True):
            ports[host].append(Port(f"p{number}"))
            adjacencies.append(Adjacency(PortRef(f"h{host + 1}", f"p{number}"), PortRef(f"l{number}", end)))
    host_resources = [Resource("host", f"h{host + 1}", "AMS", ports=tuple(ports[host])) for host in range(hosts)]
    return Testbed("Bench", "Bench", resources=(*host_resources, *links), adjacencies=tuple(adjacencies))


def _beside(what: str, hosts: int, pairs: Pairs, program: Path) -> list[Row]:
    planned = plan(testbed(hosts, pairs), _IDEAL)
    own, plain_c = [], []
    for _ in range(_ROUNDS):
        plain_c.append(plain.measure(program, hosts, pairs))
        own.append(_measure(planned))
    mine, kernel = _best(own), _best(plain_c)
    rows = [
        Row(f"{what}: up", f"{mine.up_s:.2f} s, plain C {kernel.up_s:.2f} s", "", None),
        _ratio("  times as long as plain C", mine.up_s / kernel.up_s, "at most 1.5", at_most=1.5),
        Row(f"{what}: down", f"{mine.down_s:.2f} s, plain C {kernel.down_s:.2f} s", "", None),
        _ratio("  times as long as plain C", mine.down_s / kernel.down_s, "at most 1.5", at_most=1.5),
    ]
    stock = _mininet(hosts, pairs)
    if stock is None:
        return [*rows, Row("  Mininet", "has no mnexec here: apt-get install mininet", "", None)]
    return [
        *rows,
        Row("  Mininet, up and down", f"{stock.up_s:.1f} s, {stock.down_s:.1f} s", "", None),
        _ratio("  times faster up than Mininet", stock.up_s / mine.up_s, "at least 10", at_least=10),
        _ratio("  times faster down than Mininet", stock.down_s / mine.down_s, "at least 10", at_least=10),
    ]


def _dual_stack() -> list[Row]:
    """Compare the same mesh in both families with IPv4 only, in turns, because the machine's speed changes."""
    bed = testbed(60, _MESH)
    only, both = plan(bed, _IDEAL), plan(bed, replace(_IDEAL, ipv6=True))
    pairs = [(_measure(only).up_s, _measure(both).up_s) for _ in range(_ROUNDS)]
    only_s, both_s = (min(column) for column in zip(*pairs, strict=True))
    return [
        Row("full mesh of 60 hosts, IPv4 and IPv6: up", f"{both_s:.2f} s, IPv4 only {only_s:.2f} s", "", None),
        _ratio("  times as long as IPv4 only", both_s / only_s, "at most 1.3", at_most=1.3),
    ]


def _measure(planned: Plan) -> Timing:
    with awaiting_removal() as wait:
        began_s = time.monotonic()
        with Lab(planned):
            up_s = time.monotonic() - began_s
            began_s = time.monotonic()
        return Timing(up_s, time.monotonic() - began_s + wait())


def _mininet(hosts: int, pairs: Pairs) -> Timing | None:
    if shutil.which("mnexec") is None:
        return None
    numbers = [str(number) for pair in pairs for number in pair]
    line = ["unshare", "--net", "--mount", sys.executable, "-m", "benchmarks.mininet_beside", str(hosts), *numbers]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    up_s, down_s = (float(word) for word in done.stdout.split()[-2:])
    return Timing(up_s, down_s)


def _large() -> list[Row]:
    """Measure 1,000 hosts in a circle, each joined to the next four."""
    hosts = 1000
    pairs = [(host, (host + far) % hosts) for host in range(hosts) for far in range(1, 5)]
    planned = plan(testbed(hosts, pairs), replace(_IDEAL, ipv6=True))
    with awaiting_removal() as wait:
        before = _used_bytes()
        began_s = time.monotonic()
        with Lab(planned) as lab:
            up_s = time.monotonic() - began_s
            per_host = (_used_bytes() - before) / hosts
            seen = probe(lab, count=1, warm_up=0)
            answered = sum(1 for circuit in seen.circuits if circuit.lost == 0)
            began_s = time.monotonic()
        down_s = time.monotonic() - began_s + wait()
    return [
        Row("1,000 hosts, 4,000 links: up, down", f"{up_s:.1f} s, {down_s:.1f} s", "", None),
        Row("  circuits whose ends answer", f"{answered} of 4000", "all", answered == len(planned.circuits) == 4000),
        Row(
            "  memory an idle host, its 8 links included",
            f"{per_host / 2**20:.2f} MB",
            "at most 1 MB",
            per_host <= 2**20,
        ),
    ]


def _used_bytes() -> int:
    """Return the used memory of the machine in bytes, with the kernel's own."""
    pages = {line.split(":")[0]: int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()}
    return (pages["MemTotal"] - pages["MemAvailable"]) * 1024


def _best(timings: Sequence[Timing]) -> Timing:
    return Timing(min(timing.up_s for timing in timings), min(timing.down_s for timing in timings))


def _ratio(what: str, ratio: float, goal: str, *, at_most: float = float("inf"), at_least: float = 0) -> Row:
    return Row(what, f"{ratio:.2f}", goal, at_least <= ratio <= at_most)
