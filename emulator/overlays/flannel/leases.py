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

from emulator.errors import EmulationError

PREFIX = "/coreos.com/network"
CONFIG_KEY = f"{PREFIX}/config"
SUBNETS = f"{PREFIX}/subnets/"
TTL_S = 24 * 3600
"""How long a lease lasts without being renewed (``subnetTTL``)."""
RENEWAL_MARGIN = 1 / 24
"""The part of it that is left when it is renewed: ``--subnet-lease-renew-margin`` is 60 minutes."""

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
    """The configuration at `CONFIG_KEY`.

    Raises:
        ValueError: it is none, or has what is not known here.
    """
    fields = json.loads(text)
    if not isinstance(fields, dict) or fields.keys() != {"Network", "SubnetLen", "Backend"}:
        raise ValueError("it is not of Network, SubnetLen and Backend")
    backend = fields["Backend"]
    if not isinstance(backend, dict) or backend.keys() != {"Type"}:
        raise ValueError("its Backend has more than a Type")
    return Config(IPv4Network(fields["Network"]), int(fields["SubnetLen"]), str(backend["Type"]))


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


def subnet_file(network: IPv4Network, subnet: IPv4Network, mtu_bytes: int) -> str:
    """What flannel writes for those who start containers: ``/run/flannel/subnet.env``."""
    return (
        f"FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={subnet[1]}/{subnet.prefixlen}\n"
        f"FLANNEL_MTU={mtu_bytes}\nFLANNEL_IPMASQ=false\n"
    )


def subnet_in_file(text: str) -> IPv4Network | None:
    """The subnet that such a file names; None if it names none."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return IPv4Network(values["FLANNEL_SUBNET"], strict=False)
    except (KeyError, ValueError):
        return None


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
