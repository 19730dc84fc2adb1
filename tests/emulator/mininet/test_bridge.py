"""Linux bridges as switches."""

from __future__ import annotations

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks


_BRIDGES = Options(impaired=False, switch="bridge")


def test_bridges_forward() -> None:
    edges = [("a", "s1"), ("b", "s2"), ("s1", "s2"), ("c", "s2")]
    with EmulatedNetwork(plan(joined(edges, ("s1", "s2")), _BRIDGES)) as network:
        assert network.pingAll() == 0
        with pytest.raises(EmulationError, match="s1 is a Linux bridge, which has no flows"):
            network["s1"].dpctl("dump-flows")
