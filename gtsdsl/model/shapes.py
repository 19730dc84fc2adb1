"""Testbeds of regular shapes: full mesh, star, ring, line, point-to-point and tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed

IMAGE = "Ubuntu-14.04.qcow2"
FLAVOR = "c2r4h20"
"""The image and flavor of the hosts of the 2016 study: 2 cores, 4 GB of memory, 20 GB of disk."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A rule that joins hosts, which are numbered from 1.

    ``sentence`` describes the shape for help texts. ``least`` and ``most`` limit the number of hosts. ``pairs(n)``
    yields the two hosts of each link among ``n`` hosts.
    """

    type: str
    sentence: str
    least: int
    most: int
    pairs: Callable[[int], Iterator[tuple[int, int]]]


SHAPES: dict[str, Shape] = {
    "full-mesh": Shape(
        # a full mesh of 400 hosts has 79,800 links and 13 MB of text, which is near the limit of an input
        "FullMesh",
        "every host is joined to every other",
        2,
        400,
        lambda n: combinations(range(1, n + 1), 2),
    ),
    "star": Shape(
        "Star",
        "all other hosts are joined to h1",
        2,
        10_000,
        lambda n: ((1, i) for i in range(2, n + 1)),
    ),
    "ring": Shape(
        "Ring",
        "each host is joined to the next, the last to the first",
        3,
        10_000,
        lambda n: ((i, i % n + 1) for i in range(1, n + 1)),
    ),
    "line": Shape("Line", "each host is joined to the next", 2, 10_000, lambda n: ((i, i + 1) for i in range(1, n))),
    "point-to-point": Shape(
        "PointToPoint", "two hosts and one circuit", 2, 2, lambda n: combinations(range(1, n + 1), 2)
    ),
    "tree": Shape(
        "Tree",
        "each host has two hosts below it, the root is h1",
        2,
        10_000,
        lambda n: ((i // 2, i) for i in range(2, n + 1)),
    ),
}


def default_hosts(shape: str, sites: int) -> int:
    """Return the default number of hosts: one for each site, within the limits of the shape."""
    return min(max(sites, SHAPES[shape].least), SHAPES[shape].most)


def build(shape: str, sites: Sequence[str], hosts: int) -> Testbed:
    """Return a testbed of one of `SHAPES`.

    Its hosts ``h1``, ``h2`` … are at the sites in turn. Each host has a port for each of its links, called ``to_h2``
    if the link leads to ``h2``.

    Raises:
        ValueError: ``sites`` is empty or longer than ``hosts``, or the shape does not allow this number of hosts.
    """
    rule = SHAPES[shape]
    if not rule.least <= hosts <= rule.most:
        wanted = f"{rule.least}" if rule.least == rule.most else f"{rule.least} to {rule.most:,}"
        raise ValueError(f"a {shape} has {wanted} hosts, not {hosts:,}")
    if not sites:
        raise ValueError("at least one site is needed")
    if len(sites) > hosts:
        raise ValueError(f"{len(sites)} sites, but {hosts} hosts: a site would have none")
    ports: dict[int, list[Port]] = {number: [] for number in range(1, hosts + 1)}
    links: list[Resource] = []
    adjacencies: list[Adjacency] = []
    for first, second in rule.pairs(hosts):
        link = f"l{len(links) + 1}"
        links.append(Resource("link", link, ports=(Port("src"), Port("dst"))))
        for near, far, end in ((first, second, "src"), (second, first, "dst")):
            ports[near].append(Port(f"to_h{far}"))
            adjacencies.append(Adjacency(PortRef(f"h{near}", f"to_h{far}"), PortRef(link, end)))
    nodes = (
        Resource(
            "host",
            f"h{number}",
            sites[(number - 1) % len(sites)],
            {"imageId": IMAGE, "flavorId": FLAVOR},
            tuple(ports[number]),
        )
        for number in ports
    )
    description = f"{shape} of {hosts} hosts in {len(sites)} {'site' if len(sites) == 1 else 'sites'}"
    return Testbed(
        type=rule.type,
        id=f"{rule.type}_{hosts}",
        description=description,
        resources=(*nodes, *links),
        adjacencies=tuple(adjacencies),
    )
