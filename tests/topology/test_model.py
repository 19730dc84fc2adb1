"""A testbed becomes nodes and wires, in the order of the file."""

from __future__ import annotations

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.topology.model import Topology
from tests.targets.samples import host, link, pair, triangle, wired


def test_a_wire_has_its_ends_in_the_order_of_the_links_ports() -> None:
    hosts, l1 = [host("a", None, "p"), host("b", None, "p")], link("l1")
    adjacencies = (
        Adjacency(PortRef("l1", "dst"), PortRef("b", "p")),
        Adjacency(PortRef("a", "p"), PortRef("l1", "src")),
    )
    (wire,) = Topology.of(Testbed("T", "T", resources=(l1, *hosts), adjacencies=adjacencies)).wires
    assert (wire.link, *wire.ends) == (l1, PortRef("a", "p"), PortRef("b", "p"))


def test_nested_testbeds_are_flat() -> None:
    inner = pair()
    nested = Testbed("Sample", "s1", resources=inner.resources, adjacencies=inner.adjacencies)
    topology = Topology.of(Testbed("T", "T", resources=(nested, host("h3", None))))
    assert list(topology.nodes) == ["s1/h1", "s1/h2", "h3"]
    assert [wire.link.id for wire in topology.wires] == ["s1/l1"]


def test_a_link_that_does_not_join_two_ports_is_loose() -> None:
    testbed = wired(
        [host("a", None, "p"), host("b", None, "p")], [(link("l1"), "a.p", "b.p"), (link("l2"), "a.x", "b.p")]
    )
    topology = Topology.of(testbed)
    assert [wire.link.id for wire in topology.wires] == ["l1"]
    assert [loose.id for loose in topology.loose_links] == ["l2"]


def test_a_node_is_a_switch_or_a_host_and_a_port_for_control_or_frames() -> None:
    topology = Topology.of(triangle())
    assert [node.id for node in topology.switches] == ["fabric", "s1", "s9"]
    assert {node.cls for node in topology.hosts} == {"host", "baremetalserver", "router"}
    assert topology.control_ports == {PortRef("fabric", "ctl")}
    assert PortRef("fabric", "a") in topology.bridged_ports
    assert topology.bridged_ports.isdisjoint(topology.control_ports)


def test_a_hosts_port_is_never_one_of_a_switch() -> None:
    control = Resource("host", "h1", ports=(Port("p", {"mode": "CONTROL"}), Port("q")))
    topology = Topology.of(Testbed("T", "T", resources=(control,)))
    assert topology.control_ports == topology.bridged_ports == frozenset()
