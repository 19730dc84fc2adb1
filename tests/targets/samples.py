"""Small testbeds, put together by hand, that the targets' tests share."""

from __future__ import annotations

from decimal import Decimal

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value


def wired(resources: list[Resource], links: list[tuple[Resource, str, str]], **names: str) -> Testbed:
    """Return a testbed of resources and links; each link comes with the two ports that it joins, as ``h1.p1``."""
    adjacencies = []
    for link, first, second in links:
        adjacencies.append(Adjacency(_ref(first), PortRef(link.id, "src")))
        adjacencies.append(Adjacency(PortRef(link.id, "dst"), _ref(second)))
    return Testbed(
        type=names.get("type", "Sample"),
        id=names.get("id", "Sample"),
        description=names.get("description"),
        resources=(*resources, *(link for link, _, _ in links)),
        adjacencies=tuple(adjacencies),
    )


def _ref(text: str) -> PortRef:
    resource, _, port = text.rpartition(".")
    return PortRef(resource, port)


def host(name: str, location: str | None, *ports: str, **attributes: Value) -> Resource:
    return Resource("host", name, location, attributes, tuple(Port(port) for port in ports))


def link(name: str, **attributes: Value) -> Resource:
    return Resource("link", name, None, attributes, (Port("src"), Port("dst")))


def pair(**attributes: Value) -> Testbed:
    """Two hosts, in Amsterdam and Milan, and a circuit with these attributes."""
    return wired([host("h1", "AMS", "p"), host("h2", "MIL", "p")], [(link("l1", **attributes), "h1.p", "h2.p")])


def triangle() -> Testbed:
    """Three switches in a ring with a controller on its own link, a host at each, and two parallel circuits."""
    control: dict[str, Value] = {"mode": "CONTROL"}
    ofx_attributes: dict[str, Value] = {
        "fabricIPv4": "192.168.7.2",
        "fabricSubnetMaskv4": "255.255.255.0",
        "controllerIPv4": "192.168.7.1",
        "controllerPort": "6633",
    }
    ofx = Resource("ofx", "fabric", "AMS", ofx_attributes, (Port("a"), Port("b"), Port("h"), Port("ctl", control)))
    vsi_ports = (Port("a", {"logicalPort": 7}), Port("b", {"logicalPort": "3"}), Port("h"))
    switches = [ofx, Resource("vsi", "s1", "MIL", {}, vsi_ports), Resource("vsi", "s9", "PRG", {}, vsi_ports)]
    machines = [
        host("h1", "AMS", "p", "q", imageId="Ubuntu-14.04.qcow2", flavorId="c2r4h20"),
        host("h2", "mil", "p", "q"),
        Resource("baremetalserver", "bms", "PRA", {"image": "Debian"}, (Port("p"),)),
        host("ctrl", "AMS", "p"),
        Resource("router", "r1", None, {}, (Port("p"),)),
        host("h3", "LJU", "p"),
    ]
    return wired(
        [*switches, *machines],
        [
            (link("l1"), "fabric.a", "s1.a"),
            (link("l2", bandwidth=100), "s1.b", "s9.a"),
            (link("l3", delay="18ms", jitter="1.5ms", loss="0.1%"), "s9.b", "fabric.b"),
            (link("l4"), "h1.p", "fabric.h"),
            (link("l5"), "h2.p", "s1.h"),
            (link("l6", bandwidth="2500"), "bms.p", "s9.h"),
            (link("l7", delay="250us"), "ctrl.p", "fabric.ctl"),
            (link("l8", bandwidth=Decimal("0.5")), "h1.q", "h2.q"),
            (link("unknown"), "r1.p", "h3.p"),
        ],
        id="Triangle",
        description="Switches, and more",
    )
