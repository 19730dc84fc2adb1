"""Endpoints and network sets to the sets of addresses that selectors select."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, collapse_addresses

from emulator.overlays.policy import selector_parser
from emulator.overlays.policy.chains import AddressSet
from emulator.overlays.policy.model import NAMESPACE, NetworkSet
from emulator.overlays.policy.selectors import Comparison, Joined, Selector, matches

NAMESPACE_LABEL = "projectcalico.org/namespace"
_SET_PREFIX = "cali40"
_LONGEST_SET_NAME = 31
"""The characters of a name that an ipset of the kernel has room for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container as policies see it: its host's interface to it, its address in the overlay, and its labels."""

    name: str
    host: str
    interface: str
    address: str
    labels: Mapping[str, str]


@dataclass(slots=True)
class Sets:
    """The sets of addresses that rules of a host name, each made when it is first named."""

    endpoints: Sequence[Endpoint]
    network_sets: Sequence[NetworkSet]
    found: dict[str, AddressSet] = field(default_factory=dict)

    def name_of(self, text: str, namespace: str | None, *, in_namespace: bool) -> str:
        """Return the name of the set of a selector of a rule.

        With ``in_namespace``, a selector of a policy with a namespace selects in this namespace only.
        """
        selector = selector_parser.parse(text)
        if in_namespace and namespace is not None:
            own = Comparison(NAMESPACE_LABEL, "==", namespace)
            selector = own if not text else Joined("&&", (own, selector))
        name = set_name(selector)
        if name not in self.found:
            self.found[name] = AddressSet(name, str(selector), self._nets(selector))
        return name

    def _nets(self, selector: Selector) -> tuple[str, ...]:
        nets = [f"{endpoint.address}/32" for endpoint in self.endpoints if matches(selector, endpoint.labels)]
        for item in self.network_sets:
            labels = item.labels if item.namespace is None else {**item.labels, NAMESPACE_LABEL: NAMESPACE}
            if matches(selector, labels):
                nets += item.nets
        return ipv4_nets(nets)


@lru_cache(maxsize=20_000)
def set_name(selector: Selector) -> str:
    """Return the name of a selector's set: Calico's hash of the selector's text, cut as Felix cuts it."""
    content = base64.urlsafe_b64encode(hashlib.sha224(f"s:{selector}".encode()).digest()).decode().rstrip("=")
    return f"{_SET_PREFIX}s:{content}"[:_LONGEST_SET_NAME]


def ipv4_nets(nets: Iterable[str]) -> tuple[str, ...]:
    """Return the networks of IPv4 among some, in order, as few as possible."""
    return tuple(str(net) for net in collapse_addresses(IPv4Network(net) for net in nets if ":" not in net))
