"""Changes of a running circuit."""

from __future__ import annotations

import pytest

from emulator.lab.circuits import set_state
from emulator.lab.lab import Lab
from emulator.measure.echo import Echo
from emulator.netlink import links
from emulator.plan import Options, plan
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("a", "b"), ("b", "c")]), Options(impaired=False))


def test_a_circuit_that_comes_up_again_has_its_routes() -> None:
    (first, second), near, far = PLAN.circuits[0].ends, PLAN.hosts[0], PLAN.hosts[2]
    with Lab(PLAN) as lab, Echo(lab.namespace(near.name), near.loopback) as echo:
        for end in first, second:
            set_state(lab, end, is_up=False)
        assert not echo.send(far.loopback, 1)
        with lab.netlink(first.node) as netlink:
            assert [state.is_up for state in links.all_links(netlink) if state.index == first.index] == [False]
        for end in first, second:
            set_state(lab, end, is_up=True)
        assert any(echo.round_trip_ns(far.loopback, number, 2.0) is not None for number in range(2, 7))
