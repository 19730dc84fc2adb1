"""Flannel's configuration and leases: their keys and JSON in etcd, and the choice of a host's subnet.

They follow flannel 0.28: `pkg/subnet/config.go`, `pkg/subnet/subnet.go`, `pkg/lease/lease.go` and `pkg/subnet/etcd`.
Flannel's documentation has examples of both keys (`Documentation/reservations.md`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

PREFIX = "/coreos.com/network"
CONFIG_KEY = f"{PREFIX}/config"
SUBNETS = f"{PREFIX}/subnets/"
TTL_S = 24 * 3600
"""The term of a lease in seconds (``subnetTTL``)."""
RENEWAL_MARGIN = 1 / 24
"""The part of the term that remains at a renewal: an hour of a day, as with ``--subnet-lease-renew-margin=60``."""

_DEFAULT_BITS, _MIN_NETWORK_BITS, _MAX_BITS = 24, 2, 30
"""The default prefix length of a subnet; its least difference to the network's, for four subnets; and its maximum, for
two usable addresses."""
_SUPPORTED_BY_ALL: dict[str, object] = {"EnableIPv4": True, "EnableIPv6": False}
_SUPPORTED: dict[str, dict[str, object]] = {
    "vxlan": {"VNI": 1, "Port": 8472, "MTU": None, "GBP": False, "Learning": False, "DirectRouting": False},
    "host-gw": {},
    "udp": {"Port": 8285},
    "wireguard": {
        "ListenPort": 51820, "MTU": None, "PSK": None, "PersistentKeepaliveInterval": 0, "Mode": "separate",
    },
}  # fmt: skip
"""The fields of the backends with their defaults, which are the only supported values; None means unset."""
_KEY = re.compile(re.escape(SUBNETS) + r"(\d+\.\d+\.\d+\.\d+)-(\d+)")


class NoSubnetError(EmulationError):
    """All subnets are in use."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration that all hosts of a network share.

    ``network`` is the network of all containers, ``subnet_bits`` the prefix length of a host's subnet, and ``backend``
    the name of flannel's backend: ``vxlan``, ``host-gw``, ``udp`` or ``wireguard``.
    """

    network: IPv4Network
    subnet_bits: int
    backend: str

    @property
    def subnets(self) -> Iterator[IPv4Network]:
        """The subnets for leases: all but the first, which has the network's own address."""
        subnets = self.network.subnets(new_prefix=self.subnet_bits)
        next(subnets)
        return subnets


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of a subnet by a host.

    ``public_ip`` is the host's address. ``backend`` is the backend's name, and ``data`` the JSON of its data; both are
    empty for the backend ``udp``.
    """

    subnet: IPv4Network
    public_ip: str
    backend: str = ""
    data: str = ""


def config_to_json(config: Config) -> str:
    """Return the JSON for `CONFIG_KEY`, which an administrator writes before flannel starts."""
    backend = {"Type": config.backend}
    return _dump({"Network": str(config.network), "SubnetLen": config.subnet_bits, "Backend": backend})


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
    given = fields.get("subnetlen") or max(_DEFAULT_BITS, network.prefixlen + _MIN_NETWORK_BITS)
    if not isinstance(given, int) or not network.prefixlen + _MIN_NETWORK_BITS <= given <= _MAX_BITS:
        raise ValueError(f"SubnetLen is {_shown(given)}, and flannel needs four subnets of /30 or larger in {network}")
    config = Config(network, given, kind)
    last = IPv4Network((int(network.broadcast_address), given), strict=False)
    ends = {"SubnetMin": str(next(config.subnets).network_address), "SubnetMax": str(last.network_address)}
    common = {**_SUPPORTED_BY_ALL, **ends}
    for prefix, section, supported in (("", fields, common), ("Backend.", backend, _SUPPORTED[kind])):
        for name, value in supported.items():
            if (demanded := section.get(name.lower(), value)) != value:
                if value is None:  # not quoted, because it may be a secret
                    raise ValueError(f"{prefix}{name} is set, which is not supported")
                raise ValueError(f"{prefix}{name} is {_shown(demanded)}, and only {_dump(value)} is supported")
    return config


def _fields(value: object) -> dict[str, object]:
    """Return the fields of a JSON object as Go reads them: names in lower case, and null as a missing field."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is not a JSON object")
    return {name.lower(): it for name, it in value.items() if it is not None}


def key_of(subnet: IPv4Network) -> str:
    """Return the key of a subnet's lease, such as ``/coreos.com/network/subnets/10.244.5.0-24``."""
    return f"{SUBNETS}{subnet.network_address}-{subnet.prefixlen}"


def subnet_of(key: str) -> IPv4Network | None:
    """Return the subnet in a lease's key; None if the key is not a lease's."""
    match = _KEY.fullmatch(key)
    try:
        return None if match is None else IPv4Network(f"{match[1]}/{match[2]}")
    except ValueError:
        return None


def lease_to_json(lease: Lease) -> str:
    """Return a lease's value: ``PublicIP``, ``PublicIPv6``, and ``BackendType`` and ``BackendData`` if not empty."""
    fields: dict[str, object] = {"PublicIP": lease.public_ip, "PublicIPv6": None}
    if lease.backend:
        fields["BackendType"] = lease.backend
    if lease.data:
        fields["BackendData"] = json.loads(lease.data)
    return _dump(fields)


def lease_from_json(key: str, text: str) -> Lease:
    """Parse a lease from its key in the store and the JSON text at that key.

    Raises:
        ValueError: the key names no subnet, or the text is not a lease.
    """
    subnet = subnet_of(key)
    fields = json.loads(text)
    if subnet is None or not isinstance(fields, dict):
        raise ValueError("not a lease of a subnet")
    data = fields.get("BackendData")
    return Lease(
        subnet,
        str(IPv4Address(fields.get("PublicIP"))),
        str(fields.get("BackendType") or ""),
        "" if data is None else _dump(data),
    )


def choose_subnet(
    config: Config, number: int, taken: Iterable[IPv4Network], previous: IPv4Network | None
) -> IPv4Network:
    """Return the subnet for a host without a lease: its previous one, that of its number, or the next free one.

    flannel chooses one of the first hundred free subnets at random. Here the host's number, counted from 1, decides, so
    that two runs choose the same.

    Raises:
        NoSubnetError: all subnets are in use.
    """
    used = tuple(taken)
    subnets = list(config.subnets)
    preferred = [previous] if previous in subnets else []
    for subnet in (*preferred, *subnets[number - 1 :], *subnets[: number - 1]):
        if subnet is not None and not any(subnet.overlaps(other) for other in used):
            return subnet
    raise NoSubnetError(f"the network {config.network} has no free subnet: {len(used)} are in use")


def format_subnet_file(network: IPv4Network, subnet: IPv4Network, mtu_bytes: int) -> str:
    """Return the contents of ``/run/flannel/subnet.env``, which programs that start containers read."""
    return (
        f"FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={subnet[1]}/{subnet.prefixlen}\n"
        f"FLANNEL_MTU={mtu_bytes}\nFLANNEL_IPMASQ=false\n"
    )


def parse_subnet_file(text: str) -> IPv4Network | None:
    """Return the subnet in the contents of a ``subnet.env``; None if it is missing."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return IPv4Network(values["FLANNEL_SUBNET"], strict=False)
    except (KeyError, ValueError):
        return None


def _shown(value: object) -> str:
    return printable(_dump(value), 40)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
