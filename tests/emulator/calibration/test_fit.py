"""Times of packets in chains to costs of stages and their intervals: sums by hand, and noise of a known size."""

from __future__ import annotations

import math
import random

import pytest

from emulator.calibration.chains import CHAINS, DATAGRAM, FRAME, FRAMES_BYTES
from emulator.calibration.fit import Samples, estimate, line, spread, stage_costs
from emulator.cpu.table import Cost

STAGES = [chain.stages for chain in CHAINS]
COSTS = {
    FRAME: Cost(700, 0.03),
    "veth": Cost(300, 0.001),
    "socket": Cost(1000, 0.03),
    "bridge": Cost(350, 0),
    "forward": Cost(100, 0.0005),
    "rule": Cost(5, 0),
    "vxlan": Cost(400, 0.002),
    "geneve": Cost(450, 0.002),
    "ipip": Cost(200, 0),
    "openvswitch": Cost(500, 0.001),
    DATAGRAM: Cost(1200, 0.02),
    "ipsec": Cost(3000, 0.5),
    "user-space": Cost(2000, 0.09),
}
WITHOUT_PYTHON = dict.fromkeys(COSTS, 0.0)


def chain_ns(stages: dict[str, int], frame_bytes: int) -> float:
    return sum(times * COSTS[stage].of(frame_bytes) for stage, times in stages.items())


def samples(repetitions: int, noise: float, seed: int = 7) -> Samples:
    """Return the times of all chains with normal noise, as a part of each time."""
    source = random.Random(seed)  # noqa: S311 - no secret
    return {
        chain.stage: {
            size: [chain_ns(dict(chain.stages), size) * source.gauss(1, noise) for _ in range(repetitions)]
            for size in chain.frames_bytes
        }
        for chain in CHAINS
    }


def test_without_noise_each_stage_has_its_cost() -> None:
    found = estimate(STAGES, samples(3, 0), WITHOUT_PYTHON)
    assert found.keys() == COSTS.keys()
    for stage, cost in COSTS.items():
        assert found[stage].cost.packet_ns == pytest.approx(cost.packet_ns, abs=1e-6)
        assert found[stage].cost.byte_ns == pytest.approx(cost.byte_ns, abs=1e-9)
        assert found[stage].packet_ns == pytest.approx((cost.packet_ns, cost.packet_ns), abs=1e-6)


def test_intervals_hold_the_figure_and_mostly_the_truth() -> None:
    held = total = 0
    for seed in range(10):
        for stage, found in estimate(STAGES, samples(40, 0.05, seed), WITHOUT_PYTHON).items():
            assert 0 <= found.packet_ns[0] <= found.cost.packet_ns <= found.packet_ns[1]
            assert 0 <= found.byte_ns[0] <= found.cost.byte_ns <= found.byte_ns[1]
            held += found.packet_ns[0] <= COSTS[stage].packet_ns <= found.packet_ns[1]
            total += 1
    assert held / total > 0.85


def test_more_repetitions_make_intervals_narrower() -> None:
    few, many = (estimate(STAGES, samples(count, 0.05), WITHOUT_PYTHON)["vxlan"].packet_ns for count in (20, 500))
    assert many[1] - many[0] < (few[1] - few[0]) / 2


def test_the_same_samples_give_the_same_intervals() -> None:
    assert estimate(STAGES, samples(20, 0.1), WITHOUT_PYTHON) == estimate(STAGES, samples(20, 0.1), WITHOUT_PYTHON)


def test_a_stage_that_was_not_measured_is_left_out_and_so_is_what_needs_it() -> None:
    found = dict(samples(3, 0))
    del found["vxlan"]
    assert estimate(STAGES, found, WITHOUT_PYTHON).keys() == COSTS.keys() - {"vxlan"}
    del found["veth"]
    assert estimate(STAGES, found, WITHOUT_PYTHON).keys() == {FRAME, DATAGRAM, "ipsec"}
    assert estimate(STAGES, {}, WITHOUT_PYTHON) == {}


def test_a_repetition_that_does_not_count_is_passed_over() -> None:
    found = dict(samples(3, 0))
    found["bridge"] = {size: [None, column[1], None] for size, column in found["bridge"].items()}
    assert estimate(STAGES, found, WITHOUT_PYTHON)["bridge"].cost.packet_ns == pytest.approx(350)


def test_a_chain_that_is_faster_than_its_parts_costs_nothing() -> None:
    totals = {FRAME: {128: 700.0, 1500: 700.0}, "veth": {128: 690.0, 1500: 695.0}}
    assert stage_costs(STAGES[:2], totals, WITHOUT_PYTHON)["veth"] == Cost(0.0, 0.0)


def test_a_time_that_python_explains_nearly_whole_does_not_outweigh_the_others() -> None:
    """Without Python's part in the weights, the smallest size alone would say that the stage costs nothing."""
    totals = {FRAME: {128: 1.0, 512: 715.0, 1500: 745.0}}
    cost = stage_costs(STAGES[:1], totals, {FRAME: 800.0})[FRAME]
    assert cost.of(1500) == pytest.approx(745, rel=0.2)
    assert stage_costs(STAGES[:1], totals, WITHOUT_PYTHON)[FRAME].of(1500) < 40


@pytest.mark.parametrize(
    ("times", "cost"),
    [
        ({100: 20.0, 200: 30.0}, Cost(10.0, 0.1)),
        ({100: 5.0, 200: 30.0}, Cost(0.0, 0.13)),
        ({100: 30.0, 200: 20.0}, Cost(25.0, 0.0)),
        ({100: -30.0, 200: -20.0}, Cost(0.0, 0.0)),
        ({100: 30.0}, Cost(30.0, 0.0)),
    ],
)
def test_no_figure_of_a_line_is_below_nothing(times: dict[int, float], cost: Cost) -> None:
    found = line(times, dict.fromkeys(times, 1.0))
    assert (found.packet_ns, found.byte_ns) == pytest.approx((cost.packet_ns, cost.byte_ns))


def test_a_constrained_line_is_the_best_one_of_those_without_negative_figures() -> None:
    source = random.Random(3)  # noqa: S311 - no secret
    for _ in range(200):
        times = {size: source.gauss(0, 100) for size in FRAMES_BYTES}
        weights = {size: source.uniform(0.1, 1) for size in FRAMES_BYTES}

        def loss(cost: Cost, times: dict[int, float] = times, weights: dict[int, float] = weights) -> float:
            return sum(weights[size] * (ns - cost.of(size)) ** 2 for size, ns in times.items())

        found = line(times, weights)
        assert found.packet_ns >= 0
        assert found.byte_ns >= 0
        for packet_ns, byte_ns in ((1e-3, 0), (-1e-3, 0), (0, 1e-7), (0, -1e-7), (1e-3, -1e-7), (-1e-3, 1e-7)):
            other = Cost(max(found.packet_ns + packet_ns, 0), max(found.byte_ns + byte_ns, 0))
            assert loss(found) <= loss(other) + 1e-6


def test_the_spread_is_from_tenth_to_ninetieth_and_infinite_without_repetitions() -> None:
    assert spread([100.0] * 50) == 0
    assert spread([None, *(float(it) for it in range(1, 100))]) == pytest.approx(80 / 50)
    assert spread([None, 100.0]) == math.inf
