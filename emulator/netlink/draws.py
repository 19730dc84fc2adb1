"""The random numbers that netem draws, as Linux computes them from netem's seed."""

from __future__ import annotations

from collections.abc import Iterator

_U32_MAX = 2**32 - 1


def draws(seed: int) -> Iterator[int]:
    """Yield the numbers of 32 bits that a netem with a seed draws, one for each packet that gets a random delay.

    They are those of Linux's ``prandom_u32_state`` after ``prandom_seed_state``: the generator LFSR113 (L'Ecuyer,
    1999). netem takes the entry of its table whose number is a draw modulo the table's size (``tabledist``).
    """
    start = (seed >> 32 ^ seed << 10 ^ seed) & _U32_MAX
    s1, s2, s3, s4 = (start + least if start < least else start for least in (2, 8, 16, 128))
    while True:
        s1 = ((s1 & 0xFFFFFFFE) << 18 & _U32_MAX) ^ ((s1 << 6 & _U32_MAX) ^ s1) >> 13
        s2 = ((s2 & 0xFFFFFFF8) << 2 & _U32_MAX) ^ ((s2 << 2 & _U32_MAX) ^ s2) >> 27
        s3 = ((s3 & 0xFFFFFFF0) << 7 & _U32_MAX) ^ ((s3 << 13 & _U32_MAX) ^ s3) >> 21
        s4 = ((s4 & 0xFFFFFF80) << 13 & _U32_MAX) ^ ((s4 << 3 & _U32_MAX) ^ s4) >> 12
        yield s1 ^ s2 ^ s3 ^ s4
