"""A switch's attributes to its OpenFlow controllers, and which of its ports are for control and not for traffic."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from gtsdsl.testbed import SWITCH_CLASSES, Port, PortRef, Resource, Value


@dataclass(frozen=True, slots=True)
class Controller:
    """Where a controller listens; without a port, on the OpenFlow port that the tool assumes."""

    address: IPv4Address
    port: int | None = None


def is_switch(resource: Resource) -> bool:
    """Whether it forwards frames (``ofx``, ``vsi``); anything else that is wired is a machine."""
    return resource.cls in SWITCH_CLASSES


def is_control(port: Port) -> bool:
    """Whether a port is a switch's way to its controller: frames are not forwarded through it."""
    mode = port.attributes.get("mode")
    return isinstance(mode, str) and mode.upper() == "CONTROL"


def bridged_ports(nodes: dict[str, Resource]) -> frozenset[PortRef]:
    """The ports between which a switch forwards."""
    return frozenset(
        PortRef(node.id, port.id)
        for node in nodes.values()
        if is_switch(node)
        for port in node.ports
        if not is_control(port)
    )


def controllers(switch: Resource) -> tuple[Controller, ...]:
    """The controllers of a switch: an ``ofx``'s ``controllerIPv4``, a ``vsi``'s ``controller`` blocks.

    Raises:
        ValueError: an address or a port number is wrong.
    """
    attributes = switch.attributes
    found = []
    if attributes.get("controllerIPv4"):
        found.append(_controller(attributes["controllerIPv4"], attributes.get("controllerPort")))
    blocks = attributes.get("controller")
    for block in blocks if isinstance(blocks, list) else [blocks]:
        if isinstance(block, dict) and block.get("ipv4"):
            found.append(_controller(block["ipv4"], block.get("port")))
    return tuple(found)


def _controller(address: Value, port: Value) -> Controller:
    number = int(str(port)) if port is not None else None
    if number is not None and not 0 < number < 65536:
        raise ValueError("a controller's port number is not from 1 to 65535")
    return Controller(IPv4Address(str(address)), number)


def control_address(switch: Resource) -> IPv4Interface | None:
    """The switch's own address on its control network (``fabricIPv4``, ``switchIPv4Addr``), if it states one.

    Raises:
        ValueError: the address or its mask is wrong.
    """
    for address, mask in (("fabricIPv4", "fabricSubnetMaskv4"), ("switchIPv4Addr", "switchIPv4Mask")):
        if switch.attributes.get(address):
            return IPv4Interface(f"{switch.attributes[address]}/{switch.attributes.get(mask) or 32}")
    return None
