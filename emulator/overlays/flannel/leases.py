"""Flannel's keys and JSON in etcd to leases and back, and which subnet a host takes.

As in flannel's own sources (version 0.28): `pkg/subnet/config.go`, `pkg/subnet/subnet.go`, `pkg/lease/lease.go` and
`pkg/subnet/etcd`; its documentation has examples of both keys (`Documentation/reservations.md`).
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
"""How long a lease lasts without being renewed (``subnetTTL``)."""
RENEWAL_MARGIN = 1 / 24
"""The part of it that is left when it is renewed: ``--subnet-lease-renew-margin`` is 60 minutes."""

_SUBNET_BITS, _FEWEST_BITS, _MOST_BITS = 24, 2, 30
"""A subnet's prefix length if nothing is said; the network has room for four; two addresses are left for containers."""
_SUPPORTED_BY_ALL: dict[str, object] = {"EnableIPv4": True, "EnableIPv6": False}
_SUPPORTED: dict[str, dict[str, object]] = {
    "vxlan": {"VNI": 1, "Port": 8472, "MTU": None, "GBP": False, "Learning": False, "DirectRouting": False},
    "host-gw": {},
    "udp": {"Port": 8285},
    "wireguard": {
        "ListenPort": 51820, "MTU": None, "PSK": None, "PersistentKeepaliveInterval": 0, "Mode": "separate",
    },
}  # fmt: skip
"""The backends, and what their own fields are if nothing is said, which is all that is done here; None is nothing."""
_KEY = re.compile(re.escape(SUBNETS) + r"(\d+\.\d+\.\d+\.\d+)-(\d+)")


class NoSubnetError(EmulationError):
    """All subnets are taken."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Config:
    """What all of a network's hosts have in common. ``backend`` is one of flannel's: ``vxlan``, ``host-gw``, …"""

    network: IPv4Network
    subnet_bits: int
    backend: str

    @property
    def subnets(self) -> Iterator[IPv4Network]:
        """Those to be leased: not the first, in which the network's own address is."""
        found = self.network.subnets(new_prefix=self.subnet_bits)
        next(found)
        return found


@dataclass(frozen=True, slots=True)
class Lease:
    """A host's subnet. ``public_ip`` is where the host is reached, ``data`` the JSON of what its backend adds.

    The backend ``udp`` leaves its type out, and adds nothing.
    """

    subnet: IPv4Network
    public_ip: str
    backend: str = ""
    data: str = ""


def config_to_json(config: Config) -> str:
    """What an administrator puts at `CONFIG_KEY` before flannel is started."""
    backend = {"Type": config.backend}
    return _dump({"Network": str(config.network), "SubnetLen": config.subnet_bits, "Backend": backend})


def config_from_json(text: str) -> Config:
    """The configuration at `CONFIG_KEY`, with flannel's defaults; fields that flannel has not are passed over.

    Raises:
        ValueError: it is none, or asks for what is not done here; the message names the field.
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
    given = fields.get("subnetlen") or max(_SUBNET_BITS, network.prefixlen + _FEWEST_BITS)
    if not isinstance(given, int) or not network.prefixlen + _FEWEST_BITS <= given <= _MOST_BITS:
        raise ValueError(f"SubnetLen is {_shown(given)}, and flannel wants four subnets of /30 or more in {network}")
    config = Config(network, given, kind)
    last = IPv4Network((int(network.broadcast_address), given), strict=False)
    ends = {"SubnetMin": str(next(config.subnets).network_address), "SubnetMax": str(last.network_address)}
    for prefix, found, done in (("", fields, {**_SUPPORTED_BY_ALL, **ends}), ("Backend.", backend, _SUPPORTED[kind])):
        for name, value in done.items():
            if (asked := found.get(name.lower(), value)) != value:
                if value is None:  # what is set may be a secret
                    raise ValueError(f"{prefix}{name} is set, which is not supported")
                raise ValueError(f"{prefix}{name} is {_shown(asked)}, and only {_dump(value)} is supported")
    return config


def _fields(value: object) -> dict[str, object]:
    """What an object of JSON's says, as Go reads it: names in any case, and null for what is not said."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is no JSON object")
    return {name.lower(): it for name, it in value.items() if it is not None}


def key_of(subnet: IPv4Network) -> str:
    """The key of a subnet's lease: ``/coreos.com/network/subnets/10.244.5.0-24``."""
    return f"{SUBNETS}{subnet.network_address}-{subnet.prefixlen}"


def subnet_of(key: str) -> IPv4Network | None:
    """The subnet that a key is about; None if it is about none."""
    match = _KEY.fullmatch(key)
    try:
        return None if match is None else IPv4Network(f"{match[1]}/{match[2]}")
    except ValueError:
        return None


def lease_to_json(lease: Lease) -> str:
    """A lease's value: ``PublicIP``, ``PublicIPv6``, and ``BackendType`` and ``BackendData`` where there are any."""
    fields: dict[str, object] = {"PublicIP": lease.public_ip, "PublicIPv6": None}
    if lease.backend:
        fields["BackendType"] = lease.backend
    if lease.data:
        fields["BackendData"] = json.loads(lease.data)
    return _dump(fields)


def lease_from_json(key: str, text: str) -> Lease:
    """The lease at a key.

    Raises:
        ValueError: it is none.
    """
    subnet = subnet_of(key)
    fields = json.loads(text)
    if subnet is None or not isinstance(fields, dict):
        raise ValueError("it is no lease of a subnet")
    data = fields.get("BackendData")
    return Lease(
        subnet,
        str(IPv4Address(fields.get("PublicIP"))),
        str(fields.get("BackendType") or ""),
        "" if data is None else _dump(data),
    )


def choose(config: Config, number: int, taken: Iterable[IPv4Network], previous: IPv4Network | None) -> IPv4Network:
    """The subnet that a host without a lease takes: the one it had before, or the one of its number, or the next.

    flannel takes any of the first hundred that are free. Here the host's number, from 1 on, decides, so that two runs
    are the same.

    Raises:
        NoSubnetError: all are taken.
    """
    others = tuple(taken)
    known = list(config.subnets)
    wanted = [previous] if previous in known else []
    for subnet in (*wanted, *known[number - 1 :], *known[: number - 1]):
        if subnet is not None and not any(subnet.overlaps(other) for other in others):
            return subnet
    raise NoSubnetError(f"the network {config.network} is out of subnets: {len(others)} are taken")


def format_subnet_file(network: IPv4Network, subnet: IPv4Network, mtu_bytes: int) -> str:
    """What flannel writes for those who start containers: ``/run/flannel/subnet.env``."""
    return (
        f"FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={subnet[1]}/{subnet.prefixlen}\n"
        f"FLANNEL_MTU={mtu_bytes}\nFLANNEL_IPMASQ=false\n"
    )


def parse_subnet_file(text: str) -> IPv4Network | None:
    """The subnet that such a file names; None if it names none."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return IPv4Network(values["FLANNEL_SUBNET"], strict=False)
    except (KeyError, ValueError):
        return None


def _shown(value: object) -> str:
    return printable(_dump(value), 40)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
