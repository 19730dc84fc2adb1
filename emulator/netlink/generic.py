"""Families of generic netlink: their numbers, which the kernel gives out at boot, and the messages to them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.netlink.connection import NETLINK_GENERIC, Netlink, NetlinkError
from emulator.netlink.messages import KernelRequest, attributes, text

HEADER = struct.Struct("=BBxx")
"""``struct genlmsghdr``: command, version."""

_CONTROLLER = 0x10
_GET_FAMILY = 3
_FAMILY_ID, _FAMILY_NAME, _GROUPS = 1, 2, 7
_GROUP_NAME, _GROUP_ID = 1, 2
_U16 = struct.Struct("=H")
_U32 = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its name, its number, the version of its messages, and the numbers of its multicast groups by name."""

    name: str
    number: int
    version: int
    groups: tuple[tuple[str, int], ...] = ()

    def request(self, command: int, body: bytes, subject: str, flags: int = 0) -> KernelRequest:
        """Return a request to the family; ``body`` follows the generic header."""
        return KernelRequest(self.number, flags, HEADER.pack(command, self.version) + body, subject)


def find_family(netlink: Netlink, name: str, version: int = 1) -> Family:
    """Return a family by its name.

    Raises:
        NetlinkError: the kernel has no such family.
    """
    body = HEADER.pack(_GET_FAMILY, 1) + text(_FAMILY_NAME, name)
    ((_, answer),) = netlink.get(KernelRequest(_CONTROLLER, 0, body, name), dump=False)
    values = dict(attributes(answer, HEADER.size))
    groups = [dict(attributes(group)) for _, group in attributes(values.get(_GROUPS, b""))]
    return Family(
        name,
        _U16.unpack_from(values[_FAMILY_ID])[0],
        version,
        tuple(
            (group[_GROUP_NAME].rstrip(b"\0").decode(errors="replace"), _U32.unpack_from(group[_GROUP_ID])[0])
            for group in groups
        ),
    )


def has_family(name: str) -> bool:
    """Return whether this kernel has a family of a name."""
    with Netlink(NETLINK_GENERIC) as netlink:
        try:
            find_family(netlink, name)
        except NetlinkError:
            return False
        return True
