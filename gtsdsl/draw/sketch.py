"""Testbed to a sketch: nodes by site, circuits by pair of nodes and by pair of sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gtsdsl.circuits import Circuits, Site, canonical, site
from gtsdsl.model.testbed import HOST_CLASSES, SWITCH_CLASSES, Resource, Testbed
from gtsdsl.text import printable, quantity
from gtsdsl.topology.delays import DelaySource
from gtsdsl.topology.effect_texts import effect_texts
from gtsdsl.topology.impairments import Directions, impairments, size_text
from gtsdsl.topology.model import Topology, Wire

_LISTED = 12
_MAX_PLACES = 48


class Kind(Enum):
    """The kind of a node; the value is the word that pictures show for the kind."""

    HOST = "host"
    SERVER = "bare-metal server"
    SWITCH = "switch"
    OTHER = "other resource"


@dataclass(frozen=True, slots=True)
class Node:
    """A resource that is not a link. ``tip`` has the facts about it, a line each."""

    id: str
    kind: Kind
    tip: str


@dataclass(frozen=True, slots=True)
class SiteGroup:
    """A site with its nodes, or several sites that share one card because each has no room."""

    title: str
    site: Site | None
    nodes: tuple[Node, ...]

    @property
    def city(self) -> str:
        """The city of the site; empty for several sites."""
        return printable(self.site.city, 24) if self.site else ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The circuits between two ends, which are numbers of site groups or of nodes; both may be the same group.

    ``one_way_ms`` are the delays there and back of a single circuit, in the order of ``joins``, if they differ.
    ``effects`` are the jitter, the losses and so on of a single circuit.
    """

    first: int
    second: int
    count: int
    low_ms: float
    high_ms: float
    source: DelaySource
    joins: str
    links: tuple[str, ...]
    one_way_ms: tuple[float, float] | None = None
    sizes: tuple[str, ...] = ()
    """The MTUs and black holes of circuits that are not ordinary, each once."""
    effects: str = ""

    @property
    def tip(self) -> str:
        """The facts about the circuits, a line each."""
        what = printable(self.joins, 200) if self.count == 1 else quantity(self.count, "circuit")
        named = ", ".join(printable(link, 24) for link in self.links[:_LISTED])
        more = f" and {self.count - _LISTED:,} more" if self.count > _LISTED else ""
        lines = (self.label, what, WORDS[self.source], self.effects, *self.sizes, named + more)
        return "\n".join(line for line in lines if line)

    @property
    def label(self) -> str:
        """The round trip as text: ``≈`` marks an estimate, and ``×`` precedes the number of circuits."""
        if self.source == "unknown":
            text = "? ms"
        elif _figure(self.low_ms) == _figure(self.high_ms):
            text = f"{_figure(self.low_ms)} ms"
            if self.one_way_ms is not None:
                text += f" ({'/'.join(map(_figure, self.one_way_ms))})"
        else:
            text = f"{_figure(self.low_ms)}–{_figure(self.high_ms)} ms"
        return ("≈ " if self.source == "estimated" else "") + text + (f"  ×{self.count:,}" if self.count > 1 else "")


@dataclass(frozen=True, slots=True)
class Sketch:
    """The content of a picture. Nodes are numbered across site groups; ``home`` has the group of each node."""

    title: str
    subtitle: str
    places: tuple[SiteGroup, ...]
    home: tuple[int, ...]
    by_place: tuple[Bundle, ...]
    by_node: tuple[Bundle, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of all places."""
        return tuple(node for place in self.places for node in place.nodes)


def sketch(testbed: Testbed, own: Circuits | None = None) -> Sketch:
    """Return the sketch of a testbed, with nested testbeds flattened; ``own`` are the user's circuits and sites.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth is wrong; the message names the link.
    """
    topology = Topology.of(testbed)
    members: dict[str, list[Resource]] = {}
    for resource in topology.nodes.values():
        members.setdefault(canonical(resource.location or "", own), []).append(resource)
    sites = {code: site(code, own) for code in members}
    groups = [
        (printable(code, 24) or "no site", sites[code], members[code])
        for code in sorted(members, key=lambda code: (sites[code] is None, not code, code))
    ]
    if len(groups) > _MAX_PLACES:
        rest = [resource for _, _, resources in groups[_MAX_PLACES:] for resource in resources]
        groups[_MAX_PLACES:] = [(f"{len(groups) - _MAX_PLACES:,} more sites", None, rest)]
    if not groups:
        groups = [("no resources", None, [])]
    places = tuple(SiteGroup(title, where, tuple(map(_node, resources))) for title, where, resources in groups)
    number: dict[str, int] = {}
    home: list[int] = []
    for index, (_, _, resources) in enumerate(groups):
        for resource in resources:
            number[resource.id] = len(home)
            home.append(index)
    delays = impairments(topology, own)
    joined = [(number[wire.first.resource], number[wire.second.resource], wire) for wire in topology.wires]
    by_node = _bundles(joined, delays)
    by_place = _bundles([(home[first], home[second], wire) for first, second, wire in joined], delays)
    counts = [quantity(len(home), "node"), quantity(len(joined), "circuit"), quantity(len(members), "site")]
    subtitle = " · ".join([*([printable(testbed.description, 90)] if testbed.description else []), ", ".join(counts)])
    return Sketch(printable(testbed.id, 60), subtitle, places, tuple(home), by_place, by_node)


def _node(resource: Resource) -> Node:
    kind = Kind.OTHER
    if resource.cls in SWITCH_CLASSES:
        kind = Kind.SWITCH
    elif resource.cls in HOST_CLASSES:
        kind = Kind.HOST if resource.cls == "host" else Kind.SERVER
    lines = [f"{printable(resource.cls, 40)} {printable(resource.id)}", quantity(len(resource.ports), "port")]
    lines += [
        f"{printable(name, 40)}: {printable(str(value))}"
        for name, value in list(resource.attributes.items())[:_LISTED]
        if not isinstance(value, dict | list)
    ]
    return Node(resource.id, kind, "\n".join(lines))


def _bundles(joined: Iterable[tuple[int, int, Wire]], delays: dict[str, Directions]) -> tuple[Bundle, ...]:
    groups: dict[tuple[int, int], list[Wire]] = {}
    for first, second, wire in joined:
        groups.setdefault((min(first, second), max(first, second)), []).append(wire)
    return tuple(_bundle(*ends, group, delays) for ends, group in sorted(groups.items()))


def _bundle(first: int, second: int, group: list[Wire], delays: dict[str, Directions]) -> Bundle:
    found = [delays[wire.link.id][0] for wire in group]
    rtts = [item.rtt_ms for item in found if item.delay_source != "unknown"]
    # the least certain of several circuits decides how the figure is marked
    order: tuple[DelaySource, ...] = ("unknown", "estimated", "link", "given", "measured")
    source = min((item.delay_source for item in found), key=order.index)
    low, high = (min(rtts), max(rtts)) if rtts else (0.0, 0.0)
    joins = f"from {group[0].first} to {group[0].second}"
    there, back = delays[group[0].link.id]
    differ = len(group) == 1 and there.delay_ns != back.delay_ns
    one_way_ms = (there.delay_us / 1000, back.delay_us / 1000) if differ else None
    names = tuple(wire.link.id for wire in group)
    sizes = tuple(dict.fromkeys(filter(None, map(size_text, found))))
    effects = ", ".join(f"{text.name} {text}" for text in effect_texts(there, back)) if len(group) == 1 else ""
    return Bundle(first, second, len(group), low, high, source, joins, names, one_way_ms, sizes, effects)


WORDS: dict[DelaySource, str] = {
    "measured": "measured round-trip time",
    "given": "round-trip time from a file of your own",
    "link": "round-trip time set in the topology",
    "estimated": "round-trip time estimated from the distance",
    "unknown": "round-trip time not known",
}


def _figure(rtt_ms: float) -> str:
    """Return a round trip with three digits, so that only short paths show more than a tenth of a millisecond."""
    return f"{rtt_ms:.3g}" if rtt_ms < 1 else f"{rtt_ms:.1f}" if rtt_ms < 1000 else f"{rtt_ms:.0f}"
