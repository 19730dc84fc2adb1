"""Flannel's configuration and leases: their keys and JSON in etcd, and the choice of a host's subnet.

They follow flannel 0.28: `pkg/subnet/config.go`, `pkg/subnet/subnet.go`, `pkg/lease/lease.go` and `pkg/subnet/etcd`.
Flannel's documentation has examples of both keys (`Documentation/reservations.md`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from emulator.overlays.model import Network
from emulator.system.errors import EmulationError
from gtsdsl.text import printable

PREFIX = "/coreos.com/network"
CONFIG_KEY = f"{PREFIX}/config"
SUBNETS = f"{PREFIX}/subnets/"
TTL_S = 24 * 3600
"""The term of a lease in seconds (``subnetTTL``)."""
RENEWAL_MARGIN = 1 / 24
"""The part of the term that remains at a renewal: an hour of a day, as with ``--subnet-lease-renew-margin=60``."""

DEFAULT_BITS, DEFAULT_IPV6_BITS = 24, 64
"""The default prefix lengths of a subnet."""
_MIN_NETWORK_BITS, _MIN_HOST_BITS = 2, 2
"""The least difference of a subnet's prefix length to the network's, for four subnets, and the least number of bits for
hosts in a subnet, for two usable addresses."""
_SUPPORTED_BY_ALL: dict[str, object] = {"EnableIPv4": True}
_SUPPORTED: dict[str, dict[str, object]] = {
    "vxlan": {"VNI": 1, "Port": 8472, "GBP": False, "Learning": False, "DirectRouting": False},
    "host-gw": {},
    "udp": {"Port": 8285},
    "wireguard": {
        "ListenPort": 51820, "ListenPortV6": 51821, "PSK": None, "PersistentKeepaliveInterval": 0,
        "Mode": "separate",
    },
}  # fmt: skip
"""The fields of the backends with their defaults, which are the only supported values; None means unset."""
MTU_BACKENDS = frozenset({"vxlan", "wireguard"})
"""The backends whose configuration may have an MTU."""
WITH_IPV6 = frozenset({"vxlan", "host-gw", "wireguard"})
"""The backends that carry IPv6."""
_FILE_NAMES = ("FLANNEL", "FLANNEL_IPV6")
_KEY = re.compile(re.escape(SUBNETS) + r"(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?")


class NoSubnetError(EmulationError):
    """All subnets are in use."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration that all hosts of a network share.

    ``network`` is the network of all containers, ``subnet_bits`` the prefix length of a host's subnet, and ``backend``
    the name of flannel's backend: ``vxlan``, ``host-gw``, ``udp`` or ``wireguard``. ``ipv6_network`` is None without
    IPv6. ``circuit_mtu_bytes`` is the MTU from which `MTU_BACKENDS` subtract their headers (``Backend.MTU``); None is
    that of the host's interface.
    """

    network: IPv4Network
    subnet_bits: int
    backend: str
    ipv6_network: IPv6Network | None = None
    ipv6_subnet_bits: int = DEFAULT_IPV6_BITS
    circuit_mtu_bytes: int | None = None

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The subnets for leases, of IPv4 first, and of IPv6 if it is enabled."""
        ipv4 = Range(self.network, self.subnet_bits)
        return (ipv4,) if self.ipv6_network is None else (ipv4, Range(self.ipv6_network, self.ipv6_subnet_bits))


@dataclass(frozen=True, slots=True)
class Range:
    """The subnets of a network for leases: all but the first, which has the network's own address."""

    network: Network
    bits: int

    def __contains__(self, subnet: Network) -> bool:
        """Return whether a subnet is one of these."""
        mine, first = self.network, int(self.network.network_address)
        is_inside = first < int(subnet.network_address) <= int(mine.broadcast_address)
        return subnet.version == mine.version and subnet.prefixlen == self.bits and is_inside

    def choose(self, number: int, taken: Iterable[Network], previous: Network | None) -> Network:
        """Return the subnet for a host without a lease: its previous one, that of its number, or the next free one.

        flannel chooses one of the first hundred free subnets at random. Here the host's number, counted from 1,
        decides, so that two runs choose the same.

        Raises:
            NoSubnetError: all subnets are in use.
        """
        used = {
            (int(it.network_address), int(it.broadcast_address)) for it in taken if it.version == self.network.version
        }
        if previous is not None and previous in self and _is_free(previous, used):
            return previous
        start, size = int(self.network.network_address), 2 ** (self.network.max_prefixlen - self.bits)
        count = 2 ** (self.bits - self.network.prefixlen) - 1
        for step in range(count):
            address = start + ((number - 1 + step) % count + 1) * size
            subnet = type(self.network)((address, self.bits))
            if _is_free(subnet, used):
                return subnet
        raise NoSubnetError(f"the network {self.network} has no free subnet: {len(used)} are in use")


def _is_free(subnet: Network, used: Iterable[tuple[int, int]]) -> bool:
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    return all(last < start or end < first for start, end in used)


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of a subnet by a host.

    ``public_ip`` is the host's address. ``backend`` is the backend's name, and ``data`` the JSON of its data; both are
    empty for the backend ``udp``. ``ipv6`` is the same for IPv6, with the same backend; None without IPv6.
    """

    subnet: Network
    public_ip: str
    backend: str = ""
    data: str = ""
    ipv6: Lease | None = None

    @property
    def halves(self) -> tuple[Lease, ...]:
        """The lease of IPv4, and that of IPv6 if the host has one."""
        return (self,) if self.ipv6 is None else (self, self.ipv6)

    @property
    def subnets(self) -> tuple[Network, ...]:
        """The subnet of IPv4, and that of IPv6 if the host has one."""
        return tuple(half.subnet for half in self.halves)


def config_to_json(config: Config) -> str:
    """Return the JSON for `CONFIG_KEY`, which an administrator writes before flannel starts."""
    fields: dict[str, object] = {"Network": str(config.network), "SubnetLen": config.subnet_bits}
    if config.ipv6_network is not None:
        fields |= {"EnableIPv6": True, "IPv6Network": str(config.ipv6_network)}
        fields["IPv6SubnetLen"] = config.ipv6_subnet_bits
    mtu = {} if config.circuit_mtu_bytes is None else {"MTU": config.circuit_mtu_bytes}
    return _dump({**fields, "Backend": {"Type": config.backend, **mtu}})


def config_from_json(text: str) -> Config:
    """Parse the value of `CONFIG_KEY`, with flannel's defaults for missing fields; unknown fields are ignored.

    Raises:
        ValueError: the value is malformed or demands what is not supported; the message names the field.
    """
    fields = _fields(json.loads(text))
    try:
        network = IPv4Network(str(fields.get("network")), strict=False)
    except ValueError as error:
        raise ValueError(f"Network: {printable(str(error), 100)}") from None
    backend = _fields(fields.get("backend", {"Type": "udp"}))
    kind = str(backend.get("type", ""))
    if kind not in _SUPPORTED:
        raise ValueError(f"Backend.Type is {_shown(kind)}, and only {', '.join(_SUPPORTED)} are supported")
    bits = _subnet_bits(fields, "SubnetLen", network, DEFAULT_BITS)
    common = {**_SUPPORTED_BY_ALL, **_ends("Subnet", network, bits)}
    ipv6_network, ipv6_bits = None, DEFAULT_IPV6_BITS
    if kind not in WITH_IPV6:
        common["EnableIPv6"] = False
    elif fields.get("enableipv6", False) is not False:
        common["EnableIPv6"] = True
        try:
            ipv6_network = IPv6Network(str(fields.get("ipv6network")), strict=False)
        except ValueError as error:
            raise ValueError(f"IPv6Network: {printable(str(error), 100)}") from None
        ipv6_bits = _subnet_bits(fields, "IPv6SubnetLen", ipv6_network, DEFAULT_IPV6_BITS)
        common |= _ends("IPv6Subnet", ipv6_network, ipv6_bits)
    mtu_bytes = backend.get("mtu") if kind in MTU_BACKENDS else None
    if mtu_bytes is not None and not isinstance(mtu_bytes, int):
        raise ValueError(f"Backend.MTU is {_shown(mtu_bytes)}, and not a number of bytes")
    config = Config(network, bits, kind, ipv6_network, ipv6_bits, mtu_bytes or None)
    for prefix, section, supported in (("", fields, common), ("Backend.", backend, _SUPPORTED[kind])):
        for name, value in supported.items():
            if (demanded := section.get(name.lower(), value)) != value:
                if value is None:  # not quoted, because it may be a secret
                    raise ValueError(f"{prefix}{name} is set, which is not supported")
                raise ValueError(f"{prefix}{name} is {_shown(demanded)}, and only {_dump(value)} is supported")
    return config


def _subnet_bits(fields: dict[str, object], name: str, network: Network, default: int) -> int:
    """Return the prefix length of a host's subnet, which a field has, or flannel's default."""
    given = fields.get(name.lower()) or max(default, network.prefixlen + _MIN_NETWORK_BITS)
    most = network.max_prefixlen - _MIN_HOST_BITS
    if not isinstance(given, int) or not network.prefixlen + _MIN_NETWORK_BITS <= given <= most:
        raise ValueError(f"{name} is {_shown(given)}, and flannel needs four subnets of /{most} or larger in {network}")
    return given


def _ends(prefix: str, network: Network, bits: int) -> dict[str, object]:
    """Return the first and the last subnet for leases, as flannel computes them where its configuration has none."""
    size = 2 ** (network.max_prefixlen - bits)
    first, last = int(network.network_address) + size, int(network.broadcast_address) + 1 - size
    kind = type(network.network_address)
    return {f"{prefix}Min": str(kind(first)), f"{prefix}Max": str(kind(last))}


def _fields(value: object) -> dict[str, object]:
    """Return the fields of a JSON object as Go reads them: names in lower case, and null as a missing field."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is not a JSON object")
    return {name.lower(): it for name, it in value.items() if it is not None}


def key_of(*subnets: Network) -> str:
    """Return the key of the lease of a host's subnets, the one of IPv4 first.

    Keys are ``/coreos.com/network/subnets/10.244.5.0-24``, with IPv6 ``…/10.244.5.0-24&fd00:10:244:5::-64``.
    """
    return SUBNETS + "&".join(f"{it.network_address}-{it.prefixlen}" for it in subnets)


def subnets_of(key: str) -> tuple[Network, ...]:
    """Return the subnets in a lease's key, that of IPv4 first; empty if the key is not a lease's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return ()
    try:
        ipv4 = IPv4Network(f"{match[1]}/{match[2]}")
        return (ipv4,) if match[3] is None else (ipv4, IPv6Network(f"{match[3]}/{match[4]}"))
    except ValueError:
        return ()


def lease_to_json(lease: Lease) -> str:
    """Return a lease's value: its addresses, and the backend's type and its data of each family if not empty."""
    ipv6 = lease.ipv6
    fields: dict[str, object] = {"PublicIP": lease.public_ip, "PublicIPv6": None if ipv6 is None else ipv6.public_ip}
    if lease.backend:
        fields["BackendType"] = lease.backend
    if lease.data:
        fields["BackendData"] = json.loads(lease.data)
    if ipv6 is not None and ipv6.data:
        fields["BackendV6Data"] = json.loads(ipv6.data)
    return _dump(fields)


def lease_from_json(key: str, text: str) -> Lease:
    """Parse a lease from its key in the store and the JSON text at that key.

    Raises:
        ValueError: the key names no subnet, or the text is not a lease.
    """
    subnets = subnets_of(key)
    fields = json.loads(text)
    if not subnets or not isinstance(fields, dict):
        raise ValueError("not a lease of a subnet")
    backend = str(fields.get("BackendType") or "")
    # a host may have an address of IPv6 and no subnet, as `flanneld` of `udp` writes it
    ipv6 = None
    if subnets[1:]:
        ipv6 = Lease(subnets[1], str(IPv6Address(fields.get("PublicIPv6"))), backend, _data(fields, "BackendV6Data"))
    return Lease(subnets[0], str(IPv4Address(fields.get("PublicIP"))), backend, _data(fields, "BackendData"), ipv6)


def _data(fields: dict[str, object], name: str) -> str:
    data = fields.get(name)
    return "" if data is None else _dump(data)


def format_subnet_file(config: Config, subnets: Sequence[Network], mtu_bytes: int) -> str:
    """Return the contents of ``/run/flannel/subnet.env``, which programs that start containers read."""
    lines = []
    for name, network, subnet in zip(_FILE_NAMES, (it.network for it in config.ranges), subnets, strict=False):
        lines += [f"{name}_NETWORK={network}", f"{name}_SUBNET={subnet[1]}/{subnet.prefixlen}"]
    return "\n".join([*lines, f"FLANNEL_MTU={mtu_bytes}", "FLANNEL_IPMASQ=false", ""])


def format_previous_file(subnets: Sequence[Network]) -> str:
    """Return a ``subnet.env`` that names a host's former subnets only."""
    names = zip(_FILE_NAMES, subnets, strict=False)
    return "".join(f"{name}_SUBNET={subnet[1]}/{subnet.prefixlen}\n" for name, subnet in names)


def parse_subnet_file(text: str) -> tuple[Network, ...]:
    """Return the subnets in the contents of a ``subnet.env``, that of IPv4 first; empty if it names none."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        ipv4 = IPv4Network(values["FLANNEL_SUBNET"], strict=False)
        ipv6 = values.get("FLANNEL_IPV6_SUBNET")
        return (ipv4,) if ipv6 is None else (ipv4, IPv6Network(ipv6, strict=False))
    except (KeyError, ValueError):
        return ()


def _shown(value: object) -> str:
    return printable(_dump(value), 40)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
