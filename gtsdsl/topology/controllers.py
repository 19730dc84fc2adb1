"""The OpenFlow controllers that a switch states, and the switch's own address on its control network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from gtsdsl.model.testbed import Resource
from gtsdsl.model.values import Value, describe
from gtsdsl.text import printable

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Controller:
    """The address of an OpenFlow controller. ``port`` is None if the testbed states none: tools have defaults."""

    address: IPv4Address
    port: int | None = None


def controllers(switch: Resource) -> tuple[Controller, ...]:
    """Return the controllers that a switch states, in ``controllerIPv4`` and in ``controller`` blocks.

    Raises:
        ValueError: an address or a port number is wrong; the message names the switch.
    """
    attributes = switch.attributes
    given = [(attributes.get("controllerIPv4"), attributes.get("controllerPort"))]
    blocks = attributes.get("controller")
    for block in blocks if isinstance(blocks, list) else [blocks]:
        if isinstance(block, dict):
            given.append((block.get("ipv4"), block.get("port")))
    return tuple(
        Controller(_address(switch, address), _port(switch, port)) for address, port in given if address is not None
    )


def control_address(switch: Resource) -> IPv4Interface | None:
    """Return a switch's own address on its control network (``fabricIPv4``, ``switchIPv4Addr``); None if not stated.

    Raises:
        ValueError: the address or its mask is wrong; the message names the switch.
    """
    for name, mask_name in (("fabricIPv4", "fabricSubnetMaskv4"), ("switchIPv4Addr", "switchIPv4Mask")):
        if (given := switch.attributes.get(name)) is not None:
            address = _address(switch, given)
            mask = switch.attributes.get(mask_name, "255.255.255.255")
            try:
                return IPv4Interface(f"{address}/{mask if isinstance(mask, str) else ''}")
            except ValueError:
                raise ValueError(f"switch `{printable(switch.id)}`: {describe(mask)} is not an IPv4 mask") from None
    return None


def _address(switch: Resource, value: Value) -> IPv4Address:
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"switch `{printable(switch.id)}`: {describe(value)} is not an IPv4 address") from None


def _port(switch: Resource, value: Value) -> int | None:
    number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if number is None or (isinstance(number, int) and 0 < number < 65536):
        return number
    raise ValueError(
        f"switch `{printable(switch.id)}`: {describe(value)} is not a port number; it goes from 1 to 65535"
    )
