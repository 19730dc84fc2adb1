"""Changes that an overlay makes in one namespace: links, tunnels, neighbours, routes, keys.

The values are those that `state` reads, so that an agent can compare the kernel's state with the wanted one. pyroute2
packs the messages here, because it knows each kind of tunnel. The modules beside this one make whole networks, faster.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError
from emulator.netlink.state import FdbEntry, InterfaceAddress, Neighbour, Route, TunnelPeer
from emulator.system.closing import Closing

Entry: TypeAlias = Neighbour | FdbEntry | Route | TunnelPeer
"""An entry of one of the kernel's tables that leads to another host."""

ETHERNET_MTU_BYTES = 1500

_SCOPES = {"global": 0, "link": 253, "host": 254}
_PROTOCOLS = {"kernel": 2, "boot": 3, "static": 4, "bird": 12}
_ONLINK = 0x4
_PERMANENT, _SELF = 0x80, 0x02
_IFA_F_NODAD = 0x02
_SIOCGIFNAME, _SIOCGIFMTU, _SIOCGIFINDEX = 0x8910, 0x8921, 0x8933
_IFNAME_BYTES = 16
_IFREQ = struct.Struct("16si20x")


class Handle(Closing):
    """Open sockets in one network namespace, to change it; a context manager for one process and one thread.

    Each method raises a `NetlinkError`, which names the link or the entry, if the kernel refuses.
    """

    def __init__(self, namespace: int) -> None:
        """Open the sockets in the namespace of the descriptor ``namespace``."""
        from pyroute2 import IPRoute  # type: ignore[import-untyped]

        self._namespace = namespace
        with namespaces.entered(namespace):
            # an ioctl reads names, indices and MTUs, because they are needed often and netlink messages take longer
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._kernel = IPRoute()

    def close(self) -> None:
        """Close the sockets."""
        self._kernel.close()
        self._socket.close()

    def has_link(self, name: str) -> bool:
        """Return whether the namespace has a link of this name."""
        try:
            self._index(name)
        except NetlinkError:
            return False
        return True

    def add_vxlan(self, name: str, *, vni: int, port: int, local: str, mac: str, mtu_bytes: int) -> None:
        """Add a VXLAN tunnel from the address ``local``, without learning and queue; its FDB says where frames go."""
        tunnel = {"vxlan_id": vni, "vxlan_port": port, f"vxlan_local{_suffix(local)}": local, "vxlan_learning": False}
        self._add(name, {"kind": "vxlan", **tunnel, "address": mac, "mtu": mtu_bytes, "txqlen": 0})

    def add_external_vxlan(self, name: str, *, port: int, mtu_bytes: int) -> None:
        """Add a VXLAN tunnel without learning, and bring it up; the sender of a frame sets VNI and addresses."""
        # the tunnel opens a socket for IPv6. If that made the kernel load IPv6 as a module, both would wait for each
        # other's lock (seen with Linux 6.1)
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
        tunnel = {"vxlan_port": port, "vxlan_collect_metadata": True, "vxlan_learning": False}
        self._add(name, {"kind": "vxlan", **tunnel, "mtu": mtu_bytes, "state": "up"})

    def add_geneve(self, name: str, *, vni: int, port: int, remote: str, mac: str) -> None:
        """Add a GENEVE tunnel to the address ``remote``."""
        tunnel = {"geneve_id": vni, "geneve_port": port, f"geneve_remote{_suffix(remote)}": remote}
        self._add(name, {"kind": "geneve", **tunnel, "address": mac})

    def add_ipip(self, name: str, *, mtu_bytes: int) -> None:
        """Add a tunnel of IP in IP without fixed ends, and bring it up; its routes name the far ends as gateways.

        A namespace has one such tunnel. By default, the kernel makes it as `tunl0` when its module is loaded, and the
        request loads the module. So a tunnel that has the name is taken, and gets the MTU.
        """
        try:
            self._add(name, {"kind": "ipip", "mtu": mtu_bytes, "state": "up"})
        except NetlinkError as error:
            if error.number != errno.EEXIST or not self.has_link(name):
                raise
            self.set_up(name, mtu_bytes=mtu_bytes)

    def add_dummy(self, name: str, *, mtu_bytes: int) -> None:
        """Add an interface that drops what is sent by it, to hold an address, and bring it up."""
        self._add(name, {"kind": "dummy", "mtu": mtu_bytes, "state": "up"})

    def add_bridge(self, name: str, *, mac: str, mtu_bytes: int) -> None:
        """Add a Linux bridge and bring it up."""
        self._add(name, {"kind": "bridge", "address": mac, "mtu": mtu_bytes, "state": "up"})

    def add_veth(self, name: str, *, mac: str, peer: str, peer_namespace: int, peer_mac: str, mtu_bytes: int) -> None:
        """Add a veth pair whose other end, ``peer``, is in the namespace of the descriptor ``peer_namespace``."""
        far = {"ifname": peer, "net_ns_fd": peer_namespace, "address": peer_mac, "mtu": mtu_bytes}
        self._add(name, {"kind": "veth", "address": mac, "mtu": mtu_bytes, "peer": far})

    def add_wireguard(self, name: str, *, mtu_bytes: int) -> None:
        """Add a WireGuard interface without a queue; `set_wireguard` gives it its key."""
        self._add(name, {"kind": "wireguard", "mtu": mtu_bytes, "txqlen": 0})

    def set_wireguard(self, name: str, *, private_key: str, port: int) -> None:
        """Set a WireGuard interface's private key (base64) and its UDP port."""
        with self._wireguard(name) as kernel:
            kernel.set(name, private_key=private_key, listen_port=port)

    def delete_link(self, name: str) -> None:
        """Remove a link, and with it the entries that lead through it."""
        with _naming(name):
            self._kernel.link("del", index=self._index(name))

    def set_up(self, name: str, *, master: str | None = None, mtu_bytes: int | None = None) -> None:
        """Bring a link up; ``master`` makes it a port of that bridge, ``mtu_bytes`` changes its MTU."""
        changes: dict[str, object] = {}
        if master is not None:
            changes["master"] = self._index(master)
        if mtu_bytes is not None:
            changes["mtu"] = mtu_bytes
        with _naming(name):
            self._kernel.link("set", index=self._index(name), state="up", **changes)

    def add_address(self, item: InterfaceAddress) -> None:
        """Add an address to an interface."""
        self._change_address("add", item)

    def remove_address(self, item: InterfaceAddress) -> None:
        """Remove an address from an interface."""
        self._change_address("delete", item)

    def put(self, entry: Entry) -> None:
        """Write an entry into its table; it replaces an entry for the same destination."""
        self._write("replace", entry)

    def drop(self, entry: Entry) -> None:
        """Remove an entry from its table."""
        self._write("del", entry)

    def route_to(self, address: str) -> Route:
        """Return the route that a packet to an address takes now; the route's destination is the address."""
        with _naming(f"route to {address}"):
            (found,) = self._kernel.route("get", dst=address)
        name = fcntl.ioctl(self._socket, _SIOCGIFNAME, _IFREQ.pack(b"", found.get("oif")))[:_IFNAME_BYTES]
        interface = name.rstrip(b"\0").decode(errors="replace")
        length = 128 if ":" in address else 32
        return Route(f"{address}/{length}", interface, found.get("gateway"), source=found.get("prefsrc"))

    def mtu_bytes(self, name: str) -> int:
        """Return a link's MTU."""
        return self._ask(_SIOCGIFMTU, name)

    def least_mtu_bytes(self, names: Sequence[str]) -> int:
        """Return the smallest MTU of some links; without links, as on a host without circuits, Ethernet's 1,500."""
        return min((self.mtu_bytes(name) for name in names), default=ETHERNET_MTU_BYTES)

    def _add(self, name: str, attributes: Mapping[str, object]) -> None:
        with _naming(name):
            self._kernel.link("add", ifname=name, **attributes)

    def _change_address(self, verb: str, item: InterfaceAddress) -> None:
        address, _, length = item.address.partition("/")
        # an overlay hands out each address once, so the kernel need not ask whether another node has it
        flags = {"flags": _IFA_F_NODAD} if ":" in address and verb == "add" else {}
        with _naming(f"{item.interface}, address {item.address}"):
            self._kernel.addr(verb, index=self._index(item.interface), address=address, prefixlen=int(length), **flags)

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
        interface = None if route.interface is None and route.type != "unicast" else self._index(route.interface or "")
        optional = {"gateway": route.gateway, "prefsrc": route.source, "oif": interface}
        self._kernel.route(
            verb,
            dst=route.destination,
            type=route.type,
            scope=_SCOPES[route.scope],
            proto=_PROTOCOLS[route.protocol] if route.protocol in _PROTOCOLS else int(route.protocol),
            flags=_ONLINK if "onlink" in route.flags else 0,
            **{name: value for name, value in optional.items() if value is not None},
        )

    def _peer(self, verb: str, peer: TunnelPeer) -> None:
        with self._wireguard(peer.interface) as kernel:
            if verb == "del":
                kernel.set(peer.interface, peer={"public_key": peer.public_key, "remove": True})
                return
            address, _, port = (peer.endpoint or "").rpartition(":")
            kernel.set(
                peer.interface,
                peer={
                    "public_key": peer.public_key,
                    "endpoint_addr": address.strip("[]"),
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


def _suffix(address: str) -> str:
    """Return what the names of netlink's attributes for an address end with."""
    return "6" if ":" in address else ""


@contextmanager
def _naming(subject: str) -> Iterator[None]:
    """Raise pyroute2's errors as `NetlinkError` with the subject of the request."""
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
        return f"route to {entry.destination} over {entry.interface or entry.type}"
    return f"{entry.interface}, peer {entry.public_key}"
