"""A shape, sites and a number of hosts to a testbed: full mesh, star, ring, line, point-to-point or tree."""

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
    """How hosts, numbered from 1, are joined: ``pairs(n)`` are the links' two ends."""

    type: str
    sentence: str
    least: int
    most: int
    pairs: Callable[[int], Iterator[tuple[int, int]]]


SHAPES: dict[str, Shape] = {
    "full-mesh": Shape(
        # a full mesh of 400 hosts is 79,800 links and 13 MB of text, which is what an input may have
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
    """One host a site, as far as the shape allows."""
    return min(max(sites, SHAPES[shape].least), SHAPES[shape].most)


def build(shape: str, sites: Sequence[str], hosts: int) -> Testbed:
    """A testbed of one of `SHAPES`: hosts ``h1`` … over the sites in turn, each with a port ``to_h2`` for each link.

    Raises:
        ValueError: there is no site, more sites than hosts, or too few or too many hosts for the shape.
    """
    form = SHAPES[shape]
    if not form.least <= hosts <= form.most:
        wanted = f"{form.least}" if form.least == form.most else f"{form.least} to {form.most:,}"
        raise ValueError(f"a {shape} has {wanted} hosts, not {hosts:,}")
    if not sites:
        raise ValueError("at least one site is needed")
    if len(sites) > hosts:
        raise ValueError(f"{len(sites)} sites, but {hosts} hosts: a site would have none")
    ports: dict[int, list[Port]] = {number: [] for number in range(1, hosts + 1)}
    links: list[Resource] = []
    adjacencies: list[Adjacency] = []
    for first, second in form.pairs(hosts):
        link = f"l{len(links) + 1}"
        links.append(Resource("link", link, ports=(Port("src"), Port("dst"))))
        for near, far, end in ((first, second, "src"), (second, first, "dst")):
            ports[near].append(Port(f"to_h{far}"))
            adjacencies.append(Adjacency(PortRef(f"h{near}", f"to_h{far}"), PortRef(link, end)))
    machines = (
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
        type=form.type,
        id=f"{form.type}_{hosts}",
        description=description,
        resources=(*machines, *links),
        adjacencies=tuple(adjacencies),
    )
