"""Losses, duplicates, wrong bits and overtaking, as the packets of a circuit see them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

from benchmarks.packets import exchange
from emulator.netlink.draws import draws
from tests.emulator.samples import Cli, with_link

_COUNT = 10_000
_GAP_S = 0.0001
_FRAME_BITS = 8 * 154
"""The bits of a packet of `exchange`, with the headers of Ethernet, IPv4 and UDP."""
_UNSEEN_BITS = 49
"""The bits whose error nothing notices: 48 of the sender's Ethernet address, and the group bit of the receiver's."""


def near(count: int, number: int, percent: float) -> bool:
    """Return whether ``count`` of ``number`` is a share within four standard errors."""
    part = percent / 100
    return abs(count - number * part) <= 4 * math.sqrt(number * part * (1 - part))


def correlated(percent: float, correlation_percent: float) -> float:
    """Return the percentage of packets that netem affects of a correlated share, from a million random numbers."""
    part = correlation_percent / 100
    now, count, number = 0.5, 0, 1_000_000
    for draw in itertools.islice(draws(1), number):
        now = (1 - part) * draw / 2**32 + part * now
        count += now <= percent / 100
    return 100 * count / number


def test_a_loss_in_bursts_has_the_rates_of_its_states_and_is_the_same_in_each_run(emulate: Cli, pair: Path) -> None:
    with_link(pair, 'delay = "5ms"; loss = "gemodel 2% 20%/gemodel 1% 50%"')
    arrivals = exchange(emulate, _COUNT, _GAP_S)
    for seen, to_bad, to_good in zip(arrivals, (2, 1), (20, 50), strict=True):
        arrived = set(seen.numbers)
        is_lost = [number not in arrived for number in range(_COUNT)]
        changes = Counter(pairwise(is_lost))
        assert near(changes[False, True], is_lost.count(False), to_bad)
        assert near(changes[True, False], is_lost.count(True), to_good)
    assert exchange(emulate, _COUNT, _GAP_S) == arrivals


def test_shares_of_packets_are_lost_and_corrupted(emulate: Cli, pair: Path) -> None:
    """A receiver drops a packet with a wrong bit, unless the bit is in a header that no checksum covers."""
    with_link(pair, 'delay = "5ms"; loss = "5%/0%"; corrupt = "0%/5%"')
    lossy, noisy = exchange(emulate, _COUNT, _GAP_S)
    for seen in (lossy, noisy):
        assert seen.numbers == sorted(set(seen.numbers))
    assert near(_COUNT - len(lossy.numbers), _COUNT, 5)
    assert near(_COUNT - len(noisy.numbers), _COUNT, 5 * (1 - _UNSEEN_BITS / _FRAME_BITS))


def test_shares_of_packets_come_twice_or_overtake(emulate: Cli, pair: Path) -> None:
    with_link(pair, 'delay = "5ms"; duplicate = "5%/0%"; reorder = "0%/5%"')
    twice, early = exchange(emulate, _COUNT, _GAP_S)
    counts = Counter(twice.numbers)
    assert set(counts) == set(range(_COUNT))
    assert set(counts.values()) == {1, 2}
    assert near(sum(count == 2 for count in counts.values()), _COUNT, 5)
    assert sorted(early.numbers) == list(range(_COUNT))
    assert near(early.overtaken, _COUNT, 5)


def test_a_gap_holds_overtaking_packets_apart(emulate: Cli, pair: Path) -> None:
    """With 100 %, each fifth packet overtakes; with less, some of those do, and never two in five."""
    with_link(pair, 'delay = "5ms"; reorder = "100% gap 5/50% gap 5"')
    each, some = exchange(emulate, 5000, _GAP_S)
    for seen in (each, some):
        assert sorted(seen.numbers) == list(range(5000))
    early = [[at for at, after in pairwise(seen.numbers) if after < at] for seen in (each, some)]
    assert {after - at for at, after in pairwise(early[0])} == {5}
    assert min(after - at for at, after in pairwise(early[1])) == 5
    assert near(len(early[1]), 5000, 100 / (4 + 2))


def test_correlated_shares_cluster_and_all_effects_are_the_same_in_each_run(emulate: Cli, pair: Path) -> None:
    """Netem's correlated random numbers are seldom small, so it affects fewer packets than the share says."""
    with_link(
        pair,
        'delay = "5ms"; loss = "30% 50%/0%"; duplicate = "0%/30% 50%"; corrupt = "5% 25%/0%"; '
        'reorder = "5% 25% gap 3/5%"',
    )
    arrivals = exchange(emulate, _COUNT, _GAP_S)
    lossy, twice = arrivals
    share = correlated(30, 50)
    counts = Counter(twice.numbers)
    is_twice = [counts[number] == 2 for number in range(_COUNT)]
    assert 0.9 < sum(is_twice) / _COUNT / (share / 100) < 1.1
    changes = Counter(pairwise(is_twice))
    assert changes[True, True] / is_twice.count(True) > 1.5 * share / 100
    lost = _COUNT - len(set(lossy.numbers))
    assert 0.9 < lost / _COUNT / (share / 100) < 1.2  # and a few with wrong bits
    assert exchange(emulate, _COUNT, _GAP_S) == arrivals
