"""The known resource classes, and the attributes of classes, ports and blocks, each with its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """A resource class: its name, its meaning, and the meaning of each attribute by the attribute's name."""

    name: str
    meaning: str
    attributes: Mapping[str, str]


_ANY_RESOURCE = {
    "id": "The name that adjacencies refer to; unique within its testbed.",
    "description": "A text for people.",
    "label": "The name that a drag-and-drop editor shows.",
    "x": "The position in an editor's drawing: pixels from the left.",
    "y": "The position in an editor's drawing: pixels from the top.",
}

_ANY_NODE = {
    "location": "The site's code, in either case, e.g. `AMS`.",
}

_ANY_HOST = {
    "image": "The disk image that the machine starts from, by name.",
    "imageId": "The disk image that the machine starts from, e.g. `Ubuntu-14.04.qcow2`.",
    "port": 'A network interface: `port { id = "p1" }`.',
    "ipv4": 'The host\'s own IPv4 address, which its name stands for, e.g. `"192.0.2.1"`. (GTS ignores it.)',
    "ipv6": 'The host\'s own IPv6 address, which its name stands for, e.g. `"2001:db8::1"`. (GTS ignores it.)',
}

_CONTROLLER_BLOCK = 'The OpenFlow controller: `controller { ipv4 = "…"; port = 6633 }`.'
_SWITCH_PORT = 'A port of the switch: `port { id = "p1"; logicalPort = 1 }`, or with `mode = "CONTROL"`.'
_DATA_PLANE_ADDRESS = "The switch's own IPv4 address, on which it talks to its controller."
_DATA_PLANE_MASK = "The network mask of the switch's own address, e.g. `255.255.255.0`."
_CONTROLLER_ADDRESS = "The IPv4 address of the OpenFlow controller."
_CONTROLLER_PORT = "The TCP port of the OpenFlow controller, 1 to 65535, e.g. 6633."
_SWITCH_MODE = "How the switch is made: `hard` for a slice of a real switch, `soft` for a virtual one."

_HOST = {
    "flavor": "The machine's size: `c2r4h20` is 2 cores, 4 GB of memory, 20 GB of disk.",
    "flavorId": "The machine's size: `c2r4h20` is 2 cores, 4 GB of memory, 20 GB of disk.",
    "cpuSpeed": "The speed of the machine's processor in GHz, e.g. 2.5; the default is 2. (Not emulated.)",
}

_LINK = {
    "bandwidth": 'The circuit\'s rate in Mbit/s; `"100/20"` is 100 there and 20 back.',
    "delay": 'One-way delay in place of the known one: `"18ms"`, or `"18ms/20ms"` there and back. (GTS ignores it.)',
    "jitter": 'How much the delay varies, one way: `"0.5ms"`, or `"0.5ms normal"`. (GTS ignores it.)',
    "order": '`"kept"` if packets with jitter keep their order, `"free"` if they overtake. (GTS ignores it.)',
    "loss": 'The share of packets lost: `"0.1%"`, or in bursts `"gemodel 1% 10%"`. (GTS ignores it.)',
    "corrupt": 'The share of packets with a wrong bit in each direction, e.g. `"0.1%"`. (GTS ignores it.)',
    "duplicate": 'The share of packets that come twice in each direction, e.g. `"0.1%"`. (GTS ignores it.)',
    "reorder": 'The share of packets that overtake those before them, `"1%"` or `"1% gap 5"`. (GTS ignores it.)',
    "mtu": "The largest packet in bytes, 68 to 65535; the default is 1500. (GTS ignores it.)",
    "black_hole": "`true` loses the messages that tell a sender its packet is too large. (GTS ignores it.)",
    "port": "An end of the circuit; there are two, mostly called `src` and `dst`.",
}

_OFX = {
    "fabricIPv4": _DATA_PLANE_ADDRESS,
    "fabricSubnetMaskv4": _DATA_PLANE_MASK,
    "controllerIPv4": _CONTROLLER_ADDRESS,
    "controllerPort": _CONTROLLER_PORT,
    "controller": _CONTROLLER_BLOCK,
    "port": _SWITCH_PORT,
}

_VSI = {
    "switchIPv4Addr": _DATA_PLANE_ADDRESS,
    "switchIPv4Mask": _DATA_PLANE_MASK,
    "switchMode": _SWITCH_MODE,
    "controllerIPv4": _CONTROLLER_ADDRESS,
    "controllerPort": _CONTROLLER_PORT,
    "controller": _CONTROLLER_BLOCK,
    "port": _SWITCH_PORT,
}


def _spec(name: str, meaning: str, *tables: Mapping[str, str]) -> tuple[str, ClassSpec]:
    attributes = {attribute: text for table in tables for attribute, text in table.items()}
    return name, ClassSpec(name, meaning, MappingProxyType(attributes))


CLASSES: Mapping[str, ClassSpec] = MappingProxyType(
    dict(
        (
            _spec("host", "A virtual machine.", _ANY_RESOURCE, _ANY_NODE, _ANY_HOST, _HOST),
            _spec("link", "A circuit between two ports.", _ANY_RESOURCE, _LINK),
            _spec("ofx", "An OpenFlow fabric: a switch with a controller.", _ANY_RESOURCE, _ANY_NODE, _OFX),
            _spec("vsi", "An OpenFlow switch instance, the later form of `ofx`.", _ANY_RESOURCE, _ANY_NODE, _VSI),
            _spec("baremetalserver", "A physical server.", _ANY_RESOURCE, _ANY_NODE, _ANY_HOST),
        )
    )
)
"""The known classes, by name. Resources of other classes are kept and written to each format, with a warning."""

PORT_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "id": "The port's name, unique within its resource.",
        "description": _ANY_RESOURCE["description"],
        "label": _ANY_RESOURCE["label"],
        "logicalPort": "The OpenFlow port number, 1 to 65535.",
        "ipv4": 'The IPv4 address of a host\'s port, e.g. `"192.0.2.1/30"`. (GTS ignores it.)',
        "ipv6": 'The IPv6 address of a host\'s port, e.g. `"2001:db8::1/127"`. (GTS ignores it.)',
        "mode": "`CONTROL` for the port by which a switch reaches its controller; else `DATA`.",
    }
)
"""The attributes of a port of any resource, with their meanings."""

CONTROLLER_ATTRIBUTES: Mapping[str, str] = MappingProxyType({"ipv4": _CONTROLLER_ADDRESS, "port": _CONTROLLER_PORT})
"""The attributes of a switch's ``controller`` block, with their meanings."""

TESTBED_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "id": "The testbed's name; the default is the type's name.",
        "description": _ANY_RESOURCE["description"],
        "label": _ANY_RESOURCE["label"],
        "location": "The site of a nested testbed; its type can read it as a parameter of this name.",
        "routing": 'How hosts find routes: `"static"`, `"ospf,hello=1"` or `"bgp,hold=9"`. (GTS ignores it.)',
        "port": "A port that the type exports: an adjacency inside binds it to a port of a resource.",
        "x": _ANY_RESOURCE["x"],
        "y": _ANY_RESOURCE["y"],
    }
)
"""The attributes of a testbed besides the parameters of its type, with their meanings."""
