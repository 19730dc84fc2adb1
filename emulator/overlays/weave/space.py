"""The addresses that a host owns: which are free, and which it gives to another host. It follows Weave's `space.go`.

An address is an integer here, and a range a pair: its first address, and the one after its last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]


class Space:
    """The ranges that a host owns, and the addresses in them that are in use."""

    def __init__(self) -> None:
        self.ranges: tuple[Range, ...] = ()
        self.used: set[int] = set()

    def set_ranges(self, ranges: Iterable[Range]) -> None:
        """Take the ranges that the ring says are this host's."""
        self.ranges = tuple(ranges)

    def allocate(self, within: Range) -> int | None:
        """Take the lowest free address of a range into use; None if no address is free."""
        chunk = next(self.free(within), None)
        if chunk is None:
            return None
        self.used.add(chunk[0])
        return chunk[0]

    def free(self, within: Range) -> Iterator[Range]:
        """Yield the parts of a range that are this host's and free, in their order."""
        for first, end in self.ranges:
            at, last = max(first, within[0]), min(end, within[1])
            for used in sorted(it for it in self.used if at <= it < last):
                if at < used:
                    yield at, used
                at = used + 1
            if at < last:
                yield at, last

    def free_count(self, within: Range) -> int:
        """Return the number of free addresses in a range."""
        return sum(end - first for first, end in self.free(within))

    def donate(self, within: Range) -> Range | None:
        """Return what another host gets of a range: at most half of what is free there; None if nothing is.

        The part is aligned as a network is, if that is possible. It stays in `ranges` until the ring has changed.
        """
        best: Range | None = None
        for chunk in self.free(within):
            aligned = largest_network(*chunk)
            if best is None or _size(aligned) >= _size(best):
                best = aligned
        if best is None:
            return None
        if _size(best) > self.free_count(within) // 2:
            return best[0] + _size(best) // 2, best[1]
        return best


def largest_network(first: int, end: int) -> Range:
    """Return the largest part of a range whose size is a power of two and divides its first address."""
    size = 1 << (end - first).bit_length() - 1
    while size > 1:
        start = -(-first // size) * size
        if start + size <= end:
            return start, start + size
        size //= 2
    return first, first + 1


def _size(part: Range) -> int:
    return part[1] - part[0]
