"""The search for the largest packet."""

from __future__ import annotations

import pytest

from emulator.overlays.weave.pmtu import UNKNOWN_MTU_BYTES, PathMtu
from tests.emulator.overlays.weave.manual import ManualLoop


class Path:
    """A path that passes packets up to a size, of which the first ``lost`` tests are lost."""

    def __init__(self, passes: int, lost: int = 0) -> None:
        self.loop = ManualLoop()
        self.passes = passes
        self.lost = lost
        self.sent: list[int] = []
        self.search = PathMtu(self.loop, 62, self._test)

    def _test(self, mtu_bytes: int) -> None:
        self.sent.append(mtu_bytes)
        if self.lost:
            self.lost -= 1
        elif mtu_bytes <= self.passes:
            self.loop.call_later(0.005, lambda: self.search.acknowledged(mtu_bytes))


def test_what_the_kernel_says_is_verified() -> None:
    path = Path(1438)
    assert path.search.mtu_bytes == UNKNOWN_MTU_BYTES
    path.search.refused(1500)
    path.loop.advance(1)
    assert path.search.mtu_bytes == 1438
    assert path.sent == [1438]


@pytest.mark.parametrize("passes", [552, 553, 900, 1437])
def test_less_than_the_kernel_says_is_found_by_halves(passes: int) -> None:
    path = Path(passes)
    path.search.refused(1500)
    path.loop.skip(60)
    assert path.search.mtu_bytes == passes
    assert path.sent[:9] == [1438] * 8 + [(552 + 1438) // 2]


def test_a_lost_test_is_repeated_after_twice_the_time() -> None:
    path = Path(1438, lost=2)
    path.search.refused(1500)
    path.loop.advance(0.02)
    assert path.sent == [1438] * 2
    path.loop.advance(0.05)
    assert path.sent == [1438] * 3
    assert path.search.mtu_bytes == 1438


def test_a_second_refusal_counts_only_if_it_names_less() -> None:
    path = Path(1338)
    path.search.refused(1500)
    path.search.refused(1500)
    assert path.sent == [1438]
    path.search.refused(1400)
    path.loop.advance(0.1)
    assert path.sent == [1438, 1338]
    assert path.search.mtu_bytes == 1338


def test_a_stopped_search_sends_no_more() -> None:
    path = Path(0)
    path.search.refused(1500)
    path.search.stop()
    path.loop.skip(60)
    assert path.sent == [1438]
