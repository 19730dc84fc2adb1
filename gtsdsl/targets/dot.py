"""Testbed to a Graphviz graph: a cluster a site, a shape a class, an edge a link with its round-trip time."""

from __future__ import annotations

from gtsdsl.circuits.sites import canonical
from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.targets.escaping import escaped
from gtsdsl.targets.figures import plain
from gtsdsl.text import printable
from gtsdsl.topology.impairments import Impairment, impairments
from gtsdsl.topology.model import Topology

_SHAPES = {"host": "box", "baremetalserver": "box3d", "ofx": "hexagon", "vsi": "hexagon"}
_OTHER_SHAPE = "ellipse"


def write(testbed: Testbed) -> str:
    """The graph in the DOT language, for `dot`, `fdp` and any other of Graphviz's layouts.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth is wrong.
    """
    topology = Topology.of(testbed)
    by_site: dict[str | None, list[Resource]] = {}
    for node in topology.nodes.values():
        by_site.setdefault(canonical(node.location) if node.location else None, []).append(node)

    lines = [f"graph {_id(testbed.id)} {{", f"  label={_label(testbed.description or testbed.id)};", "  fontname=sans;"]
    lines += ["  node [fontname=sans];", "  edge [fontname=sans, fontsize=10];"]
    for number, (site, members) in enumerate(by_site.items()):
        if site is None:
            lines += [f"  {_node(node)};" for node in members]
            continue
        lines += [f"  subgraph cluster_{number} {{", f"    label={_label(site)};"]
        lines += [f"    {_node(node)};" for node in members]
        lines.append("  }")
    effects = impairments(topology)
    for wire in topology.wires:
        ends = " -- ".join(_id(end.resource) for end in wire.ends)
        label = _label(wire.link.id, _round_trip(effects[wire.link.id]))
        lines.append(f"  {ends} [key={_id(wire.link.id)}, label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Resource) -> str:
    return f"{_id(node.id)} [shape={_SHAPES.get(node.cls, _OTHER_SHAPE)}, label={_label(node.id)}]"


def _round_trip(effect: Impairment) -> str:
    if effect.delay_source == "unknown":
        return ""
    return f"{'≈ ' if effect.delay_source == 'estimated' else ''}{plain(effect.rtt_ms)} ms"


def _id(text: str) -> str:
    """A name in DOT.

    A quoted one knows no escape but ``\\"``, so a backslash before the closing quote has no spelling; and Graphviz
    takes a name that starts with ``%`` for one of its own making, and forgets it.
    """
    return '"' + escaped(text, marker="=", unsafe="%\\").replace('"', '\\"') + '"'


def _label(*rows: str) -> str:
    """Text to be shown, a line a row: labels know more escapes (``\\N``, ``\\G``, ``\\n``), and HTML's entities."""
    shown = (printable(row).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for row in rows if row)
    return '"' + "\\n".join(shown) + '"'
