"""Testbeds that the tests of all targets share, small enough to read."""

from __future__ import annotations

from decimal import Decimal

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed

SRC_DST = (Port("src"), Port("dst"))


def pair() -> Testbed:
    """Two hosts and a link with every kind of value."""
    return Testbed(
        type="Pair",
        id="pair",
        description='Two hosts, "one" link',
        attributes={"owner": "a $1 lab"},
        resources=(
            Resource("host", "h1", "AMS", {"imageId": "Ubuntu-14.04.qcow2", "flavorId": "c2r4h20"}, (Port("p1"),)),
            Resource(
                "link",
                "l 1",
                None,
                {"bandwidth": 1000, "delay": "18ms", "share": Decimal("0.50"), "tags": ["a", None, True]},
                SRC_DST,
            ),
            Resource("host", "h.2", "mil", {}, (Port("p1"), Port("unused"))),
        ),
        adjacencies=(
            Adjacency(PortRef("h1", "p1"), PortRef("l 1", "src")),
            Adjacency(PortRef("l 1", "dst"), PortRef("h.2", "p1")),
        ),
    )


def switches() -> Testbed:
    """Return a switch of each kind with its controller, and a server."""
    return Testbed(
        type="Switches",
        id="two-switches",
        resources=(
            Resource(
                "vsi",
                "v1",
                "AMS",
                {
                    "switchIPv4Addr": "10.10.100.1",
                    "switchIPv4Mask": "255.255.255.0",
                    "switchMode": "hard",
                    "controller": {"ipv4": "10.10.100.100", "port": 6633},
                },
                (Port("p1", {"logicalPort": 1}), Port("c", {"mode": "CONTROL"})),
            ),
            Resource(
                "ofx",
                "o1",
                "PRG",
                {
                    "fabricIPv4": "192.168.1.1",
                    "fabricSubnetMaskv4": "255.255.255.0",
                    "controllerIPv4": "192.168.1.2",
                    "controllerPort": "6633",
                },
                (Port("p1"),),
            ),
            Resource("baremetalserver", "b1", "HAM", {"image": "CentOS-6.x-minimal.iso"}, (Port("e0"),)),
            Resource("link", "l1", None, {}, SRC_DST),
            Resource("link", "l2", None, {"bandwidth": 100}, SRC_DST),
        ),
        adjacencies=(
            Adjacency(PortRef("v1", "p1"), PortRef("l1", "src")),
            Adjacency(PortRef("o1", "p1"), PortRef("l1", "dst")),
            Adjacency(PortRef("b1", "e0"), PortRef("l2", "src")),
            Adjacency(PortRef("v1", "c"), PortRef("l2", "dst")),
        ),
    )


def island(name: str, size: int) -> Testbed:
    """Return a nested testbed of ``size`` hosts, of which the first is wired to the outside."""
    return Testbed(
        type="Island",
        id=name,
        parameters={"n": size, "site": "BRA"},
        ports=(Port("up"),),
        resources=tuple(Resource("host", f"h{i}", "BRA", {}, (Port("q"),)) for i in range(1, size + 1)),
        adjacencies=(Adjacency(PortRef("", "up"), PortRef("h1", "q")),),
    )


def islands(*sizes: int) -> Testbed:
    """Return a chain of islands; those of equal size are equal."""
    nested = tuple(island(f"s{number}", size) for number, size in enumerate(sizes, 1))
    link = Resource("link", "l", None, {}, SRC_DST)
    return Testbed(
        type="Islands",
        id="islands",
        resources=(*nested, link),
        adjacencies=(
            Adjacency(PortRef("s1", "up"), PortRef("l", "src")),
            Adjacency(PortRef("s2", "up"), PortRef("l", "dst")),
        ),
    )
