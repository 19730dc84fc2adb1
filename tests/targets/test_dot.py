"""DOT, read by Graphviz itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from gtsdsl.model.testbed import Testbed
from gtsdsl.targets import compile_to
from gtsdsl.text import printable
from gtsdsl.topology.model import Topology
from tests.hostile import hostile_testbed
from tests.targets.golden import matches
from tests.targets.samples import host, link, pair, triangle, wired

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz: apt install graphviz")


class _Edge(NamedTuple):
    ends: tuple[str, str]
    label: str


class _Drawn(NamedTuple):
    """A graph as Graphviz reads it: names as it holds them, labels as it draws them."""

    nodes: dict[str, str]
    shapes: dict[str, str]
    clusters: dict[str, list[str]]
    edges: list[_Edge]


def _draw(testbed: Testbed) -> _Drawn:
    done = subprocess.run(
        ["dot", "-Tjson"], input=compile_to(testbed, "dot").encode(), capture_output=True, check=True, timeout=120
    )
    # a machine without fonts makes Fontconfig complain, which reads no DOT
    assert [line for line in done.stderr.splitlines() if not line.startswith(b"Fontconfig ")] == []
    graph = json.loads(done.stdout)
    names = [item["name"] for item in graph.get("objects", [])]

    def drawn(item: dict[str, list[dict[str, str]]]) -> str:
        return "\n".join(step["text"] for step in item.get("_ldraw_", []) if step["op"] == "T")

    inner = [item for item in graph.get("objects", []) if "nodes" not in item]
    return _Drawn(
        {item["name"]: drawn(item) for item in inner},
        {item["name"]: item["shape"] for item in inner},
        {drawn(item): [names[i] for i in item["nodes"]] for item in graph.get("objects", []) if "nodes" in item},
        [_Edge((names[e["tail"]], names[e["head"]]), drawn(e)) for e in graph.get("edges", [])],
    )


def _decoded(name: str) -> str:
    return unquote(name.replace("%", "%25").replace("=", "%"), errors="surrogatepass")


@needs_graphviz
@pytest.mark.parametrize("testbed", [pair(), triangle(), hostile_testbed()], ids=lambda testbed: testbed.type)
def test_graphviz_sees_every_node_and_link_under_its_own_id(testbed: Testbed) -> None:
    drawn = _draw(testbed)
    assert {_decoded(name) for name in drawn.nodes} == set(Topology.of(testbed).nodes)
    edges = [(_decoded(edge.ends[0]), _decoded(edge.ends[1]), edge.label.split("\n")[0]) for edge in drawn.edges]
    wires = Topology.of(testbed).wires
    expected = [(wire.first.resource, wire.second.resource, printable(wire.link.id)) for wire in wires]
    assert sorted(edges) == sorted(expected)


@needs_graphviz
def test_graphviz_draws_every_id_as_it_is_with_controls_made_visible() -> None:
    drawn = _draw(hostile_testbed())
    for name, label in drawn.nodes.items():
        assert label == printable(_decoded(name))
    assert all(edge.label.endswith(" ms") for edge in drawn.edges)


@needs_graphviz
def test_sites_are_clusters_whatever_their_spelling() -> None:
    assert _draw(triangle()).clusters == {
        "AMS": ["fabric", "h1", "ctrl"],
        "MIL": ["s1", "h2"],
        "PRA": ["s9", "bms"],
        "LJU": ["h3"],
    }


@needs_graphviz
def test_a_shape_a_class() -> None:
    shapes = _draw(triangle()).shapes
    assert [shapes[name] for name in ("h1", "bms", "fabric", "s1", "r1")] == [
        "box",
        "box3d",
        "hexagon",
        "hexagon",
        "ellipse",
    ]


@pytest.mark.parametrize(
    ("sites", "attributes", "label"),
    [
        (("AMS", "MIL"), {}, r'label="l1\n36.2 ms"'),
        (("AMS", "MIL"), {"delay": "1.5ms"}, r'label="l1\n3 ms"'),
        (("AMS", "PRG"), {}, r'label="l1\n≈ 27.9 ms"'),
        (("AMS", "XYZ"), {}, 'label="l1"'),
        (("AMS", "MIL"), {"mtu": "9000", "black_hole": "true"}, r'label="l1\n36.2 ms\nMTU 9000, black hole"'),
    ],
)
def test_an_edge_shows_the_round_trip_if_it_is_known(
    sites: tuple[str, str], attributes: dict[str, str], label: str
) -> None:
    testbed = wired(
        [host("h1", sites[0], "p"), host("h2", sites[1], "p")], [(link("l1", **attributes), "h1.p", "h2.p")]
    )
    assert f'  "h1" -- "h2" [key="l1", {label}];\n' in compile_to(testbed, "dot")


def test_golden() -> None:
    matches("triangle.dot", compile_to(triangle(), "dot"))
