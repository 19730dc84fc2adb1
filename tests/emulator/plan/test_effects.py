"""Random delays in a plan, and that the kernel draws those that are computed here."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import gtsdsl
from emulator.measure.echo import FRAME_BYTES
from emulator.netlink.draws import draws
from emulator.plan import Options, plan
from emulator.plan.build import with_seed
from emulator.plan.effects import balanced_seed
from emulator.session import emulate
from gtsdsl.circuits import Circuit, Circuits, as_measured
from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import TABLE_SIZE
from tests.emulator.topologies import joined

WIDE = Distribution((0, 0.9, 1), (0, 10_000, 90_000))
PAIR = Path(__file__).parents[3] / "examples" / "point_to_point" / "ams_bra.dsl"


def of(added: Distribution) -> Circuits:
    """Return a circuit between Amsterdam and Bratislava with random delays."""
    return Circuits(circuits={("AMS", "BRA"): Circuit(("AMS", "BRA"), 20, 20, 20, False, "given", "", added=added)})


def test_one_end_has_the_random_delays_of_the_round_trip() -> None:
    (circuit,) = plan(gtsdsl.load(PAIR), Options(circuits=of(WIDE))).circuits
    first, second = (end.egress for end in circuit.ends)
    assert first is not None
    assert second is not None
    assert (first.added, second.added) == (None, WIDE)
    assert second.queue_packets - first.queue_packets == 90_000 * 1000 // (8 * 1500)


def test_a_link_with_its_own_delay_has_no_random_ones() -> None:
    testbed = joined([("a", "b", "1ms")], sites={"a": "AMS", "b": "BRA"})
    (circuit,) = plan(testbed, Options(circuits=of(WIDE))).circuits
    assert [end.egress and end.egress.added for end in circuit.ends] == [None, None]


def test_another_seed_is_another_plan_with_all_seeds() -> None:
    one = plan(gtsdsl.load(PAIR), Options(circuits=of(WIDE), seed=1))
    two = plan(gtsdsl.load(PAIR), Options(circuits=of(WIDE), seed=2))
    assert one != two
    assert (with_seed(one, 2), with_seed(two, 1)) == (two, one)


def test_a_balanced_seed_has_the_mean_of_a_wide_distribution() -> None:
    for seed in range(1, 9):
        found = balanced_seed(seed, 20_000_000, WIDE, 1)
        table = WIDE.samples_us(TABLE_SIZE)
        delays_us = [table[draw % TABLE_SIZE] for draw in itertools.islice(draws(found), 500, 2180)]
        assert sum(delays_us) / 1680 == pytest.approx(WIDE.mean_us, rel=0.015)  # its standard error is 4.6 %


def test_a_narrow_distribution_keeps_its_seed() -> None:
    assert balanced_seed(7, 20_000_000, Distribution((0, 1), (0, 100)), 1) == 7


def test_a_network_of_many_circuits_keeps_its_seeds() -> None:
    assert balanced_seed(7, 20_000_000, WIDE, 1000) == 7


@pytest.mark.usefixtures("guest_kernel")
def test_the_kernel_adds_the_delays_that_the_plan_says_in_their_order() -> None:
    circuits = of(Distribution((0, 0.5, 1), (0, 20_000, 30_000)))
    (circuit,) = plan(gtsdsl.load(PAIR), Options(circuits=circuits)).circuits
    egress = circuit.second.egress
    assert egress is not None
    table = circuits.circuits["AMS", "BRA"].added.samples_us(TABLE_SIZE)  # type: ignore[union-attr]
    with emulate(PAIR, circuits=circuits) as network:
        said = network["h1"].run(["ping", "-c", "20", "h2"]).stdout
        crowded = network["h1"].run(["ping", "-i", "0.001", "-c", "100", "h2"]).stdout
    found_ms = [float(item) for item in re.findall(r"time=([\d.]+) ms", said)][1:]  # the first one waits for ARP
    drawn_ms = [20 + table[draw % TABLE_SIZE] / 1000 for draw in itertools.islice(draws(egress.seed), 24)]
    sent_ms = 2 * FRAME_BYTES * 8 / 1e6
    starts = [it for it in range(5) if found_ms == pytest.approx(
        [ms + sent_ms for ms in drawn_ms[it : it + 19]], abs=0.06)]  # fmt: skip
    assert len(starts) == 1
    assert [int(it) for it in re.findall(r"icmp_seq=(\d+)", crowded)] == list(range(1, 101))


def test_the_study_is_three_overlays() -> None:
    assert [name for name in ("libnetwork", "weave", "flannel", "none") if as_measured(name)] == [
        "libnetwork", "weave", "flannel",
    ]  # fmt: skip
