"""The interface of a `flanneld`, the topologies that suit it, and the subnets that it knows."""

from __future__ import annotations

import pytest

from emulator.agents.model import AgentProgram
from emulator.netlink.state import KernelState, Route, TunnelPeer
from emulator.options import OverlayOptions
from emulator.overlays.flannel.real import ExternalInterface, known_subnets, misfits, shared_ends
from emulator.overlays.spec import make_spec
from emulator.plan import plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined, ring

PROGRAM = AgentProgram("flanneld", "0.28.10", "/opt/flanneld", "0" * 64)
STAR = plan(joined([("a", "s"), ("b", "s"), ("c", "s")], switches=["s"]))
PAIR = plan(joined([("a", "b")]))
RING = plan(ring(4))


def test_hosts_on_a_switch_and_two_hosts_of_a_circuit_share_a_network() -> None:
    assert shared_ends(STAR, ("a", "b", "c")) == {
        "a": ExternalInterface("a-eth0", "10.0.0.1", "fd74:e102:a04c:1::1"),
        "b": ExternalInterface("b-eth0", "10.0.0.2", "fd74:e102:a04c:1::2"),
        "c": ExternalInterface("c-eth0", "10.0.0.3", "fd74:e102:a04c:1::3"),
    }
    assert shared_ends(PAIR, ("a", "b")).keys() == {"a", "b"}
    assert shared_ends(RING, tuple(host.name for host in RING.hosts)) == {}


def test_only_host_gw_needs_all_hosts_in_one_ethernet() -> None:
    hosts = tuple(host.name for host in RING.hosts)
    assert [len(list(misfits(RING, hosts, variant, PROGRAM))) for variant in ("vxlan", "udp", "wireguard")] == [0, 0, 0]
    assert len(list(misfits(RING, hosts, "host-gw", PROGRAM))) == 1
    assert list(misfits(STAR, ("a", "b", "c"), "host-gw", PROGRAM)) == []


def test_the_subnets_of_other_hosts_are_in_the_kernel_or_in_the_log_of_udp() -> None:
    state = KernelState(
        routes=(Route("10.244.1.0/24", "cni0"), Route("10.244.2.0/24", "flannel.1", "10.244.2.0")),
        tunnel_peers=(TunnelPeer("flannel-wg", "100.64.0.3:51820", "key", ("10.244.3.0/24",)),),
    )
    assert known_subnets("vxlan", state, "") == {"10.244.2.0/24", "10.244.3.0/24"}
    log = "I0101 Subnet added: 10.244.4.0/24\nI0101 Subnet added: 10.244.5.0/24\nI0101 Subnet removed: 10.244.4.0/24\n"
    assert known_subnets("udp", state, log) == {"10.244.5.0/24"}


@pytest.mark.usefixtures("flanneld")
def test_a_specification_has_the_program_of_each_host_that_runs_one() -> None:
    spec = make_spec(STAR, OverlayOptions("flannel:host-gw", agent="b=real"))
    assert spec.programs.keys() == {"b"}
    assert make_spec(STAR, OverlayOptions("flannel", agent="built-in")).programs == {}
    with pytest.raises(EmulationError, match="flannel host-gw: flanneld forwards to neighbours on one interface only"):
        make_spec(RING, OverlayOptions("flannel:host-gw", agent="real"))
