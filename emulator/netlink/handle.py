"""What an overlay wants of one namespace's kernel to netlink messages: links, tunnels, neighbours, routes, keys.

The values are those that `state` reads back, so that what is there can be compared with what should be. It is pyroute2
that packs them, for it knows each kind of tunnel; whole networks are made by the modules beside this one, faster.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError
from emulator.netlink.state import FdbEntry, InterfaceAddress, Neighbour, Route, TunnelPeer

Entry: TypeAlias = Neighbour | FdbEntry | Route | TunnelPeer
"""What leads to another host: a line of one of the kernel's tables."""

ETHERNET_MTU_BYTES = 1500

_SCOPES = {"global": 0, "link": 253, "host": 254}
_PROTOCOLS = {"kernel": 2, "boot": 3, "static": 4}
_ONLINK = 0x4
_PERMANENT, _SELF = 0x80, 0x02
_SIOCGIFNAME, _SIOCGIFMTU, _SIOCGIFINDEX = 0x8910, 0x8921, 0x8933
_IFNAME_BYTES = 16
_IFREQ = struct.Struct("16si20x")


class Handle:
    """A hold on a namespace's kernel; a context manager. For one process and one thread: make it after a fork.

    Each method raises a `NetlinkError`, which names the link or the entry, if the kernel refuses.
    """

    def __init__(self, namespace: int) -> None:
        """``namespace`` is a descriptor of it."""
        from pyroute2 import IPRoute  # type: ignore[import-untyped]

        self._namespace = namespace
        with namespaces.entered(namespace):
            # names, indices and MTUs are asked for all the time, for which netlink's messages would be dear
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._kernel = IPRoute()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._kernel.close()
        self._socket.close()

    def has_link(self, name: str) -> bool:
        """Whether there is a link of a name."""
        try:
            self._index(name)
        except NetlinkError:
            return False
        return True

    def add_vxlan(self, name: str, *, vni: int, port: int, local: str, mac: str, mtu_bytes: int) -> None:
        """A VXLAN tunnel from an address to wherever the FDB says; it learns nothing, and has no queue."""
        tunnel = {"vxlan_id": vni, "vxlan_port": port, "vxlan_local": local, "vxlan_learning": False}
        self._add(name, {"kind": "vxlan", **tunnel, "address": mac, "mtu": mtu_bytes, "txqlen": 0})

    def add_geneve(self, name: str, *, vni: int, port: int, remote: str, mac: str) -> None:
        """A GENEVE tunnel to an address."""
        tunnel = {"geneve_id": vni, "geneve_port": port, "geneve_remote": remote}
        self._add(name, {"kind": "geneve", **tunnel, "address": mac})

    def add_bridge(self, name: str, *, mac: str, mtu_bytes: int) -> None:
        """A Linux bridge, up."""
        self._add(name, {"kind": "bridge", "address": mac, "mtu": mtu_bytes, "state": "up"})

    def add_veth(self, name: str, *, mac: str, peer: str, peer_namespace: int, peer_mac: str, mtu_bytes: int) -> None:
        """A veth pair, the other end of which is in the namespace that a descriptor names."""
        far = {"ifname": peer, "net_ns_fd": peer_namespace, "address": peer_mac, "mtu": mtu_bytes}
        self._add(name, {"kind": "veth", "address": mac, "mtu": mtu_bytes, "peer": far})

    def add_wireguard(self, name: str, *, mtu_bytes: int) -> None:
        """A WireGuard interface, without a key as yet, and without a queue."""
        self._add(name, {"kind": "wireguard", "mtu": mtu_bytes, "txqlen": 0})

    def set_wireguard(self, name: str, *, private_key: str, port: int) -> None:
        """Give a WireGuard interface its key (in base64), and the UDP port that it listens on."""
        with self._wireguard(name) as kernel:
            kernel.set(name, private_key=private_key, listen_port=port)

    def delete_link(self, name: str) -> None:
        """Remove a link, and what leads through it."""
        with _naming(name):
            self._kernel.link("del", index=self._index(name))

    def set_up(self, name: str, *, master: str | None = None, mtu_bytes: int | None = None) -> None:
        """Bring a link up, as a bridge's port and with another MTU if they are given."""
        changes: dict[str, object] = {}
        if master is not None:
            changes["master"] = self._index(master)
        if mtu_bytes is not None:
            changes["mtu"] = mtu_bytes
        with _naming(name):
            self._kernel.link("set", index=self._index(name), state="up", **changes)

    def add_address(self, item: InterfaceAddress) -> None:
        """Give an interface an address."""
        address, _, length = item.address.partition("/")
        with _naming(f"{item.interface}, address {item.address}"):
            self._kernel.addr("add", index=self._index(item.interface), address=address, prefixlen=int(length))

    def remove_address(self, item: InterfaceAddress) -> None:
        """Take an address from an interface."""
        address, _, length = item.address.partition("/")
        with _naming(f"{item.interface}, address {item.address}"):
            self._kernel.addr("delete", index=self._index(item.interface), address=address, prefixlen=int(length))

    def put(self, entry: Entry) -> None:
        """Have an entry in its table, in place of one that says something else about the same."""
        self._write("replace", entry)

    def drop(self, entry: Entry) -> None:
        """Remove an entry from its table."""
        self._write("del", entry)

    def route_to(self, address: str) -> Route:
        """The route that a packet to an address takes now; its destination is the address."""
        with _naming(f"route to {address}"):
            (found,) = self._kernel.route("get", dst=address)
        name = fcntl.ioctl(self._socket, _SIOCGIFNAME, _IFREQ.pack(b"", found.get("oif")))[:_IFNAME_BYTES]
        interface = name.rstrip(b"\0").decode(errors="replace")
        return Route(f"{address}/32", interface, found.get("gateway"), source=found.get("prefsrc"))

    def mtu_bytes(self, name: str) -> int:
        """A link's MTU."""
        return self._ask(_SIOCGIFMTU, name)

    def least_mtu_bytes(self, names: Sequence[str]) -> int:
        """The smallest MTU of some links; Ethernet's if there are none, as on a host without circuits."""
        return min((self.mtu_bytes(name) for name in names), default=ETHERNET_MTU_BYTES)

    def _add(self, name: str, attributes: Mapping[str, object]) -> None:
        with _naming(name):
            self._kernel.link("add", ifname=name, **attributes)

    def _write(self, verb: str, entry: Entry) -> None:
        with _naming(_subject(entry)):
            if isinstance(entry, Neighbour):
                self._kernel.neigh(
                    verb,
                    ifindex=self._index(entry.interface),
                    dst=entry.address,
                    lladdr=entry.mac,
                    state=_PERMANENT,
                )
            elif isinstance(entry, FdbEntry):
                self._kernel.fdb(
                    verb,
                    ifindex=self._index(entry.interface),
                    lladdr=entry.mac,
                    dst=entry.destination,
                    state=_PERMANENT,
                    flags=_SELF,
                )
            elif isinstance(entry, Route):
                self._route(verb, entry)
            else:
                self._peer(verb, entry)

    def _route(self, verb: str, route: Route) -> None:
        optional = {"gateway": route.gateway, "prefsrc": route.source}
        self._kernel.route(
            verb,
            dst=route.destination,
            oif=self._index(route.interface or ""),
            scope=_SCOPES[route.scope],
            proto=_PROTOCOLS[route.protocol],
            flags=_ONLINK if "onlink" in route.flags else 0,
            **{name: value for name, value in optional.items() if value is not None},
        )

    def _peer(self, verb: str, peer: TunnelPeer) -> None:
        with self._wireguard(peer.interface) as kernel:
            if verb == "del":
                kernel.set(peer.interface, peer={"public_key": peer.public_key, "remove": True})
                return
            address, _, port = (peer.endpoint or "").partition(":")
            kernel.set(
                peer.interface,
                peer={
                    "public_key": peer.public_key,
                    "endpoint_addr": address,
                    "endpoint_port": int(port),
                    "allowed_ips": list(peer.allowed),
                    "replace_allowed_ips": True,
                },
            )

    @contextmanager
    def _wireguard(self, name: str) -> Iterator[Any]:
        from pyroute2 import WireGuard

        with _naming(name), namespaces.entered(self._namespace):
            kernel = WireGuard()
            try:
                yield kernel
            finally:
                kernel.close()

    def _index(self, name: str) -> int:
        return self._ask(_SIOCGIFINDEX, name)

    def _ask(self, question: int, name: str) -> int:
        try:
            answer = fcntl.ioctl(self._socket, question, _IFREQ.pack(name.encode()[: _IFNAME_BYTES - 1], 0))
        except OSError as error:
            raise NetlinkError(name, error.errno or 0, "") from None
        found: int = _IFREQ.unpack(answer)[1]
        return found


@contextmanager
def _naming(subject: str) -> Iterator[None]:
    """Within it, what pyroute2 raises becomes an error of ours that names what it was about."""
    from pyroute2.netlink.exceptions import NetlinkError as Refused  # type: ignore[import-untyped]

    try:
        yield
    except Refused as error:
        raise NetlinkError(subject, error.code, "") from None


def _subject(entry: Entry) -> str:
    if isinstance(entry, Neighbour):
        return f"{entry.interface}, neighbour {entry.address}"
    if isinstance(entry, FdbEntry):
        return f"{entry.interface}, FDB entry {entry.mac}"
    if isinstance(entry, Route):
        return f"route to {entry.destination} over {entry.interface}"
    return f"{entry.interface}, peer {entry.public_key}"
