"""Topologies that pictures are tried with."""

from __future__ import annotations

from gtsdsl.model.shapes import build
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed

FIVE = ["AMS", "MIL", "LJU", "BRA", "PRA"]
ELEVEN = ["AMS", "BRA", "CPH", "ERL", "HAM", "LJU", "LON", "MAD", "MIL", "PAR", "PRA"]


def joined(resources: list[tuple[str, str, str | None]], links: list[tuple[str, str, dict[str, str]]]) -> Testbed:
    """Return a testbed of resources (class, id, location) and of links between two ids with attributes."""
    ports: dict[str, list[Port]] = {name: [] for _, name, _ in resources}
    found: list[Resource] = []
    adjacencies = []
    for number, (first, second, attributes) in enumerate(links, start=1):
        found.append(Resource("link", f"l{number}", None, dict(attributes), (Port("src"), Port("dst"))))
        for name, end in ((first, "src"), (second, "dst")):
            ports[name].append(Port(f"p{number}{end}"))
            adjacencies.append(Adjacency(PortRef(name, f"p{number}{end}"), PortRef(f"l{number}", end)))
    nodes = [Resource(cls, name, location, ports=tuple(ports[name])) for cls, name, location in resources]
    return Testbed("T", "T", resources=(*nodes, *found), adjacencies=tuple(adjacencies))


def six_switches() -> Testbed:
    sites = ["AMS", "AMS", "LJU", "BRA", "PRA", "MIL"]
    switches = [("ofx", f"sw{number}", site) for number, site in enumerate(sites, start=1)]
    hosts = [("host", f"h{number}", site) for number, site in enumerate(sites, start=1)]
    ring = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1), (2, 5)]
    links: list[tuple[str, str, dict[str, str]]] = [(f"sw{a}", f"sw{b}", {}) for a, b in ring]
    links += [(f"sw{number}", f"h{number}", {}) for number in range(1, 7)]
    return joined([*switches, *hosts], links)


def nested() -> Testbed:
    inner = Testbed(
        "Island",
        "s1",
        ports=(Port("up"),),
        resources=(Resource("host", "h1", "BRA", ports=(Port("p"),)),),
        adjacencies=(Adjacency(PortRef("", "up"), PortRef("h1", "p")),),
    )
    host = Resource("host", "h2", "AMS", ports=(Port("p"),))
    link = Resource("link", "l", ports=(Port("src"), Port("dst")))
    ends = (
        Adjacency(PortRef("s1", "up"), PortRef("l", "src")),
        Adjacency(PortRef("h2", "p"), PortRef("l", "dst")),
    )
    return Testbed("Pair", "Pair", resources=(inner, host, link), adjacencies=ends)


PICTURES: dict[str, Testbed] = {
    "five-site mesh": build("full-mesh", FIVE, 5),
    "fifty hosts in five sites": build("full-mesh", FIVE, 50),
    "two hundred hosts in five sites": build("full-mesh", FIVE, 200),
    "star": build("star", ["AMS", "BRA", "MIL"], 12),
    "tree over five sites": build("tree", FIVE, 15),
    "eleven sites": build("full-mesh", ELEVEN, 11),
    "two sites": build("point-to-point", ["AMS", "MIL"], 2),
    "six switches": six_switches(),
    "one site, mesh": build("full-mesh", ["AMS"], 5),
    "one site, fifty hosts": build("full-mesh", ["AMS"], 50),
    "one site, four hundred hosts": build("ring", ["AMS"], 400),
    "one site, tree": build("tree", ["AMS"], 15),
    "one site, two hosts": build("line", ["AMS"], 2),
    "one unknown site": build("ring", ["XYZ"], 4),
    "some sites unknown": build("ring", ["AMS", "XYZ", "MIL", "LAB"], 8),
    "all sites unknown": build("full-mesh", ["XYZ", "LAB", "HOME"], 6),
    "no sites at all": joined([("host", "a", None), ("host", "b", None)], [("a", "b", {"delay": "5ms"})]),
    "a hundred unknown sites": build("ring", ["AMS", "MIL", *(f"X{number}" for number in range(98))], 100),
    "five thousand hosts": build("ring", FIVE, 5000),
    "nested": nested(),
    "nothing": Testbed("T", "T"),
    "bare metal and unknown classes": joined(
        [("baremetalserver", "b", "AMS"), ("firewall", "f", "MIL"), ("vsi", "v", "AMS")],
        [("b", "f", {}), ("b", "v", {})],
    ),
}
