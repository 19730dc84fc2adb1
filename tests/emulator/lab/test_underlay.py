"""The underlay of a plan: namespaces and circuits, without any process."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.lab.lab import Lab
from emulator.lab.namespace import Namespace
from emulator.lab.underlay import empty_namespace, parse_address
from emulator.measure.echo import Echo
from emulator.netlink import state
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from gtsdsl.topology.stated import Address
from tests.emulator.topologies import joined

IDEAL = Options(impaired=False, switch="bridge")
LINE = plan(joined([("a", "b"), ("b", "c")]), IDEAL)
SWITCHED = plan(joined([("a", "s1"), ("b", "s2"), ("s1", "s2")], ("s1", "s2")), IDEAL)


def links_of(namespace: Namespace) -> dict[str, bool]:
    """Return the names of a namespace's interfaces, each with whether it is up.

    The interfaces that this kernel makes in each namespace, such as `tunl0`, are left out.
    """
    new = empty_namespace()
    try:
        own = {link.name for link in state.read(new).links} - {"lo"}
    finally:
        os.close(new)
    return {link.name: link.is_up for link in state.read(namespace.descriptor).links if link.name not in own}


@pytest.mark.networks
def test_each_host_has_its_own_interfaces_and_all_are_up() -> None:
    with Lab(LINE) as lab:
        underlay = lab.underlay
        assert underlay.switches is None
        assert {name: links_of(namespace) for name, namespace in underlay.namespaces.items()} == {
            "a": {"lo": True, "a-eth0": True},
            "b": {"lo": True, "b-eth0": True, "b-eth1": True},
            "c": {"lo": True, "c-eth0": True},
        }


@pytest.mark.networks
def test_hosts_have_addresses_and_routes_over_other_hosts() -> None:
    with Lab(LINE) as lab:
        underlay = lab.underlay
        node = underlay.namespace("a").descriptor
        addresses = set(state.read(node).addresses)
        with Handle(node) as kernel:
            route = kernel.route_to("100.64.0.3")
    assert addresses >= {InterfaceAddress("lo", "100.64.0.1/32"), InterfaceAddress("a-eth0", "10.0.0.0/31")}
    assert (route.interface, route.gateway, route.source) == ("a-eth0", "10.0.0.1", "100.64.0.1")


@pytest.mark.networks
def test_a_kernel_without_ipv6_gets_a_network_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.lab.lab.has_ipv6", lambda: False)
    with Lab(LINE) as lab, Echo(lab.namespace("a"), "100.64.0.1") as echo:
        assert lab.plan == plan(joined([("a", "b"), ("b", "c")]), replace(IDEAL, ipv6=False))
        assert echo.round_trip_ns("100.64.0.3", 1, 2.0) is not None
        with pytest.raises(OSError, match="assign requested address"):
            Echo(lab.namespace("a"), LINE.hosts[0].ipv6_loopback or "")


@pytest.mark.networks
def test_switches_share_a_namespace_with_the_ends_of_all_their_circuits() -> None:
    with Lab(SWITCHED) as lab:
        underlay = lab.underlay
        assert underlay.namespace("s1") is underlay.namespace("s2") is underlay.switches
        assert underlay.namespaces.keys() == {"a", "b"}
        ends = {end.name for end in SWITCHED.ends if end.node in ("s1", "s2")}
        assert links_of(underlay.namespace("s1")).keys() == {"lo", *ends}


@pytest.mark.networks
def test_a_host_and_a_circuit_are_added_to_a_network_that_runs() -> None:
    with Lab(LINE) as lab:
        underlay = lab.underlay
        underlay.add_host("d", ["100.64.9.9"])
        circuit = underlay.add_circuit(("c", 1), ("d", 0))
        assert (circuit.id, underlay.circuits[-1]) == ("c-eth1-d-eth0", circuit)
        assert links_of(underlay.namespace("c")) == {"lo": True, "c-eth0": True, "c-eth1": True}
        added = state.read(underlay.namespace("d").descriptor)
        assert InterfaceAddress("lo", "100.64.9.9/32") in added.addresses
        assert {it.interface for it in added.addresses} == {"lo"}
        planned = {end.mac for end in LINE.ends}
        assert not planned & {end.mac for end in circuit.ends}


@pytest.mark.networks
def test_a_name_stands_for_one_node_and_namespaces_end_with_the_underlay() -> None:
    with Lab(SWITCHED) as lab:
        underlay = lab.underlay
        descriptors = underlay.descriptors
        assert len(descriptors) == 3
        for name in ("a", "s1"):
            with pytest.raises(EmulationError, match=f"there is a node '{name}' already"):
                underlay.hold(name, descriptors[0])
        with pytest.raises(KeyError):
            underlay.namespace("nobody")
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_an_address_has_a_prefix_length() -> None:
    assert parse_address("10.0.0.1/31") == Address(IPv4Address("10.0.0.1"), 31)
    for text in ("10.0.0.1", "10.0.0/31", "10.0.0.1/x"):
        with pytest.raises(ValueError, match=r"."):
            parse_address(text)
