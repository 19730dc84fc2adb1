"""Addresses that a user states, and those that the rest gets beside them."""

from __future__ import annotations

import pytest

from emulator.plan import Options, PlanError, plan
from gtsdsl import rules
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.topology.addresses import addresses, ipv6_addresses, ipv6_loopbacks, loopbacks
from gtsdsl.topology.model import Topology
from gtsdsl.topology.stated import Attribute, conflicts, parse_stated
from tests.targets.samples import host, link, wired

IPV4_PORT, IPV6_PORT = ("ipv4", False), ("ipv6", False)
IPV4_HOST, IPV6_HOST = ("ipv4", True), ("ipv6", True)


def line(**attributes: Value) -> Testbed:
    """Return three hosts in a line; an attribute ``a_p_ipv4`` is one of the port ``a.p``, ``a_ipv4`` one of ``a``."""

    def stated(name: str, *ports: str) -> Resource:
        found = [Port(port, _of(attributes, f"{name}_{port}_")) for port in ports]
        return Resource("host", name, "AMS", _of(attributes, f"{name}_"), tuple(found))

    hosts = [stated("a", "p"), stated("b", "p", "q"), stated("c", "p")]
    return wired(hosts, [(link("l1"), "a.p", "b.p"), (link("l2"), "b.q", "c.p")])


def _of(attributes: dict[str, Value], prefix: str) -> dict[str, Value]:
    return {name: attributes[f"{prefix}{name}"] for name in ("ipv4", "ipv6") if f"{prefix}{name}" in attributes}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (IPV4_PORT, "192.0.2.1/30"),
        (IPV4_PORT, "192.0.2.0/31"),
        (IPV4_PORT, "192.0.2.1/32"),
        (IPV6_PORT, "2001:db8::/127"),
        (IPV6_PORT, "2100::1/64"),
        (IPV4_HOST, "192.0.2.0"),
        (IPV6_HOST, "fd00::"),
    ],
)
def test_addresses_that_an_interface_can_have(kind: tuple[Attribute, bool], text: str) -> None:
    attribute, is_own = kind
    length = {"ipv4": 32, "ipv6": 128}[attribute]
    assert str(parse_stated(attribute, text, is_own=is_own)) == (f"{text}/{length}" if is_own else text)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (IPV4_PORT, "192.0.2.1", "with a prefix length"),
        (IPV4_PORT, "192.0.2.1/33", "with a prefix length"),
        (IPV4_PORT, "192.0.2.1/255.255.255.0", "with a prefix length"),
        (IPV4_PORT, "2001:db8::1/64", "not an IPv4 address"),
        (IPV6_PORT, "192.0.2.1/30", "not an IPv6 address"),
        (IPV6_PORT, "2001:db8::1%eth0/64", "not an IPv6 address"),
        (IPV4_HOST, "192.0.2.1/32", "without a prefix length"),
        (IPV4_PORT, 7, "not an IPv4 address"),
        (IPV4_PORT, ["192.0.2.1/30"], "not an IPv4 address"),
        (IPV4_PORT, "192.0.2.0/30", "the address of its network"),
        (IPV4_PORT, "192.0.2.3/30", "the broadcast address"),
        (IPV6_PORT, "2001:db8::/64", "the address of its network"),
        (IPV4_PORT, "169.254.1.1/16", "link-local"),
        (IPV6_PORT, "fe80::1/64", "link-local"),
        (IPV4_PORT, "224.0.0.1/24", "multicast"),
        (IPV6_HOST, "ff02::1", "multicast"),
        (IPV6_HOST, "::1", "no other machine can reach"),
        (IPV6_HOST, "::", "no other machine can reach"),
        (IPV4_HOST, "250.0.0.1", "reserved"),
        (IPV6_HOST, "::ffff:192.0.2.1", "an IPv4 address in IPv6"),
    ],
)
def test_addresses_that_no_interface_can_have(kind: tuple[Attribute, bool], value: Value, said: str) -> None:
    attribute, is_own = kind
    with pytest.raises(ValueError, match=said):
        parse_stated(attribute, value, is_own=is_own)


def test_what_is_not_stated_stays_and_the_far_end_gets_the_subnet() -> None:
    before = Topology.of(line())
    topology = Topology.of(line(a_p_ipv4="192.0.2.1/30", b_q_ipv6="2100::1/64", b_ipv4="1.2.3.4"))
    given = {str(port): str(address) for port, address in addresses(topology).items()}
    assert given == {"a.p": "192.0.2.1/30", "b.p": "192.0.2.2/30", "b.q": "10.0.0.2/31", "c.p": "10.0.0.3/31"}
    given = {str(port): str(address) for port, address in ipv6_addresses(topology).items()}
    assert (given["b.q"], given["c.p"]) == ("2100::1/64", "2100::2/64")
    assert ipv6_addresses(topology).items() >= {it for it in ipv6_addresses(before).items() if it[0].resource == "a"}
    assert loopbacks(topology) == {**loopbacks(before), "b": loopbacks(topology)["b"]}
    assert str(loopbacks(topology)["b"]) == "1.2.3.4"
    assert ipv6_loopbacks(topology) == ipv6_loopbacks(before)


def test_a_pool_leaves_out_what_is_stated() -> None:
    topology = Topology.of(line(a_p_ipv4="10.0.0.3/29", c_ipv4="100.64.0.1", c_ipv6="fd74:e102:a04c:ffff::2"))
    given = {str(port): str(address) for port, address in addresses(topology).items()}
    assert given == {"a.p": "10.0.0.3/29", "b.p": "10.0.0.1/29", "b.q": "10.0.0.10/31", "c.p": "10.0.0.11/31"}
    assert [str(it) for it in loopbacks(topology).values()] == ["100.64.0.2", "100.64.0.3", "100.64.0.1"]
    assert [str(it)[-1] for it in ipv6_loopbacks(topology).values()] == ["1", "3", "2"]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"a_p_ipv4": "192.0.2.1/30", "b_p_ipv4": "192.0.2.5/30"}, "in two subnets: 192.0.2.5/30 and 192.0.2.1/30"),
        ({"a_p_ipv6": "2100::1/64", "b_p_ipv6": "2100::2/80"}, "in two subnets"),
        ({"a_p_ipv4": "192.0.2.1/30", "c_p_ipv4": "192.0.2.1/30"}, "port `a.p` and port `c.p` both have 192.0.2.1"),
        ({"a_ipv6": "2100::1", "b_ipv6": "2100::1"}, "host `a` and host `b` both have 2100::1"),
        ({"a_p_ipv4": "192.0.2.1/24", "c_p_ipv4": "192.0.2.9/30"}, "overlap"),
        ({"a_p_ipv4": "192.0.2.1/24", "c_ipv4": "192.0.2.9"}, "overlap"),
        ({"a_p_ipv4": "192.0.2.1/32"}, "too small for the 2 ports in it"),
    ],
)
def test_addresses_that_contradict_each_other_are_found_and_refused(stated: dict[str, Value], said: str) -> None:
    testbed = line(**stated)
    (conflict,) = conflicts(Topology.of(testbed))
    assert said in conflict.message
    (finding,) = rules.apply(testbed, Source("x", ""))
    assert (finding.code, finding.message) == ("GTS033", conflict.message)
    with pytest.raises(PlanError) as caught:
        plan(testbed, Options())
    assert conflict.message in str(caught.value)


def test_ports_between_which_a_switch_forwards_take_no_address() -> None:
    switch = Resource("vsi", "s", "AMS", {}, (Port("p", {"ipv4": "192.0.2.1/30"}), Port("q")))
    links = [(link("l1"), "a.p", "s.p"), (link("l2"), "b.p", "s.q")]
    testbed = wired([host("a", "AMS", "p"), switch, host("b", "AMS", "p")], links)
    (finding,) = (it for it in rules.apply(testbed, Source("x", "")) if it.code == "GTS033")
    assert "port `s.p` can have no address" in finding.message
