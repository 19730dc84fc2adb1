"""Testbed to a Graphviz graph: clusters are sites, shapes are classes, edges are links with round-trip times."""

from __future__ import annotations

from gtsdsl.circuits.sites import canonical
from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.targets.escaping import escaped
from gtsdsl.targets.figures import plain
from gtsdsl.text import printable
from gtsdsl.topology.impairments import Directions, impairments, size_text
from gtsdsl.topology.model import Topology

_SHAPES = {"host": "box", "baremetalserver": "box3d", "ofx": "hexagon", "vsi": "hexagon"}
_OTHER_SHAPE = "ellipse"


def write(testbed: Testbed) -> str:
    """Return the graph in the DOT language, for all of Graphviz's layouts (`dot`, `fdp` …).

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
        label = _label(wire.link.id, _round_trip(effects[wire.link.id]), size_text(effects[wire.link.id][0]))
        lines.append(f"  {ends} [key={_id(wire.link.id)}, label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Resource) -> str:
    return f"{_id(node.id)} [shape={_SHAPES.get(node.cls, _OTHER_SHAPE)}, label={_label(node.id)}]"


def _round_trip(effects: Directions) -> str:
    there, back = effects
    if there.delay_source == "unknown":
        return ""
    rtt = f"{'≈ ' if there.delay_source == 'estimated' else ''}{plain(there.rtt_ms)} ms"
    if there.delay_ns == back.delay_ns:
        return rtt
    return f"{rtt} ({plain(there.delay_us / 1000)} / {plain(back.delay_us / 1000)})"


def _id(text: str) -> str:
    """Return a quoted name of DOT.

    Its only escape is ``\\"``, so a name cannot end in a backslash. Graphviz takes a name that starts with ``%`` for an
    internal one and drops it. So both characters are replaced.
    """
    return '"' + escaped(text, marker="=", unsafe="%\\").replace('"', '\\"') + '"'


def _label(*rows: str) -> str:
    """Return a quoted label with a line for each text. Labels have more escapes (``\\N``, ``\\n``), and entities."""
    shown = (printable(row).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for row in rows if row)
    return '"' + "\\n".join(shown) + '"'
