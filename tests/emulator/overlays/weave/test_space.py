"""The addresses of a host: the lowest free one first, and halves for others."""

from __future__ import annotations

import pytest

from emulator.overlays.weave.space import Space, largest_network


def space(*ranges: tuple[int, int], used: set[int] | None = None) -> Space:
    found = Space()
    found.set_ranges(ranges)
    found.used = used or set()
    return found


def test_the_lowest_free_address_of_a_range_is_taken() -> None:
    found = space((100, 103), (200, 300))
    assert [found.allocate((101, 201)) for _ in range(4)] == [101, 102, 200, None]
    assert found.free_count((0, 1000)) == 100
    assert list(found.free((0, 1000))) == [(100, 101), (201, 300)]


def test_what_is_not_the_hosts_is_not_given() -> None:
    assert space().allocate((0, 1000)) is None
    assert space((100, 200)).allocate((0, 100)) is None


def test_a_donation_is_at_most_half_and_a_network_where_possible() -> None:
    # the figures of Weave's own test
    assert space((100, 200), used={150}).donate((0, 1000)) == (0xA0, 0xC0)
    assert space((0, 3), used={0, 2}).donate((0, 1000)) == (1, 2)
    assert space((0, 3), used={0, 1, 2}).donate((0, 1000)) is None
    assert space((0, 256)).donate((0, 256)) == (128, 256)
    assert space((0, 1)).donate((0, 1)) == (0, 1)


@pytest.mark.parametrize(
    ("part", "network"),
    [((0, 256), (0, 256)), ((1, 256), (128, 256)), ((1, 2), (1, 2)), ((3, 9), (4, 8)), ((5, 7), (5, 6))],
)
def test_the_largest_network_in_a_range(part: tuple[int, int], network: tuple[int, int]) -> None:
    assert largest_network(*part) == network
