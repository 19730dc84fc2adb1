"""Changes of a running circuit."""

from __future__ import annotations

import subprocess

import pytest

from emulator.lab.circuits import set_state
from emulator.lab.lab import Lab
from emulator.measure.echo import Echo
from emulator.netlink import links
from emulator.plan import Options, plan
from tests.emulator.topologies import joined
from tests.emulator.waiting import wait_for

pytestmark = pytest.mark.networks

PLAN = plan(joined([("a", "b"), ("b", "c")]), Options(impaired=False))


@pytest.mark.parametrize("family", [4, 6])
def test_a_circuit_that_comes_up_again_has_its_routes(family: int) -> None:
    (first, second), near, far = PLAN.circuits[0].ends, PLAN.hosts[0], PLAN.hosts[2]
    source, target = (host.loopback if family == 4 else host.ipv6_loopback or "" for host in (near, far))
    with Lab(PLAN) as lab, Echo(lab.namespace(near.name), source) as echo:
        for end in first, second:
            set_state(lab, end, is_up=False)
        assert not echo.send(target, 1)
        with lab.netlink(first.node) as netlink:
            assert [state.is_up for state in links.all_links(netlink) if state.index == first.index] == [False]
        for end in first, second:
            set_state(lab, end, is_up=True)
        assert any(echo.round_trip_ns(target, number, 2.0) is not None for number in range(2, 7))


def test_an_interface_that_comes_up_again_is_as_before() -> None:
    end, show = PLAN.circuits[0].first, "ip -6 address show dev a-eth0; ip -6 route; ip -6 neighbour"
    with Lab(PLAN) as lab:
        wait_for(lambda: "state UP" in _output(lab, show))
        before = _output(lab, show)
        assert f"{end.link_local} scope link" in before
        assert "PERMANENT" in before
        set_state(lab, end, is_up=False)
        assert _output(lab, show) != before
        for _ in range(2):  # one that is up stays as it is
            set_state(lab, end, is_up=True)
            wait_for(lambda: _output(lab, show) == before)  # the kernel tells of the carrier somewhat later


def _output(lab: Lab, line: str) -> str:
    """Return the sorted lines that a command prints in the first host."""
    child = lab.processes.popen(lab.namespace("a"), ["sh", "-c", line], stdout=subprocess.PIPE)
    return "\n".join(sorted(child.communicate()[0].decode().splitlines()))
