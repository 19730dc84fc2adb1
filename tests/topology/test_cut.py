"""The part of a testbed that joins two hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

import gtsdsl
from emulator.overlays import pairs
from emulator.plan import plan
from gtsdsl.model.testbed import Testbed
from gtsdsl.topology.cut import cut_out
from gtsdsl.topology.model import Topology
from tests.emulator.topologies import joined

EXAMPLES = Path(__file__).parents[2] / "examples"


def ids(testbed: Testbed) -> tuple[set[str], set[str]]:
    """Return the ids of the nodes and of the links."""
    topology = Topology.of(testbed)
    assert not topology.loose_links
    return set(topology.nodes), {wire.link.id for wire in topology.wires}


def test_two_hosts_keep_their_circuit_and_all_that_it_has() -> None:
    whole = plan(gtsdsl.load(EXAMPLES / "full_mesh.dsl"))
    found = plan(cut_out(gtsdsl.load(EXAMPLES / "full_mesh.dsl"), "h4", "h2"))
    assert [(host.name, host.site, host.flavor_id) for host in found.hosts] == [
        ("h2", "MIL", "c2r4h20"), ("h4", "BRA", "c2r4h20"),
    ]  # fmt: skip
    (circuit,) = found.circuits
    (wanted,) = (it for it in whole.circuits if it.id == "l6")
    assert (circuit.id, circuit.rtt_ns, circuit.source) == (wanted.id, wanted.rtt_ns, "measured")
    assert found.testbed == whole.testbed


def test_parallel_circuits_stay() -> None:
    testbed = joined([("a", "b", "1ms"), ("b", "c"), ("a", "b", "2ms")])
    assert ids(cut_out(testbed, "a", "b")) == ({"a", "b"}, {"l1", "l3"})


@pytest.mark.parametrize(
    ("edges", "nodes", "links"),
    [
        # a branch of switches that leads nowhere, and another host on the way
        ([("a", "s1"), ("s1", "b"), ("s1", "s2"), ("s1", "c")], {"a", "b", "s1"}, {"l1", "l2"}),
        # both ways round a loop of switches
        (
            [("a", "s1"), ("s1", "s2"), ("s1", "s3"), ("s2", "s3"), ("s3", "b"), ("s3", "s4")],
            {"a", "b", "s1", "s2", "s3"},
            {"l1", "l2", "l3", "l4", "l5"},
        ),
        # a direct circuit beside a switch
        ([("a", "b"), ("a", "s1"), ("s1", "b")], {"a", "b", "s1"}, {"l1", "l2", "l3"}),
    ],
)
def test_the_switches_on_the_way_stay(edges: list[tuple[str, str]], nodes: set[str], links: set[str]) -> None:
    assert ids(cut_out(joined(edges, ["s1", "s2", "s3", "s4"]), "a", "b")) == (nodes, links)


def test_switches_stay_without_their_controller() -> None:
    testbed = gtsdsl.load(EXAMPLES / "openflow_vsi.dsl")
    hosts = [host.id for host in plan(testbed).hosts if host.id != "controller"]
    found = plan(cut_out(testbed, hosts[0], hosts[1]))
    assert {host.id for host in found.hosts} == set(hosts[:2])
    assert len(found.switches) > 1


def test_nested_testbeds_become_flat() -> None:
    testbed = gtsdsl.load(EXAMPLES / "nested.dsl")
    whole = plan(testbed)
    pair = next(iter(pairs.joined(whole)))
    first, second = (next(host.id for host in whole.hosts if host.name == name) for name in pair)
    assert {host.id for host in plan(cut_out(testbed, first, second)).hosts} == {first, second}
