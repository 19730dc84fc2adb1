"""Jitter, as packets see it: its distribution, and the order of packets."""

from __future__ import annotations

import random
import re
import statistics
from pathlib import Path

import pytest

from benchmarks.packets import distance, exchange, largest_distance
from gtsdsl.model.jitter import quantiles
from tests.emulator.samples import Cli, with_link

_COUNT = 1000


@pytest.mark.parametrize(("gap_s", "overtaking"), [(0.1, False), (0.001, True), (0.0001, True)])
def test_delays_spread_evenly_whatever_the_spacing(emulate: Cli, pair: Path, gap_s: float, overtaking: bool) -> None:
    with_link(pair, 'delay = "50ms"; jitter = "10ms"')
    for seen in exchange(emulate, _COUNT, gap_s):
        assert len(seen.numbers) == _COUNT
        assert 39.9 < min(seen.delays_ms) < 41
        assert 59 < max(seen.delays_ms) < 60.1
        assert statistics.quantiles(seen.delays_ms, n=4) == pytest.approx([45, 50, 55], abs=1.5)
        assert (seen.overtaken > _COUNT / 4) if overtaking else (seen.overtaken == 0)


@pytest.mark.parametrize("shapes", [("normal", "pareto"), ("paretonormal", "uniform")])
def test_delays_have_the_shape_of_the_jitter(emulate: Cli, pair: Path, shapes: tuple[str, str]) -> None:
    """The tolerance is that of 4,000 draws in 999 of 1,000 cases; the seed is fixed, so the result is too."""
    with_link(pair, f'delay = "20ms"; jitter = "2ms {shapes[0]}/3ms {shapes[1]}"')
    arrivals = exchange(emulate, 4000, 0.001)
    for seen, shape, jitter_ms in zip(arrivals, shapes, (2, 3), strict=True):
        expected = [20 + jitter_ms * it for it in quantiles(shape)]  # type: ignore[arg-type]
        assert len(seen.numbers) == 4000
        assert distance(seen.delays_ms, expected) < largest_distance(4000)


def test_packets_keep_their_order_or_not_as_asked(emulate: Cli, pair: Path) -> None:
    """The same jitter in both directions, and packets much closer than it."""
    with_link(pair, 'delay = "20ms"; jitter = "2ms normal"; order = "kept/free"')
    kept, free = exchange(emulate, 2000, 0.0002)
    assert kept.numbers == list(range(2000))
    assert sorted(free.numbers) == list(range(2000))
    assert free.overtaken > 500


@pytest.fixture(scope="module")
def measured_ms() -> list[float]:
    """Delays with a long tail and two modes."""
    generator = random.Random(12)  # noqa: S311 - samples, not secrets
    return [round(generator.choice((8, 11)) + generator.lognormvariate(0, 0.8), 3) for _ in range(3000)]


def test_one_way_delays_have_the_distribution_of_measured_ones(
    emulate: Cli, pair: Path, measured_ms: list[float]
) -> None:
    """In both directions, in order or not; and the delays are the same in each run."""
    (pair.parent / "samples.csv").write_text("one_way_ms\n" + "".join(f"{it}\n" for it in measured_ms))
    options = ("--delay-from", f"AMS-MIL={pair.parent}/samples.csv")
    apart = exchange(emulate, 2000, 0.05, *options)
    close = exchange(emulate, 2000, 0.001, *options, "--order", "free")
    for seen in (*apart, *close):
        assert distance(seen.delays_ms, measured_ms) < largest_distance(2000)
        assert statistics.fmean(seen.delays_ms) == pytest.approx(statistics.fmean(measured_ms), rel=0.02)
    assert all(seen.overtaken > 500 for seen in close)
    assert exchange(emulate, 2000, 0.001, *options, "--order", "free") == close


def test_round_trips_have_the_distribution_of_measured_ones(emulate: Cli, pair: Path, measured_ms: list[float]) -> None:
    (pair.parent / "samples.csv").write_text("rtt_us\n" + "".join(f"{1000 * it:.0f}\n" for it in measured_ms))
    done = emulate("--delay-from", str(pair.parent / "samples.csv"), "--exec", "h1: ping -c 2001 -i 0.1 h2")
    assert done.returncode == 0, done.stderr
    round_trips_ms = [float(it) for it in re.findall(r"time=([0-9.]+) ms", done.stdout)][1:]  # the first has ARP
    assert len(round_trips_ms) == 2000
    # ping shows three digits, so the samples are rounded in the same way
    shown_ms = [round(it, 1 if it >= 10 else 2) for it in measured_ms]
    assert distance(round_trips_ms, shown_ms) < largest_distance(2000)


def test_jitter_can_come_and_go_while_the_network_runs(emulate: Cli, tmp_path: Path) -> None:
    """A change leaves nothing of the effect before, such as its table of delays."""
    script = tmp_path / "script.py"
    script.write_text(
        "from emulator.mininet.impair import impair\n"
        "h1, h2 = net.get('h1', 'h2')\n"
        "for words in ('jitter 1ms', 'jitter 2ms loss 100%', 'jitter 1ms normal loss 0%', 'jitter 1ms',\n"
        "              'jitter 0ms corrupt 5% 10% reorder 25% 50% gap 5 loss 1% 25%',\n"
        "              'corrupt 0% reorder 0% loss 0%'):\n"
        "    impair(net, 'l1', words.split())\n"
        "    queues = h1.cmd('tc qdisc show dev h1-eth0').splitlines()\n"
        "    found = [word for word in queues[0].split() if word in ('corrupt', 'reorder', 'loss', 'gap')]\n"
        "    print(len(queues), *found, h1.cmd('ping -q -c 3 h2').splitlines()[-2])\n"
    )
    done = emulate("--script", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "2", "2", "2", "1", "1"]
    assert [" 0% packet loss" in line for line in lines[:4]] == [True, False, True, True], lines
    assert [lines[4].split()[1:5], lines[5].split()[1]] == [["loss", "reorder", "corrupt", "gap"], "3"], lines
