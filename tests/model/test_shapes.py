"""Shapes: a number of hosts in, a connected topology out."""

from __future__ import annotations

import networkx as nx
import pytest

from gtsdsl.model.shapes import FLAVOR, IMAGE, SHAPES, build, default_hosts
from gtsdsl.model.testbed import Testbed
from gtsdsl.topology.model import Topology

SITES = ["AMS", "MIL", "LJU"]


def graph(testbed: Testbed) -> nx.MultiGraph[str]:
    found: nx.MultiGraph[str] = nx.MultiGraph()
    found.add_nodes_from(host.id for host in testbed.hosts)
    found.add_edges_from((wire.first.resource, wire.second.resource) for wire in Topology.of(testbed).wires)
    return found


@pytest.mark.parametrize(
    ("shape", "hosts", "links"),
    [
        ("full-mesh", 2, 1),
        ("full-mesh", 5, 10),
        ("full-mesh", 50, 1225),
        ("star", 2, 1),
        ("star", 12, 11),
        ("ring", 3, 3),
        ("ring", 400, 400),
        ("line", 2, 1),
        ("line", 9, 8),
        ("point-to-point", 2, 1),
        ("tree", 2, 1),
        ("tree", 7, 6),
        ("tree", 1000, 999),
    ],
)
def test_links_and_connectivity(shape: str, hosts: int, links: int) -> None:
    testbed = build(shape, SITES[: min(hosts, 3)], hosts)
    found = graph(testbed)
    assert found.number_of_nodes() == hosts
    assert found.number_of_edges() == links == len(list(testbed.links))
    assert nx.is_connected(found)
    assert nx.number_of_selfloops(found) == 0
    assert max(found.number_of_edges(*edge) for edge in found.edges()) == 1


@pytest.mark.parametrize(
    ("shape", "degrees"),
    [
        ("full-mesh", [6, 6, 6, 6, 6, 6, 6]),
        ("star", [6, 1, 1, 1, 1, 1, 1]),
        ("ring", [2, 2, 2, 2, 2, 2, 2]),
        ("line", [1, 2, 2, 2, 2, 2, 1]),
        ("tree", [2, 3, 3, 1, 1, 1, 1]),
    ],
)
def test_degrees(shape: str, degrees: list[int]) -> None:
    found = graph(build(shape, SITES, 7))
    assert [found.degree(f"h{number}") for number in range(1, 8)] == degrees


@pytest.mark.parametrize("shape", SHAPES)
def test_every_port_is_named_for_where_it_leads_and_used_once(shape: str) -> None:
    testbed = build(shape, ["AMS"], default_hosts(shape, 1))
    used = [end for wire in Topology.of(testbed).wires for end in wire.ends]
    declared = [(host.id, port.id) for host in testbed.hosts for port in host.ports]
    assert sorted(used) == sorted(declared)
    for wire in Topology.of(testbed).wires:
        assert wire.first.port == f"to_{wire.second.resource}"
        assert wire.second.port == f"to_{wire.first.resource}"
        assert [port.id for port in wire.link.ports] == ["src", "dst"]


def test_hosts_go_over_the_sites_in_turn_and_are_those_of_the_study() -> None:
    testbed = build("ring", SITES, 7)
    assert [host.location for host in testbed.hosts] == ["AMS", "MIL", "LJU", "AMS", "MIL", "LJU", "AMS"]
    assert all(host.attributes == {"imageId": IMAGE, "flavorId": FLAVOR} for host in testbed.hosts)


@pytest.mark.parametrize(
    ("shape", "sites", "hosts"),
    [("full-mesh", 5, 5), ("full-mesh", 1, 2), ("ring", 1, 3), ("ring", 4, 4), ("point-to-point", 2, 2)],
)
def test_one_host_a_site_where_the_shape_allows(shape: str, sites: int, hosts: int) -> None:
    assert default_hosts(shape, sites) == hosts


@pytest.mark.parametrize(
    ("shape", "sites", "hosts", "said"),
    [
        ("full-mesh", 1, 1, "a full-mesh has 2 to 400 hosts, not 1"),
        ("full-mesh", 1, 401, "not 401"),
        ("star", 1, -3, "not -3"),
        ("ring", 1, 2, "a ring has 3 to 10,000 hosts"),
        ("line", 1, 10**9, "not 1,000,000,000"),
        ("point-to-point", 1, 3, "a point-to-point has 2 hosts, not 3"),
        ("star", 3, 2, "3 sites, but 2 hosts"),
        ("star", 0, 2, "at least one site"),
    ],
)
def test_bounds(shape: str, sites: int, hosts: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(shape, SITES[:sites], hosts)
