"""One subnet a broadcast domain, a /31 where it is a single circuit."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Interface

import pytest

from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.topology.addresses import IPV6_POOL, ipv6_addresses, link_local, pool_addresses
from gtsdsl.topology.domains import domains
from gtsdsl.topology.model import Topology
from gtsdsl.topology.stated import Address
from tests.hostile import hostile_testbed
from tests.targets.samples import host, link, pair, triangle, wired


def _network(address: Address) -> IPv4Network:
    return IPv4Network(str(address), strict=False)


def _shown(testbed: Testbed) -> dict[str, str]:
    return {str(port): str(address) for port, address in pool_addresses(Topology.of(testbed)).items()}


def test_two_hosts_share_a_31() -> None:
    assert _shown(pair()) == {"h1.p": "10.0.0.0/31", "h2.p": "10.0.0.1/31"}


def test_switches_make_one_subnet_and_control_ports_none_of_it() -> None:
    assert _shown(triangle()) == {
        "h1.p": "10.0.0.1/29",
        "h2.p": "10.0.0.2/29",
        "bms.p": "10.0.0.3/29",
        "ctrl.p": "10.0.0.8/31",
        "fabric.ctl": "10.0.0.9/31",
        "h1.q": "10.0.0.10/31",
        "h2.q": "10.0.0.11/31",
        "r1.p": "10.0.0.12/31",
        "h3.p": "10.0.0.13/31",
    }


@pytest.mark.parametrize(("count", "prefix"), [(1, 30), (2, 31), (3, 29), (6, 29), (7, 28), (300, 23)])
def test_a_star_takes_the_smallest_subnet_that_holds_it(count: int, prefix: int) -> None:
    switch = Resource("vsi", "s1", None, {}, tuple(Port(f"p{index}") for index in range(count)))
    hosts = [host(f"h{index}", None, "p") for index in range(count)]
    testbed = wired([switch, *hosts], [(link(f"l{index}"), f"h{index}.p", f"s1.p{index}") for index in range(count)])
    plan = pool_addresses(Topology.of(testbed))
    assert len(set(plan.values())) == count
    networks = {_network(address) for address in plan.values()}
    assert len(networks) == 1
    network = networks.pop()
    assert network.prefixlen == prefix
    if prefix < 31:
        assert {network.network_address, network.broadcast_address}.isdisjoint(plan_.ip for plan_ in plan.values())


def test_no_address_is_given_twice() -> None:
    plan = pool_addresses(Topology.of(hostile_testbed()))
    assert len({address.ip for address in plan.values()}) == len(plan) > 100


def test_both_ends_of_a_link_are_in_the_same_subnet() -> None:
    plan = pool_addresses(Topology.of(triangle()))
    for ports in domains(Topology.of(triangle())):
        assert len({_network(plan[port]) for port in ports}) == 1


def test_a_circuit_has_a_127_and_a_domain_of_switches_a_64() -> None:
    given = {str(port): str(address) for port, address in ipv6_addresses(Topology.of(triangle())).items()}
    assert given == {
        "h1.p": "fd74:e102:a04c:1::1/64",
        "h2.p": "fd74:e102:a04c:1::2/64",
        "bms.p": "fd74:e102:a04c:1::3/64",
        "ctrl.p": "fd74:e102:a04c::2/127",
        "fabric.ctl": "fd74:e102:a04c::3/127",
        "h1.q": "fd74:e102:a04c::4/127",
        "h2.q": "fd74:e102:a04c::5/127",
        "r1.p": "fd74:e102:a04c::6/127",
        "h3.p": "fd74:e102:a04c::7/127",
    }
    hostile = [IPv6Interface(str(it)) for it in ipv6_addresses(Topology.of(hostile_testbed())).values()]
    assert len({it.ip for it in hostile}) == len(hostile) > 100
    assert all(it.network.subnet_of(IPV6_POOL) for it in hostile)


def test_a_link_local_address_follows_from_the_mac_address() -> None:
    assert link_local("02:00:00:00:00:01") == "fe80::ff:fe00:1/64"
    assert link_local("52:54:00:12:34:56") == "fe80::5054:ff:fe12:3456/64"
