"""The writes and actions of a real `flanneld` and the built-in agent, and how the tests compare them.

`DIFFERENCES` is the whole list of what differs in the kernel, the store and files, with the reasons. `BEHAVIOURS` is
what each does on an event. The page on agents has the same lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.overlays.subnets import mac_of

DEVICE, IPV6_DEVICE = "flannel.1", "flannel-v6.1"
_DEVICES = (DEVICE, IPV6_DEVICE)
ABSENT = "none"


@dataclass(frozen=True)
class Difference:
    """A field that differs: its place, and its values. N is the number of a host."""

    variants: tuple[str, ...]
    where: str
    built_in: str
    real: str
    reason: str

    @property
    def row(self) -> str:
        """The row of the table on the page."""
        cells = (", ".join(self.variants), self.where, self.built_in, self.real, self.reason)
        return f"| {' | '.join(cells)} |"


DIFFERENCES = (
    Difference(
        ("vxlan",),
        "link flannel.1: MAC address",
        "0e:f1 and the host's address",
        "random",
        "two runs of gtsdsl write the same",
    ),
    Difference(
        ("vxlan",),
        "link flannel.1: dev",
        ABSENT,
        "hN-eth0",
        "`flanneld` names an interface to the device; the FDB's entries name none, so the routes choose the circuit",
    ),
    Difference(
        ("host-gw",),
        "lease: PublicIP",
        "100.64.0.N",
        "10.0.0.N",
        "`flanneld` only takes an address of its interface; beside a `flanneld`, the built-in agent does so too",
    ),
    Difference(
        ("udp",),
        "link flannel-ext",
        ABSENT,
        "present",
        "gtsdsl adds it, because `flanneld` listens at an address of its interface, and takes its MTU",
    ),
    Difference(
        ("udp",),
        "address 100.64.0.N/32 on flannel-ext",
        ABSENT,
        "present",
        "the address that the other hosts send to",
    ),
    Difference(
        ("vxlan", "host-gw", "udp", "wireguard"),
        "packet filter",
        ABSENT,
        "-N FLANNEL-FWD; -A FORWARD -j FLANNEL-FWD; -A FLANNEL-FWD -s 10.244.0.0/16 -j ACCEPT; "
        "-A FLANNEL-FWD -d 10.244.0.0/16 -j ACCEPT",
        "hosts here filter no packets, so nothing needs to be accepted",
    ),
)
"""All differences between the two."""
IPV6_DIFFERENCES = (
    Difference(
        ("vxlan",),
        "link flannel-v6.1: MAC address",
        "0e:f6 and the end of the host's IPv6 address",
        "random",
        "two runs of gtsdsl write the same",
    ),
    Difference(("vxlan",), "link flannel-v6.1: dev", ABSENT, "hN-eth0", "as for flannel.1"),
    Difference(("host-gw",), "lease: PublicIPv6", "fd74:e102:a04c:ffff::N", "fd74:e102:a04c:1::N", "as for PublicIP"),
    Difference(
        ("vxlan", "host-gw", "wireguard"),
        "packet filter of IPv6",
        ABSENT,
        "-N FLANNEL-FWD; -A FORWARD -j FLANNEL-FWD; -A FLANNEL-FWD -s fd00:10:244::/56 -j ACCEPT; "
        "-A FLANNEL-FWD -d fd00:10:244::/56 -j ACCEPT",
        "as for IPv4",
    ),
)
"""The only further differences with ``--overlay-ipv6``."""


@dataclass(frozen=True)
class Behaviour:
    """The actions of the agents on an event."""

    event: str
    variants: tuple[str, ...]
    built_in: str
    real: str

    @property
    def row(self) -> str:
        """The row of the table on the page."""
        return f"| {self.event} | {', '.join(self.variants)} | {self.built_in} | {self.real} |"


VARIANTS = ("vxlan", "host-gw", "udp", "wireguard")
LOSES_DATA = "the store loses its data"
ENDLESS = "the agent computes without end, which stops a virtual clock"

_AGAIN_S, _AT_START = "is written again within 10 s", "its entries are removed at the start"
_MADE_AGAIN, _STAYS_AWAY = "is made again within 10 s", "stays away until the agent starts again"

BEHAVIOURS = (
    Behaviour("asks the store how long other leases last", VARIANTS, "no", "yes"),
    Behaviour("a route is deleted", ("host-gw",), _AGAIN_S, _AGAIN_S),
    Behaviour("a route is deleted", ("vxlan", "udp", "wireguard"), _AGAIN_S, _STAYS_AWAY),
    Behaviour("the device is deleted", ("vxlan",), _MADE_AGAIN, "is made again without its routes"),
    Behaviour("the device is deleted", ("udp",), "the agent ends", ENDLESS),
    Behaviour("the device is deleted", ("wireguard",), _MADE_AGAIN, _STAYS_AWAY),
    Behaviour("another host leaves while the agent is dead", ("vxlan", "host-gw"), _AT_START, "its entries stay"),
    Behaviour("another host leaves while the agent is dead", ("udp", "wireguard"), _AT_START, _AT_START),
    Behaviour("the lease is deleted", VARIANTS, "the agent takes it again", "the agent ends"),
    Behaviour("SIGTERM", ("vxlan",), "leaves nothing", "leaves the lease and the device and the routes"),
    Behaviour("SIGTERM", ("host-gw",), "leaves nothing", "leaves the lease and the routes"),
    Behaviour("SIGTERM", ("udp", "wireguard"), "leaves nothing", "leaves the lease"),
    Behaviour(
        LOSES_DATA,
        ("vxlan",),
        "the store has all leases again within a minute",
        "the store has no lease a minute later, and the agents hear of no change",
    ),
)
"""The actions of each agent on each event."""


def differences(built_in: dict[str, Any], other: dict[str, Any], hosts: list[str]) -> set[tuple[str, str, str]]:
    """Return the places of some hosts that differ between two runs, with both values; numbers of hosts become N."""
    found = set()
    named = [_named(run) for run in (built_in, other)]
    for host in hosts:
        first, second = (dict(_fields(run["hosts"][host])) for run in named)
        for where in first.keys() | second.keys():
            values = first.get(where, ABSENT), second.get(where, ABSENT)
            # an entry that is missing is one difference, not one for each of its fields
            entry = where.partition(":")[0]
            if values[0] != values[1] and (where == entry or (entry in first) == (entry in second)):
                found.add((_generic(where), _generic(values[0]), _generic(values[1])))
    return found


def _named(run: dict[str, Any]) -> Any:
    """Return a run with names in place of MAC addresses of devices and of WireGuard's keys, which are random."""
    text = json.dumps(run)
    for host, state in run["hosts"].items():
        for link in state["links"]:
            if link["name"] in _DEVICES:
                text = text.replace(link["mac"], _mac_name(host, link["name"], link["mac"]))
            if link["kind"] == "wireguard":
                text = text.replace(dict(link["details"])["public_key"], f"the key of {host}")
    return json.loads(text)


def _mac_name(host: str, device: str, mac: str) -> str:
    number = host.removeprefix("h")
    ipv6 = mac_of("0e:f6", f"fd74:e102:a04c:ffff::{number}")
    computed = ipv6 if device == IPV6_DEVICE else mac_of("0e:f1", f"100.64.0.{number}")
    return f"MAC of {device} of {host}, {'computed' if mac == computed else 'random'}"


_MACS = {
    DEVICE: {"computed": "0e:f1 and the host's address", "random": "random"},
    IPV6_DEVICE: {"computed": "0e:f6 and the end of the host's IPv6 address", "random": "random"},
}


def _fields(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each field of a host's state with the place that it stands at; entries have a field without a name."""
    for link in state["links"]:
        device, details = link.pop("name"), link.pop("details")
        entry = f"link {device}"
        yield entry, "present"
        for name, value in (*link.items(), *details):
            if name == "mac" and device in _DEVICES:
                yield f"{entry}: MAC address", _MACS[device][str(value).rpartition(" ")[2]]
            elif name != "mac" or entry != "link flannel-ext":
                yield f"{entry}: {name}", _shown(value)
    for table, kind, keys in (
        ("addresses", "address", ("address", "interface")),
        ("neighbours", "neighbour", ("address", "interface")),
        ("fdb", "FDB entry", ("destination", "interface")),
        ("routes", "route", ("destination",)),
        ("tunnel_peers", "peer", ("endpoint", "interface")),
    ):
        for item in state[table]:
            entry = f"{kind} {' on '.join(item.pop(key) for key in keys)}"
            yield entry, "present"
            for name, value in item.items():
                # whose MAC address it is, and not what it is made from, which the link says
                yield f"{entry}: {name}", _shown(value).partition(", ")[0] if name == "mac" else _shown(value)
    for name, value in state["leases"].items():
        yield f"lease: {name}", re.sub(r", (computed|random)", "", _shown(value))
    for line in state["file"]:
        name, _, value = line.partition("=")
        yield f"subnet.env: {name}", value
    filters = [re.sub(r' -m comment --comment "[^"]*"', "", line) for line in state["filters"]]
    yield "packet filter", "; ".join(line for line in filters if not line.startswith("-P")) or ABSENT
    ipv6_filters = [re.sub(r' -m comment --comment "[^"]*"', "", line) for line in state["ipv6_filters"]]
    yield "packet filter of IPv6", "; ".join(line for line in ipv6_filters if not line.startswith("-P")) or ABSENT
    yield "accept_ra", _shown(state["accept_ra"])
    yield "UDP ports", _shown(state["ports"])


def _shown(value: object) -> str:
    return ABSENT if value is None else value if isinstance(value, str) else json.dumps(value)


def _generic(text: str) -> str:
    """Return a text with N in place of a host's number."""
    text = re.sub(r"\bh\d+\b", "hN", text)
    text = re.sub(r"\b(100\.64\.0|10\.0\.0)\.\d+\b", r"\1.N", text)
    text = re.sub(r"\b(fd74:e102:a04c:(?:ffff|1)):(:\d+)\b", r"\1::N", text)
    text = re.sub(r"\bfd00:10:244:\d+::", "fd00:10:244:N::", text)
    return re.sub(r"\b10\.244\.[1-9]\d*\.", "10.244.N.", text)
