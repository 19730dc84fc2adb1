"""Flavors: named sizes, sizes in figures, and texts that are not a flavor."""

from __future__ import annotations

import pytest

from emulator.flavors import Flavor, flavor, flavor_limits
from emulator.system.errors import EmulationError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("tiny", Flavor(1, 2**29, 2**30)),
        ("large", Flavor(4, 2**33, 80 * 2**30)),
        ("c2r4h20", Flavor(2, 4 * 2**30, 20 * 2**30)),
    ],
)
def test_a_flavor_has_a_size(text: str, size: Flavor) -> None:
    assert flavor(text) == size


@pytest.mark.parametrize("text", ["", "huge", "c0r1h1", "c2r4", "C2r4h20", "c2r4h20 ", "c9999999r1h1"])
def test_other_texts_are_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(EmulationError, match="is not a flavor: write it as c2r4h20, or as one of tiny, small"):
        flavor(text)


def test_a_host_without_a_flavor_has_no_limits() -> None:
    assert flavor_limits(None) == (None, None)
    assert flavor_limits("small") == (1, 2**31)
