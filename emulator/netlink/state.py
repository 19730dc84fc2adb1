"""The configured state of a network namespace as plain values, by which overlays are compared.

pyroute2 reads it, because it knows the attributes of all kinds of links. Entries that the kernel learned and forgets
by itself (a neighbour that answered ARP) are left out, and so are the addresses that each interface with IPv6 has (::1,
link-local ones) and their routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from emulator.netlink import namespaces

Plain: TypeAlias = "str | int | bool | None"

_FAMILIES = (2, 10)
"""IPv4 and IPv6."""
_MAIN_TABLE = 254
_IFF_UP = 1
_PERMANENT = 0x80
_ROUTE_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable"}
_ANY = {2: "0.0.0.0", 10: "::"}  # noqa: S104 - the destinations of default routes
_LINK_LOCAL, _LOOPBACK = "fe80:", "::1"
_PROTOCOLS = {2: "kernel", 3: "boot", 4: "static", 12: "bird"}
_SCOPES = {0: "global", 253: "link", 254: "host"}
_FLAGS = {0x4: "onlink"}
_CLONED = 0x200
"""The flag of a route that the kernel keeps for one destination, such as for a path MTU, and forgets by itself."""
_DETAILS: dict[str, dict[str, tuple[str, ...]]] = {
    "vxlan": {
        "vni": ("IFLA_VXLAN_ID",),
        "port": ("IFLA_VXLAN_PORT",),
        "local": ("IFLA_VXLAN_LOCAL", "IFLA_VXLAN_LOCAL6"),
        "dev": ("IFLA_VXLAN_LINK",),
        "learning": ("IFLA_VXLAN_LEARNING",),
        "proxy": ("IFLA_VXLAN_PROXY",),
        "l2miss": ("IFLA_VXLAN_L2MISS",),
        "l3miss": ("IFLA_VXLAN_L3MISS",),
    },
    "geneve": {
        "vni": ("IFLA_GENEVE_ID",),
        "port": ("IFLA_GENEVE_PORT",),
        "remote": ("IFLA_GENEVE_REMOTE", "IFLA_GENEVE_REMOTE6"),
    },
    "tun": {"type": ("IFLA_TUN_TYPE",), "packet_information": ("IFLA_TUN_PI",)},
}
"""The attributes of each kind of link, by the name of the detail; the first one that the kernel has counts."""
_BOOLEAN = {"learning", "proxy", "l2miss", "l3miss", "packet_information"}
_TUN_TYPES = {1: "tun", 2: "tap"}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Link:
    """An interface. ``kind`` is the kernel's word for it (``vxlan``); None for a physical interface and ``lo``.

    ``master`` is the bridge that it is a port of. ``queue_packets`` is the length of its queue, `qlen` of `ip link`.
    ``details`` are names and values of the attributes of its kind.
    """

    name: str
    kind: str | None
    mtu_bytes: int
    mac: str | None
    master: str | None
    is_up: bool
    queue_packets: int
    details: tuple[tuple[str, Plain], ...] = ()


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of an interface, with its prefix length: ``10.244.1.0/32``, ``fd00:10:244:1::/128``."""

    interface: str
    address: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent entry of the neighbour table: the MAC address of an address on an interface."""

    interface: str
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """An entry of a tunnel's FDB: frames to the MAC address go to the host with the address ``destination``."""

    interface: str
    mac: str
    destination: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table; without a ``gateway``, the destination is on the interface's own network.

    ``scope``, ``protocol`` and ``type`` are the words of `ip route`. The protocol ``boot``, which `ip route` does not
    show, is the kernel's default. A route of another type than ``unicast`` has no interface: the kernel discards its
    packets.
    """

    destination: str
    interface: str | None
    gateway: str | None = None
    scope: str = "global"
    flags: tuple[str, ...] = ()
    source: str | None = None
    protocol: str = "boot"
    type: str = "unicast"


@dataclass(frozen=True, slots=True)
class TunnelPeer:
    """A peer of a WireGuard interface: ``endpoint`` is its address and port, ``allowed`` are the networks behind it.

    An IPv6 address of an endpoint is in brackets: ``[fd00::1]:51821``.
    """

    interface: str
    endpoint: str | None
    public_key: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KernelState:
    """The configured state of a namespace; each tuple is sorted by its values."""

    links: tuple[Link, ...] = ()
    addresses: tuple[InterfaceAddress, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    fdb: tuple[FdbEntry, ...] = ()
    routes: tuple[Route, ...] = ()
    tunnel_peers: tuple[TunnelPeer, ...] = ()


def read(namespace: int) -> KernelState:
    """Return the state of the namespace of a descriptor.

    Raises:
        OSError: the kernel gives no socket.
    """
    with namespaces.entered(namespace):
        return read_here()


def read_here() -> KernelState:
    """Return the state of the calling thread's namespace."""
    from pyroute2 import IPRoute  # type: ignore[import-untyped]

    with IPRoute() as kernel:
        found_addresses = [it for family in _FAMILIES for it in _of(family, kernel.get_addr(family=family))]
        found_neighbours = [it for family in _FAMILIES for it in _of(family, kernel.get_neighbours(family=family))]
        found_fdb = list(kernel.fdb("dump"))
        found_routes = [
            it for family in _FAMILIES for it in _of(family, kernel.get_routes(family=family, table=_MAIN_TABLE))
        ]
        # links come last: an entry on a link that is missing then has vanished with the link
        found_links = list(kernel.get_links())
    name_of: dict[int, str] = {message["index"]: message.get("ifname") for message in found_links}
    links = [_link(message, name_of) for message in found_links]
    guards = [link.name for link in links if link.kind == "wireguard"]
    details, peers = _wireguard(guards) if guards else ({}, [])
    return KernelState(
        links=_sorted(
            link if link.name not in details else replace(link, details=details[link.name]) for link in links
        ),
        addresses=_sorted(
            InterfaceAddress(name_of[message["index"]], f"{address}/{message['prefixlen']}")
            for message in found_addresses
            if message["index"] in name_of
            and not _is_ever_there(address := message.get("local") or message.get("address"))
        ),
        neighbours=_sorted(
            Neighbour(name_of[message["ifindex"]], message.get("dst"), message.get("lladdr"))
            for message in found_neighbours
            if message["state"] & _PERMANENT and message["ifindex"] in name_of
        ),
        fdb=_sorted(
            FdbEntry(name_of[message["ifindex"]], message.get("lladdr"), message.get("dst"))
            for message in found_fdb
            if message["state"] & _PERMANENT and message.get("dst") is not None and message["ifindex"] in name_of
        ),
        routes=_sorted(_routes(found_routes, name_of)),
        tunnel_peers=_sorted(peers),
    )


def difference(after: KernelState, before: KernelState) -> KernelState:
    """Return what ``after`` has and ``before`` has not; a changed entry appears as it is in ``after``."""
    return KernelState(
        links=_new(after.links, before.links),
        addresses=_new(after.addresses, before.addresses),
        neighbours=_new(after.neighbours, before.neighbours),
        fdb=_new(after.fdb, before.fdb),
        routes=_new(after.routes, before.routes),
        tunnel_peers=_new(after.tunnel_peers, before.tunnel_peers),
    )


def _of(family: int, messages: Iterable[Any]) -> list[Any]:
    """Return the messages of a family. A kernel without IPv6 answers for IPv6 with the entries of all families."""
    return [message for message in messages if message["family"] == family]


def _new(after: tuple[_T, ...], before: tuple[_T, ...]) -> tuple[_T, ...]:
    old = set(before)
    return tuple(item for item in after if item not in old)


def _sorted(items: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(sorted(items, key=repr))  # by text, because None has no order


def _link(message: Any, name_of: dict[int, str]) -> Link:
    kind: str | None = message.get(("linkinfo", "kind"))
    wanted = _DETAILS.get(kind or "", {})
    data = message.get(("linkinfo", "data")) if wanted else None
    details = (
        tuple((name, _plain(name, _first(data, found), name_of)) for name, found in wanted.items()) if data else ()
    )
    master = message.get("master")
    return Link(
        message.get("ifname"),
        kind,
        message.get("mtu"),
        message.get("address"),
        None if master is None else name_of.get(master),
        bool(message["flags"] & _IFF_UP),
        message.get("txqlen"),
        details,
    )


def _is_ever_there(address: str) -> bool:
    return address == _LOOPBACK or address.startswith(_LINK_LOCAL)


def _first(data: Any, attributes: Iterable[str]) -> Any:
    return next((value for it in attributes if (value := data.get(it)) is not None), None)


def _plain(name: str, value: Any, name_of: dict[int, str]) -> Plain:
    if name == "dev":
        return name_of.get(value)
    if name in _BOOLEAN:
        return bool(value)
    if name == "type":
        return _TUN_TYPES.get(value)
    found: Plain = value
    return found


def _routes(messages: Iterable[Any], name_of: dict[int, str]) -> Iterator[Route]:
    for message in messages:
        kind = None if message["flags"] & _CLONED else _ROUTE_TYPES.get(message["type"])
        destination = message.get("dst") or _ANY[message["family"]]
        if (
            kind is not None
            and not _is_ever_there(destination)
            and (message.get("oif") is None or message.get("oif") in name_of)
        ):
            yield Route(
                f"{destination}/{message['dst_len']}",
                # the kernel lists `lo` as the interface of a route that discards packets
                name_of.get(message.get("oif")) if kind == "unicast" else None,
                message.get("gateway"),
                _SCOPES.get(message["scope"], str(message["scope"])),
                tuple(name for bit, name in _FLAGS.items() if message["flags"] & bit),
                message.get("prefsrc"),
                _PROTOCOLS.get(message["proto"], str(message["proto"])),
                kind,
            )


def _wireguard(names: Iterable[str]) -> tuple[dict[str, tuple[tuple[str, Plain], ...]], list[TunnelPeer]]:
    """Return the details of WireGuard interfaces and their peers, without private keys."""
    from pyroute2 import WireGuard
    from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

    details: dict[str, tuple[tuple[str, Plain], ...]] = {}
    peers: list[TunnelPeer] = []
    with WireGuard() as kernel:
        for name in names:
            try:
                messages = list(kernel.info(name))
            except NetlinkError:  # the interface has vanished meanwhile
                continue
            for message in messages:
                key = message.get("WGDEVICE_A_PUBLIC_KEY")
                public = None if key is None else key.decode()
                details[name] = (("port", message.get("WGDEVICE_A_LISTEN_PORT")), ("public_key", public))
                peers += [_peer(name, peer) for peer in message.get("WGDEVICE_A_PEERS") or ()]
    return details, peers


def endpoint_text(address: str, port: int) -> str:
    """Return the address and port of a tunnel's end, with an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _peer(interface: str, message: Any) -> TunnelPeer:
    endpoint = message.get("WGPEER_A_ENDPOINT")
    return TunnelPeer(
        interface,
        None if endpoint is None else endpoint_text(endpoint["addr"], endpoint["port"]),
        message.get("WGPEER_A_PUBLIC_KEY").decode(),
        tuple(sorted(item["addr"] for item in message.get("WGPEER_A_ALLOWEDIPS") or ())),
    )
