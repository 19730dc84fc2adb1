"""The fields that the public editor needs in a node, with default values.

The editor pastes most fields of a node into its DSL between quotes, and the first attribute of a switch's port without
quotes. It writes "undefined" for a missing field, and stops at a switch without a controller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gtsdsl.model.testbed import Port, Resource
from gtsdsl.model.values import Value
from gtsdsl.targets.dsl import text
from gtsdsl.topology.controllers import controllers

# the editor's own suggestions for a new node
IMAGES: Mapping[str, str] = {"host": "Ubuntu-14.04.qcow2", "baremetalserver": "ubuntu-14.04-server.iso"}
FLAVOR = "c1r1h10"
_SWITCH: Mapping[str, str] = {
    "switchIPv4Addr": "10.10.100.1",
    "switchIPv4Mask": "255.255.255.0",
    "switchMode": "hard",
}
CONTROLLER = "10.10.100.100"
CONTROLLER_PORT = 6633

_WHOLE = re.compile(r"[0-9]+")
_NUMBERED = re.compile(r"p([1-9][0-9]{0,14})")
"""A port's id as the editor makes it, with a number that JavaScript represents exactly."""


def states_controller(resource: Resource) -> bool:
    """Return whether a switch states exactly one controller, with address and port, as the editor needs it."""
    if resource.cls == "ofx":
        return {"controllerIPv4", "controllerPort"} <= resource.attributes.keys()
    block = resource.attributes.get("controller")
    return isinstance(block, dict) and {"ipv4", "port"} <= block.keys()


def defaults_of(resource: Resource, fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return default values for the fields that the editor needs and that are not in ``fields``."""
    needed: dict[str, Value] = {}
    if resource.is_switch:
        stated = next(iter(controllers(resource)), None)
        address = CONTROLLER if stated is None else str(stated.address)
        port = CONTROLLER_PORT if stated is None or stated.port is None else stated.port
        needed = {**_SWITCH, "controller": {"ipv4": address, "port": port}}
    else:
        needed["image"] = _either(resource, "image", "imageId") or IMAGES[resource.cls]
        if resource.cls == "host":
            needed["flavor"] = _either(resource, "flavor", "flavorId") or FLAVOR
    return {name: value for name, value in needed.items() if name not in fields}


def _either(resource: Resource, *names: str) -> str | None:
    values = (resource.attributes.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def ports_of(resource: Resource) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the ports of a node as the editor keeps them, by id, and the default attributes among them.

    The value of a host's port without attributes is its id. A switch's port needs a ``logicalPort`` or a ``mode``.
    """
    if not resource.is_switch:
        return {port.id: dict(port.attributes) if port.attributes else port.id for port in resource.ports}, {}
    taken = {str(port.attributes["logicalPort"]) for port in resource.ports if "logicalPort" in port.attributes}
    ports: dict[str, Value] = {}
    defaults: dict[str, Value] = {}
    number = 0
    for port in resource.ports:
        ports[port.id] = own = {name: _pasted(value) for name, value in _in_order(port)}
        if not {"logicalPort", "mode"} & own.keys():
            number += 1
            while str(number) in taken:
                number += 1
            defaults[port.id] = {"logicalPort": number}
            ports[port.id] = {"logicalPort": number, **own}
    return ports, defaults


def _in_order(port: Port) -> list[tuple[str, Value]]:
    """Return the attributes of a switch's port. The first tells the port's kind; the editor's DSL keeps only it."""
    first = ("mode", "logicalPort") if port.is_control else ("logicalPort", "mode")
    order = {name: index for index, name in enumerate(first)}
    return sorted(port.attributes.items(), key=lambda item: order.get(item[0], len(order)))


def _pasted(value: Value) -> Value:
    """Return the value of a switch's port attribute as a project has it: a string with its quotes.

    The editor pastes such a value into its DSL as it is.
    """
    return text(value) if isinstance(value, str) and not _WHOLE.fullmatch(value) else value


def ports_count(ports: Mapping[str, Value]) -> int:
    """Return the number after which the editor numbers a node's next port, whose id ``p`` and number must be free.

    The editor suggests that number as the ``logicalPort`` of a switch's next port, too.
    """
    numbers = [sum(not isinstance(value, dict) or "mode" not in value for value in ports.values())]
    for port, value in ports.items():
        if (numbered := _NUMBERED.fullmatch(port)) is not None:
            numbers.append(int(numbered[1]))
        logical = value.get("logicalPort") if isinstance(value, dict) else None
        if isinstance(logical, int | str) and _WHOLE.fullmatch(str(logical)):
            numbers.append(int(logical))
    return max(numbers)
