"""Scenarios beside overlays, routing, Docker and benchmarks, and traces of delay, in a running network."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from emulator.measure.echo import FRAME_BYTES
from tests.emulator.docker.archives import save
from tests.emulator.samples import MESH, Cli
from tests.emulator.scenario import LATE_NS

pytestmark = pytest.mark.usefixtures("guest_kernel")

_PING = "ping -n -4 -D -i 0.1 -W 1"
_ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
_BITS_MS = 2 * FRAME_BYTES * 8 / 1e6
_LATE_S = 0.02
"""The time that a shell and `ping` take to start; the scenario's clock starts before."""


_ARP_S = 1.3
"""The time until the kernel has repeated an ARP request, 1 s after the first, and packets pass."""
_CONNECT_S = 2 + 5
"""BIRD's `connect delay time` and `connect retry time` over Calico, the most that it waits before it connects."""


def echoes(output: str) -> dict[int, tuple[float, float]]:
    """Return when the echoes that were answered were sent, in seconds from the first one on, and their round trips.

    The round trips are in ms. The keys are the echoes' numbers from 0 on, in their order: answers that waited for a way
    may overtake each other.
    """
    found = re.findall(r"^\[([0-9.]+)\] .*icmp_seq=(\d+) .*time=([0-9.]+) ms", output, re.MULTILINE)
    sent = {int(number) - 1: (float(at_s) - float(rtt_ms) / 1000, float(rtt_ms)) for at_s, number, rtt_ms in found}
    return {number: (at_s - sent[0][0], rtt_ms) for number, (at_s, rtt_ms) in sorted(sent.items())}


def write(folder: Path, text: str) -> list[str]:
    """Write a scenario into a folder, and return the options that let it happen."""
    (folder / "storm.toml").write_text(text)
    return ["--scenario", str(folder / "storm.toml")]


@pytest.mark.parametrize("direction", ["there", "both"])
def test_a_trace_of_delay_is_followed_and_begins_again(gtsdsl: Cli, tmp_path: Path, direction: str) -> None:
    (tmp_path / "walk.csv").write_text("time_s,delay_ms\n0,0.2\n1,0.35\n2.5,0.7\n4,0.2\n")
    scenario = write(tmp_path, f'[[trace]]\nat = 0\nlink = "l1"\ndelay = "walk.csv"\ndirection = "{direction}"\n')
    found = measured(gtsdsl, scenario, 70)
    assert found.keys() == {*range(70)}
    assert found[69][0] > 7
    for number in range(1, 70):
        at_s, rtt_ms = found[number]
        if min(abs(at_s % 4 - change_s) for change_s in (0, 1, 2.5, 4)) < _LATE_S:
            continue
        there_ms = 0.2 if at_s % 4 < 1 else 0.35 if at_s % 4 < 2.5 else 0.7
        back_ms = there_ms if direction == "both" else 0.1
        assert rtt_ms == pytest.approx(there_ms + back_ms + _BITS_MS, abs=0.01), at_s


def test_a_trace_of_delay_that_ends_leaves_the_delay_of_before(gtsdsl: Cli, tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text("0,0.3\n1,0.3\n")
    scenario = write(tmp_path, '[[trace]]\nfrom = 1\nto = 2\nlink = "l1"\ndelay = "walk.csv"\nrepeat = false\n')
    found = measured(gtsdsl, scenario, 30)
    assert found[29][0] > 2.9
    for number in range(1, 30):
        at_s, rtt_ms = found[number]
        if min(abs(at_s - 1), abs(at_s - 2)) >= _LATE_S:
            one_way_ms = 0.3 if 1 < at_s < 2 else 0.1
            assert rtt_ms == pytest.approx(2 * one_way_ms + _BITS_MS, abs=0.01), at_s


def measured(gtsdsl: Cli, scenario: list[str], count: int) -> dict[int, tuple[float, float]]:
    """Return the echoes from AMS to MIL, which are 0.1 ms apart, beside a scenario."""
    options = ["--delay", "AMS-MIL=0.1ms", *scenario]
    done = gtsdsl("emulate", str(MESH), *options, "--exec", f"h1: {_PING} -c {count} h2")
    assert done.returncode == 0, done.stderr
    return echoes(done.stdout)


@pytest.mark.parametrize(
    ("overlay", "recovery_s"),
    [
        ("flannel:vxlan", _ARP_S),
        ("calico:bgp", _CONNECT_S + _ARP_S),
        ("geneve", _ARP_S),
        ("weave:fastdp", 20.3),  # a router tries again after 1 to 3 s, and waits half as long again after each failure
    ],
)
def test_a_host_that_is_killed_takes_its_containers_along_until_it_is_back(
    gtsdsl: Cli, tmp_path: Path, overlay: str, recovery_s: float
) -> None:
    scenario = write(tmp_path, '[[kill]]\nfrom = 2\nto = 5\nhost = "h2"\n')
    count = 60 + int(10 * recovery_s)
    pings = " & ".join(f"{_PING} -c {count} {name} > /tmp/{name}" for name in ("c2", "c3"))
    line = f"c1: {pings} & wait; cat /tmp/c3; echo; echo of c2; cat /tmp/c2"
    done = gtsdsl("emulate", str(MESH), "--overlay", overlay, *scenario, "--exec", line)
    assert done.returncode == 0, done.stderr
    other, killed = map(echoes, done.stdout.split("\nof c2\n"))
    assert other.keys() == {*range(count)}, done.stdout
    ((before, after),) = ((number, later) for number, later in pairwise(killed) if later != number + 1)
    assert after > before + 20
    assert 2 - 0.11 - _LATE_S < killed[before][0] < 2
    assert 5 - _LATE_S < killed[after][0] < 5 + recovery_s
    assert max(killed) == count - 1
    steady_ms = {rtt_ms for at_s, rtt_ms in killed.values() if 0 < at_s < 2 or at_s > 5 + recovery_s}
    assert steady_ms == {36.2}


def test_a_killed_host_takes_the_store_along_until_it_is_back(gtsdsl: Cli, tmp_path: Path) -> None:
    scenario = write(tmp_path, '[[kill]]\nfrom = 2\nto = 5\nhost = "h1"\n')
    done = gtsdsl(
        "emulate", str(MESH), "--overlay", "flannel", *scenario, "--json", str(tmp_path / "out.json"),
        "--exec", f"c2: sleep 30; {_PING} -c 3 c1", "--exec", f"h3: python3 -c {shlex.quote(_ASK)} http://h1:2379/health",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    happened = json.loads((tmp_path / "out.json").read_text())["scenario"]["happenings"]
    assert [item["error"] for item in happened] == [None] * 2
    assert len(echoes(done.stdout)) == 3
    assert '"health":"true"' in done.stdout  # later versions of etcd add a reason


@pytest.mark.parametrize(("routing", "most_s"), [("ospf,hello=1,dead=4", 1.1), ("bgp,hold=9", 0.1)])
def test_docker_hosts_find_a_way_round_a_cut(gtsdsl: Cli, tmp_path: Path, routing: str, most_s: float) -> None:
    image = save(tmp_path / "debian.tar")
    scenario = write(tmp_path, '[[cut]]\nat = "10s"\nlink = "l3"\n')
    options = ["--hosts", "docker", "--image", str(image), "--image-map", f"Ubuntu-14.04.qcow2={image}"]
    # a host of OSPF announces a change 5 s after the one before, at the earliest (RFC 2328)
    done = gtsdsl("emulate", str(MESH), *options, "--routing", routing, *scenario, "--exec", f"h1: {_PING} -c 150 h4")
    assert done.returncode == 0, done.stderr
    found = echoes(done.stdout)
    ((before, after),) = [*((a, b) for a, b in pairwise(found) if b != a + 1)] or [(99, 100)]
    assert found[after][0] - found[before][0] < most_s + 0.12
    for number, (at_s, rtt_ms) in found.items():
        if number not in {0, after}:
            assert round(rtt_ms, 1) == (17.4 if at_s < 10 else 39.2), (number, at_s)


def test_a_benchmark_measures_a_scenario_and_says_when_it_happened(gtsdsl: Cli, tmp_path: Path) -> None:
    scenario = write(tmp_path, '[[change]]\nfrom = 5\nto = 10\nlink = "l1"\ndelay = "20ms/30ms"\n')
    output = tmp_path / "report"
    done = gtsdsl(
        "bench", str(MESH), *scenario, "--overlays", "none", "--circuits", "AMS-MIL", "--workloads", "latency",
        "--duration", "15", "-o", str(output),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads((output / "results.json").read_text())["cells"]
    happened = [(item["text"], item["asked_ns"], item["error"]) for item in cell["scenario"]]
    assert [(asked_ns, error) for _, asked_ns, error in happened] == [(5 * 10**9, None), (10**10, None)]
    assert all(0 <= item["actual_ns"] - item["asked_ns"] < LATE_NS for item in cell["scenario"])
    (series,) = cell["measured"]["series"]  # an echo a second, of which the first is sent after some to warm up
    expected_ms = [36.2] * 5 + [50] * 5 + [36.2] * 5
    assert series["values"] == [pytest.approx(1000 * (rtt_ms + _BITS_MS), abs=5) for rtt_ms in expected_ms]
    report = (output / "report.md").read_text()
    assert all(text in report for text, _, _ in happened)
