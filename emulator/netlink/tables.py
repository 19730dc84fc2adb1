"""netem's tables of delays, of which it draws one entry for each packet (``tabledist`` in the kernel)."""

from __future__ import annotations

import struct
from functools import cache

from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import TABLE_SIZE, Shape, quantiles

SCALE, MOST = 8192, 2**15 - 1
"""An entry of a table that stands for the jitter (``NETEM_DIST_SCALE``), and the largest entry."""


@cache
def shape_table(shape: Shape) -> bytes:
    """Return the table of a jitter's shape; a uniform jitter has none, because netem computes it."""
    return b"" if shape == "uniform" else _packed([round(SCALE * it) for it in quantiles(shape)])


def drawn(delay_ns: int, added: Distribution) -> tuple[int, int, bytes]:
    """Return the delay, the jitter and the table with which netem draws from a distribution.

    An entry ``t`` of the table is the delay ``delay + jitter * t / 8192``. The entries have 16 bits, so the delays are
    exact to the 65,534th part of the distance between the least and the longest one.
    """
    middle_ns = round(500 * (added.least_us + added.most_us))
    jitter_ns = -(-round(500 * (added.most_us - added.least_us)) * SCALE // MOST)
    return delay_ns + middle_ns, jitter_ns, _added_table(added, middle_ns, jitter_ns) if jitter_ns else b""


@cache
def _added_table(added: Distribution, middle_ns: int, jitter_ns: int) -> bytes:
    return _packed([round((1000 * it - middle_ns) * SCALE / jitter_ns) for it in added.samples_us(TABLE_SIZE)])


def _packed(entries: list[int]) -> bytes:
    return struct.pack(f"={len(entries)}h", *entries)
