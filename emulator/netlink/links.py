"""Interfaces: veth pairs straight into their namespaces, bridges, up and down, names, lists."""

from __future__ import annotations

import fcntl
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.netlink.connection import Netlink
from emulator.netlink.messages import NEW, Request, attribute, attributes, nested, text, u32

LOOPBACK_INDEX = 1
"""The interface index of `lo` in every namespace."""

LISTENING, LEARNING = 1, 2
"""States of a bridge's port in which the spanning tree has not yet decided about it."""

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 10, 18
_IFLA_NET_NS_FD = 28
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_DATA = 1, 2, 5
_VETH_INFO_PEER = 1
_BR_FORWARD_DELAY, _BR_HELLO_TIME, _BR_MAX_AGE, _BR_STP_STATE = 1, 2, 3, 5
_BR_MCAST_SNOOPING = 23
_BRPORT_STATE = 1
_IFF_UP = 1
_IFINFO = struct.Struct("=BxHiII")
_BYTE = struct.Struct("=HHB3x")
_SIOCETHTOOL, _ETHTOOL_GLINK, _ETHTOOL_STXCSUM = 0x8946, 0xA, 0x17
_IFREQ = struct.Struct("16sP16x")
_VETH = text(_INFO_KIND, "veth")


@dataclass(frozen=True, slots=True)
class VethEnd:
    """One end of a veth pair to be: its name, index and MAC address in the namespace that a descriptor names."""

    namespace: int
    name: str
    index: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class LinkState:
    """An interface as the kernel has it."""

    index: int
    name: str
    is_up: bool
    mac: str


def veth(first: VethEnd, second: VethEnd) -> Request:
    """A veth pair, each end in its namespace from the first moment on: a name need be unique there only.

    Both are down: the kernel refuses a pair that is up when it is made.
    """
    peer = attribute(_VETH_INFO_PEER, _end(second))
    body = _end(first) + nested(_IFLA_LINKINFO, _VETH, nested(_INFO_DATA, peer))
    return Request(_RTM_NEWLINK, NEW, body, first.name)


def _end(end: VethEnd) -> bytes:
    return b"".join(
        (
            _IFINFO.pack(0, 0, end.index, 0, 0),
            text(_IFLA_IFNAME, end.name),
            attribute(_IFLA_ADDRESS, end.mac),
            u32(_IFLA_NET_NS_FD, end.namespace),
        )
    )


def bridge(name: str, index: int, *, spanning_tree: bool) -> Request:
    """A Linux bridge. With a spanning tree, a port forwards four seconds after it came up, as fast as 802.1D allows."""
    data = [_BYTE.pack(5, _BR_MCAST_SNOOPING, 0)]
    if spanning_tree:
        # in hundredths of a second; the order matters: the kernel checks each against the others' bounds
        data += [u32(_BR_HELLO_TIME, 100), u32(_BR_MAX_AGE, 600), u32(_BR_FORWARD_DELAY, 200), u32(_BR_STP_STATE, 1)]
    info = nested(_IFLA_LINKINFO, text(_INFO_KIND, "bridge"), nested(_INFO_DATA, *data))
    return Request(_RTM_NEWLINK, NEW, _IFINFO.pack(0, 0, index, 0, 0) + text(_IFLA_IFNAME, name) + info, name)


def up(index: int, name: str) -> Request:
    """Bring an interface up."""
    return Request(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP), name)


def down(index: int, name: str) -> Request:
    """Bring an interface down."""
    return Request(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, _IFF_UP), name)


def set_master(index: int, name: str, bridge_index: int) -> Request:
    """Make an interface a bridge's port."""
    return Request(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + u32(_IFLA_MASTER, bridge_index), name)


def set_mac(index: int, name: str, mac: bytes) -> Request:
    """Give an interface another MAC address."""
    return Request(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + attribute(_IFLA_ADDRESS, mac), name)


def rename(index: int, name: str, new_name: str) -> Request:
    """Give an interface another name."""
    return Request(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + text(_IFLA_IFNAME, new_name), name)


def delete(index: int, name: str) -> Request:
    """Remove an interface; of a veth pair, both ends."""
    return Request(_RTM_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0), name)


def settle(netlink: Netlink, names: Iterable[str]) -> None:
    """Have interfaces send from now on whose other ends have come up after them.

    The kernel notices a carrier later, at its leisure, and drops what is sent before; asked for the carrier, at once.

    Raises:
        OSError: there is no such interface.
    """
    _ethtool(netlink, names, _ETHTOOL_GLINK)


def finish_checksums(netlink: Netlink, names: Iterable[str]) -> None:
    """Have interfaces send packets with their checksums, and none that is to be cut up by the receiver.

    A veth passes on what it is spared to compute, which the kernel at its other end knows, but no program that reads
    frames there.

    Raises:
        OSError: there is no such interface.
    """
    _ethtool(netlink, names, _ETHTOOL_STXCSUM)


def _ethtool(netlink: Netlink, names: Iterable[str], command: int) -> None:
    question = array("I", [command, 0])
    address = question.buffer_info()[0]
    for name in names:
        fcntl.ioctl(netlink.fileno(), _SIOCETHTOOL, _IFREQ.pack(name.encode(), address))


def all_links(netlink: Netlink) -> list[LinkState]:
    """The interfaces of a namespace."""
    found = []
    for kind, body in netlink.get(Request(_RTM_GETLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0), "the list of interfaces")):
        if kind == _RTM_NEWLINK:
            _, _, index, flags, _ = _IFINFO.unpack_from(body)
            values = dict(attributes(body, _IFINFO.size))
            name = values[_IFLA_IFNAME].rstrip(b"\0").decode(errors="replace")
            found.append(LinkState(index, name, bool(flags & _IFF_UP), values.get(_IFLA_ADDRESS, b"").hex(":")))
    return found


def bridge_port_states(netlink: Netlink) -> dict[str, int]:
    """The state of each bridge port of a namespace, as 802.1D has it: `LISTENING` and `LEARNING` pass."""
    found = {}
    for kind, body in netlink.get(Request(_RTM_GETLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0), "the list of interfaces")):
        values = dict(attributes(body, _IFINFO.size)) if kind == _RTM_NEWLINK else {}
        port = dict(attributes(dict(attributes(values.get(_IFLA_LINKINFO, b""))).get(_INFO_SLAVE_DATA, b"")))
        if _BRPORT_STATE in port:
            found[values[_IFLA_IFNAME].rstrip(b"\0").decode(errors="replace")] = port[_BRPORT_STATE][0]
    return found
