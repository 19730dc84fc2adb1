"""Open vSwitch as switches."""

from __future__ import annotations

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks
_IDEAL = Options(impaired=False)


def test_open_vswitch_forwards_and_a_loop_is_no_storm() -> None:
    edges = [("a", "s1"), ("b", "s2"), ("s1", "s2"), ("s2", "s3"), ("s3", "s1")]
    made = plan(joined(edges, ("s1", "s2", "s3")), _IDEAL)
    try:
        with EmulatedNetwork(made) as network:
            assert network.pingAll() == 0
            before = _received(network)
            network["a"].cmd("ping -c 1 -b 10.0.0.255; sleep 1")
            # a frame that went round would be here by the thousand
            assert _received(network) - before < 500
            assert "Bridge s1" in network["s1"].cmd("ovs-vsctl show")
            assert "actions=NORMAL" in network["s1"].dpctl("dump-flows")
            with pytest.raises(EmulationError, match="ovs-ofctl failed"):
                network["s1"].dpctl("nonsense")
    except EmulationError as error:
        if "apt-get install" in str(error) or "/dev/net/tun" in str(error):
            pytest.skip(str(error))
        raise


def _received(network: EmulatedNetwork) -> int:
    text = network["s1"].cmd("cat /proc/net/dev")
    return sum(int(line.split()[2]) for line in text.splitlines() if "s1-eth" in line)
