"""Interfaces: make veth pairs and bridges, bring them up and down, name and list them."""

from __future__ import annotations

import errno
import fcntl
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.netlink.connection import Netlink, NetlinkError
from emulator.netlink.messages import NEW, KernelRequest, attribute, attributes, nested, text, u32
from gtsdsl.model.units import MTU_BYTES

LOOPBACK_INDEX = 1
"""The interface index of ``lo``, which is the same in each namespace."""

LISTENING, LEARNING = 1, 2
"""States of a bridge's port about which the spanning tree has not decided yet."""

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 4, 10, 18
_IFLA_NET_NS_FD = 28
_IFLA_NUM_TX_QUEUES, _IFLA_NUM_RX_QUEUES, _IFLA_GSO_MAX_SEGS = 31, 32, 40
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_DATA = 1, 2, 5
_VETH_INFO_PEER = 1
_BR_FORWARD_DELAY, _BR_HELLO_TIME, _BR_MAX_AGE, _BR_STP_STATE = 1, 2, 3, 5
_BR_MCAST_SNOOPING = 23
_BRPORT_STATE = 1
_IFF_UP = 1
_IFINFO = struct.Struct("=BxHiII")
_LIST = KernelRequest(_RTM_GETLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0), "the list of interfaces")
_BYTE = struct.Struct("=HHB3x")
_SIOCETHTOOL, _ETHTOOL_GLINK, _ETHTOOL_STXCSUM = 0x8946, 0xA, 0x17
_IFREQ = struct.Struct("16sP16x")
_VETH = text(_INFO_KIND, "veth")


@dataclass(frozen=True, slots=True)
class VethEnd:
    """One end of a veth pair: its name, index, MAC address and MTU in the namespace of the descriptor ``namespace``."""

    namespace: int
    name: str
    index: int
    mac: bytes
    mtu_bytes: int = MTU_BYTES


@dataclass(frozen=True, slots=True)
class LinkState:
    """An interface as the kernel lists it."""

    index: int
    name: str
    is_up: bool
    mac: str


def veth(first: VethEnd, second: VethEnd) -> KernelRequest:
    """Return the request that makes a veth pair with each end in its own namespace, where its name is unique.

    Both ends are down, because the kernel refuses to make a pair whose ends are up.
    """
    peer = attribute(_VETH_INFO_PEER, _end(second))
    body = _end(first) + nested(_IFLA_LINKINFO, _VETH, nested(_INFO_DATA, peer))
    return KernelRequest(_RTM_NEWLINK, NEW, body, first.name)


def _end(end: VethEnd) -> bytes:
    return b"".join(
        (
            _IFINFO.pack(0, 0, end.index, 0, 0),
            text(_IFLA_IFNAME, end.name),
            attribute(_IFLA_ADDRESS, end.mac),
            u32(_IFLA_MTU, end.mtu_bytes),
            u32(_IFLA_NET_NS_FD, end.namespace),
        )
    )


def ifb(name: str, index: int, queues: int) -> KernelRequest:
    """Return the request that makes an interface to which packets are redirected, and which returns them (IFB)."""
    info = nested(_IFLA_LINKINFO, text(_INFO_KIND, "ifb"))
    counts = u32(_IFLA_NUM_TX_QUEUES, queues) + u32(_IFLA_NUM_RX_QUEUES, queues)
    return KernelRequest(
        _RTM_NEWLINK, NEW, _IFINFO.pack(0, 0, index, 0, 0) + text(_IFLA_IFNAME, name) + counts + info, name
    )


def bridge(name: str, index: int, *, spanning_tree: bool) -> KernelRequest:
    """Return the request that makes a Linux bridge.

    With a spanning tree, a port forwards four seconds after it came up, which is the least that 802.1D allows.
    """
    data = [_BYTE.pack(5, _BR_MCAST_SNOOPING, 0)]
    if spanning_tree:
        # in hundredths of a second, in this order, because the kernel checks each value against the others
        data += [u32(_BR_HELLO_TIME, 100), u32(_BR_MAX_AGE, 600), u32(_BR_FORWARD_DELAY, 200), u32(_BR_STP_STATE, 1)]
    info = nested(_IFLA_LINKINFO, text(_INFO_KIND, "bridge"), nested(_INFO_DATA, *data))
    return KernelRequest(_RTM_NEWLINK, NEW, _IFINFO.pack(0, 0, index, 0, 0) + text(_IFLA_IFNAME, name) + info, name)


def up(index: int, name: str) -> KernelRequest:
    """Return the request that brings an interface up."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP), name)


def down(index: int, name: str) -> KernelRequest:
    """Return the request that brings an interface down."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, _IFF_UP), name)


def without_offload(index: int, name: str) -> KernelRequest:
    """Return the request that lets TCP give an interface packets of one segment only."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + u32(_IFLA_GSO_MAX_SEGS, 1), name)


def set_master(index: int, name: str, bridge_index: int) -> KernelRequest:
    """Return the request that makes an interface a port of a bridge."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + u32(_IFLA_MASTER, bridge_index), name)


def set_mtu(index: int, name: str, mtu_bytes: int) -> KernelRequest:
    """Return the request that changes an interface's MTU."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + u32(_IFLA_MTU, mtu_bytes), name)


def set_mac(index: int, name: str, mac: bytes) -> KernelRequest:
    """Return the request that changes an interface's MAC address."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + attribute(_IFLA_ADDRESS, mac), name)


def rename(index: int, name: str, new_name: str) -> KernelRequest:
    """Return the request that renames an interface."""
    return KernelRequest(_RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + text(_IFLA_IFNAME, new_name), name)


def delete(index: int, name: str) -> KernelRequest:
    """Return the request that removes an interface, and the other end if it is a veth pair's."""
    return KernelRequest(_RTM_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0), name)


def settle(netlink: Netlink, names: Iterable[str]) -> None:
    """Let the kernel notice at once that the other ends of these interfaces have come up.

    The kernel would notice the carrier some time later, and drop each packet that is sent before; a query of the
    carrier makes it look at once.

    Raises:
        OSError: an interface is missing.
    """
    _ethtool(netlink, names, _ETHTOOL_GLINK)


def finish_checksums(netlink: Netlink, names: Iterable[str]) -> None:
    """Let interfaces compute checksums and send no packets above the MTU.

    A veth pair normally leaves both to the receiver. The receiving kernel knows that, but a program that reads frames
    there does not.

    Raises:
        OSError: an interface is missing.
    """
    _ethtool(netlink, names, _ETHTOOL_STXCSUM)


def _ethtool(netlink: Netlink, names: Iterable[str], command: int) -> None:
    question = array("I", [command, 0])
    address = question.buffer_info()[0]
    for name in names:
        fcntl.ioctl(netlink.fileno(), _SIOCETHTOOL, _IFREQ.pack(name.encode(), address))


def all_links(netlink: Netlink) -> list[LinkState]:
    """Return the interfaces of the namespace of a netlink socket."""
    found = []
    for kind, body in netlink.get(_LIST):
        if kind == _RTM_NEWLINK:
            _, _, index, flags, _ = _IFINFO.unpack_from(body)
            values = dict(attributes(body, _IFINFO.size))
            name = values[_IFLA_IFNAME].rstrip(b"\0").decode(errors="replace")
            found.append(LinkState(index, name, bool(flags & _IFF_UP), values.get(_IFLA_ADDRESS, b"").hex(":")))
    return found


def has_index(netlink: Netlink, index: int) -> bool:
    """Return whether the namespace of a netlink socket has an interface with an index."""
    request = KernelRequest(_RTM_GETLINK, 0, _IFINFO.pack(0, 0, index, 0, 0), f"interface {index}")
    try:
        netlink.get(request, dump=False)
    except NetlinkError as error:
        if error.number != errno.ENODEV:
            raise
        return False
    return True


def bridge_port_states(netlink: Netlink) -> dict[str, int]:
    """Return the 802.1D state of each bridge port of a namespace, by its name; `LISTENING` and `LEARNING` pass."""
    found = {}
    for kind, body in netlink.get(_LIST):
        values = dict(attributes(body, _IFINFO.size)) if kind == _RTM_NEWLINK else {}
        port = dict(attributes(dict(attributes(values.get(_IFLA_LINKINFO, b""))).get(_INFO_SLAVE_DATA, b"")))
        if _BRPORT_STATE in port:
            found[values[_IFLA_IFNAME].rstrip(b"\0").decode(errors="replace")] = port[_BRPORT_STATE][0]
    return found
