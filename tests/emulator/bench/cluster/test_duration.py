"""The time of a benchmark on several threads, from the time of its cells."""

from __future__ import annotations

import pytest

from benchmarks.cluster import duration_s


@pytest.mark.parametrize(("threads", "expected_s"), [(1, 10.0), (2, 5.0), (3, 4.0), (100, 4.0)])
def test_each_free_thread_takes_the_longest_cell(threads: int, expected_s: float) -> None:
    assert duration_s([1.0, 2.0, 3.0, 4.0], threads) == expected_s
