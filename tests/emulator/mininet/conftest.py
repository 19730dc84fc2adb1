"""A network of three hosts in a line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from tests.emulator.topologies import joined

_IDEAL = Options(impaired=False)


@pytest.fixture
def trio() -> Iterator[EmulatedNetwork]:
    """Hosts a, b and c in a line."""
    with EmulatedNetwork(plan(joined([("a", "b"), ("b", "c")]), _IDEAL)) as network:
        yield network
