"""Open vSwitch's datapath in the kernel, without Open vSwitch's programs: ports, flows, packets that no flow matches.

The messages are those of `linux/openvswitch.h`. A datapath sends a packet that no flow matches to a program (an
upcall), which tells the datapath what to do with it, and mostly makes a flow for those that follow.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from emulator.netlink import generic
from emulator.netlink.connection import NETLINK_GENERIC, Netlink
from emulator.netlink.flows import (
    Action,
    Flow,
    FlowKey,
    action_attributes,
    clear_attributes,
    flow_attributes,
    key_attributes,
    parse_flow,
    parse_key,
)
from emulator.netlink.messages import HEADER, NEW, KernelRequest, attribute, attributes, nested, text, u32
from emulator.system.closing import Closing

OWN_PORT = 0
"""The number of the datapath's own port, whose interface has the datapath's name."""

_NEW, _DELETE, _GET, _SET = 1, 2, 3, 4
_MISS, _ACTION, _EXECUTE = 1, 2, 3
_DATAPATH_NAME, _DATAPATH_SOCKET, _DATAPATH_FEATURES = 1, 2, 5
_DATAPATH_VERSION = 2
_UNALIGNED, _SOCKET_PER_PORT = 1, 2
_PORT_NUMBER, _PORT_TYPE, _PORT_NAME, _PORT_SOCKET = 1, 2, 3, 5
_NETDEV = 1
_PACKET, _PACKET_KEY, _PACKET_ACTIONS = 1, 2, 3
_OVS_HEADER = struct.Struct("=i")
_U32 = struct.Struct("=I")
_BODY = generic.HEADER.size + _OVS_HEADER.size
"""The offset of the attributes in a message's body."""
_UPCALL_BYTES = 2**17
_WAITING_BYTES = 2**22
_SO_RCVBUFFORCE = 33
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a datapath; ``name`` is that of its interface."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Upcall:
    """A packet that a datapath sends to a program: because no flow matches it, or because a flow's action says so."""

    is_miss: bool
    key: FlowKey
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Families:
    datapath: generic.Family
    port: generic.Family
    flow: generic.Family
    packet: generic.Family

    @classmethod
    def find(cls, netlink: Netlink) -> Self:
        return cls(
            generic.find_family(netlink, "ovs_datapath", _DATAPATH_VERSION),
            generic.find_family(netlink, "ovs_vport"),
            generic.find_family(netlink, "ovs_flow"),
            generic.find_family(netlink, "ovs_packet"),
        )


def is_supported() -> bool:
    """Return whether this kernel has datapaths."""
    return generic.has_family("ovs_datapath")


class Datapath(Closing):
    """A datapath of the calling thread's namespace, by its name; a context manager that closes its socket.

    The datapath lives on until `delete` removes it, or until its namespace ends. Each method raises a `NetlinkError` if
    the kernel refuses.
    """

    def __init__(self, name: str) -> None:
        """Make the datapath, unless there is one of this name."""
        self.name = name
        self._netlink = Netlink(NETLINK_GENERIC)
        try:
            self._families = _Families.find(self._netlink)
            self._index = self._find()
            if self._index == 0:
                self._index = self._make()
        except BaseException:
            self._netlink.close()
            raise

    def close(self) -> None:
        """Close the socket, and leave the datapath."""
        self._netlink.close()

    def delete(self) -> None:
        """Remove the datapath with its flows. The interfaces that were its ports stay."""
        self._change(self._families.datapath, _DELETE, b"", self.name)

    def add_port(self, interface: str, upcalls: Upcalls) -> int:
        """Make an interface a port, whose upcalls go to ``upcalls``, and return the port's number."""
        body = u32(_PORT_TYPE, _NETDEV) + text(_PORT_NAME, interface) + u32(_PORT_SOCKET, upcalls.port_id)
        self._change(self._families.port, _NEW, body, f"{self.name}, port {interface}", NEW)
        return next(port.number for port in self.ports() if port.name == interface)

    def take_upcalls(self, port: int, upcalls: Upcalls) -> None:
        """Let the upcalls of a port go to ``upcalls``."""
        body = u32(_PORT_NUMBER, port) + u32(_PORT_SOCKET, upcalls.port_id)
        self._change(self._families.port, _SET, body, f"{self.name}, port {port}")

    def delete_port(self, port: int) -> None:
        """Take an interface out of the datapath, by its port's number."""
        self._change(self._families.port, _DELETE, u32(_PORT_NUMBER, port), f"{self.name}, port {port}")

    def ports(self) -> tuple[Port, ...]:
        """Return the ports, the datapath's own among them, by their numbers."""
        found = []
        for body in self._dump(self._families.port, f"ports of {self.name}"):
            values = dict(attributes(body, _BODY))
            name = values[_PORT_NAME].rstrip(b"\0").decode(errors="replace")
            found.append(Port(_U32.unpack(values[_PORT_NUMBER])[0], name))
        return tuple(sorted(found, key=lambda port: port.number))

    def put_flow(self, key: FlowKey, actions: Iterable[Action]) -> None:
        """Make a flow, or change the actions of the one with this key; without actions, it drops the packets."""
        self._netlink.send([self._flow(key, actions)])

    def delete_flow(self, key: FlowKey) -> None:
        """Remove a flow."""
        self._change(self._families.flow, _DELETE, key_attributes(key), f"{self.name}, flow")

    def delete_flows(self) -> None:
        """Remove all flows."""
        self._change(self._families.flow, _DELETE, b"", f"{self.name}, flows")

    def clear_flow(self, key: FlowKey) -> None:
        """Set a flow's counts to zero, and forget when it was used."""
        self._change(self._families.flow, _SET, clear_attributes(key), f"{self.name}, flow")

    def flows(self) -> tuple[Flow, ...]:
        """Return the flows that `emulator.netlink.flows` can express."""
        found = []
        for body in self._dump(self._families.flow, f"flows of {self.name}"):
            try:
                found.append(parse_flow(body, _BODY))
            except ValueError:  # a flow of another program
                continue
        return tuple(found)

    def execute(self, *packets: tuple[bytes, Sequence[Action]]) -> None:
        """Let the datapath carry out actions on each packet, in their order."""
        self._netlink.send([self._packet(frame, actions) for frame, actions in packets])

    def answer(self, upcall: Upcall, actions: Sequence[Action]) -> None:
        """Let the datapath carry out actions on the packet of an upcall, and on later packets that match its key."""
        requests = [self._packet(upcall.frame, actions)] if actions else []
        self._netlink.send([*requests, self._flow(upcall.key, actions)])

    def _find(self) -> int:
        """Return the interface index of the datapath; 0 if there is none."""
        for body in self._dump(self._families.datapath, "datapaths"):
            name = dict(attributes(body, _BODY))[_DATAPATH_NAME].rstrip(b"\0")
            if name == self.name.encode():
                found: int = _OVS_HEADER.unpack_from(body, generic.HEADER.size)[0]
                return found
        return 0

    def _make(self) -> int:
        body = text(_DATAPATH_NAME, self.name) + u32(_DATAPATH_SOCKET, 0)
        body += u32(_DATAPATH_FEATURES, _UNALIGNED | _SOCKET_PER_PORT)
        self._change(self._families.datapath, _NEW, body, self.name, NEW, index=0)
        return self._find()

    def _flow(self, key: FlowKey, actions: Iterable[Action]) -> KernelRequest:
        body = self._header() + flow_attributes(key, actions)
        # without flags, the kernel changes the actions of a flow that is there
        return self._families.flow.request(_NEW, body, f"{self.name}, flow")

    def _packet(self, frame: bytes, actions: Iterable[Action]) -> KernelRequest:
        body = attribute(_PACKET, frame) + nested(_PACKET_KEY) + nested(_PACKET_ACTIONS, action_attributes(actions))
        return self._families.packet.request(_EXECUTE, self._header() + body, f"{self.name}, packet")

    def _change(
        self, family: generic.Family, command: int, body: bytes, subject: str, flags: int = 0, index: int | None = None
    ) -> None:
        self._netlink.send([family.request(command, self._header(index) + body, subject, flags)])

    def _dump(self, family: generic.Family, subject: str) -> Iterator[bytes]:
        index = 0 if family is self._families.datapath else None
        for kind, body in self._netlink.get(family.request(_GET, self._header(index), subject)):
            if kind == family.number:
                yield body

    def _header(self, index: int | None = None) -> bytes:
        return _OVS_HEADER.pack(self._index if index is None else index)


class Upcalls(Closing):
    """A socket for the upcalls of datapaths of the calling thread's namespace; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _WAITING_BYTES)
            self._socket.bind((0, 0))
            with Netlink(NETLINK_GENERIC) as netlink:
                self._family = generic.find_family(netlink, "ovs_packet").number
        except BaseException:
            self._socket.close()
            raise
        self.port_id: int = self._socket.getsockname()[0]
        """The port id of the socket, by which datapaths know it."""

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; a datapath then drops the packets that no flow matches."""
        self._socket.close()

    def receive(self) -> list[Upcall]:
        """Return upcalls that wait, at most 64, in their order; an empty list if none waits."""
        found: list[Upcall] = []
        while len(found) < _BATCH:
            try:
                data = self._socket.recv(_UPCALL_BYTES)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS: more came than the socket holds, and the kernel dropped some
                continue
            if (upcall := parse_upcall(data, self._family)) is not None:
                found.append(upcall)
        return found


def parse_upcall(data: bytes, family: int) -> Upcall | None:
    """Return the upcall of a datagram; None if the datagram is something else. ``family`` is that of packets."""
    if len(data) < HEADER.size + _BODY:
        return None
    _, kind, *_ = HEADER.unpack_from(data)
    command, _ = generic.HEADER.unpack_from(data, HEADER.size)
    if kind != family or command not in (_MISS, _ACTION):
        return None
    values = dict(attributes(data, HEADER.size + _BODY))
    try:
        return Upcall(command == _MISS, parse_key(values.get(_PACKET_KEY, b"")), values[_PACKET])
    except (KeyError, ValueError):
        return None
