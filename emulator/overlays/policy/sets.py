"""Endpoints and network sets to the sets of addresses that selectors select."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from emulator.overlays.policy import selector_parser
from emulator.overlays.policy.chains import AddressSet
from emulator.overlays.policy.model import NAMESPACE, NetworkSet
from emulator.overlays.policy.selectors import Comparison, Joined, Selector, matches

NAMESPACE_LABEL = "projectcalico.org/namespace"
_SET_PREFIX = {4: "cali40", 6: "cali60"}
"""The beginning of Felix's names of sets, by the family of the addresses."""
_LONGEST_SET_NAME = 31
"""The characters of a name that an ipset of the kernel has room for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container as policies see it: its host's interface to it, its addresses in the overlay, and its labels.

    ``ipv6_address`` is None without IPv6.
    """

    name: str
    host: str
    interface: str
    address: str
    labels: Mapping[str, str]
    ipv6_address: str | None = None

    def address_of(self, family: int) -> str | None:
        """Return the address of a family, 4 or 6; None if the container has none."""
        return self.ipv6_address if family == 6 else self.address


@dataclass(slots=True)
class Sets:
    """The sets of addresses of a family, 4 or 6, that rules of a host name, each made when it is first named."""

    endpoints: Sequence[Endpoint]
    network_sets: Sequence[NetworkSet]
    family: int = 4
    found: dict[str, AddressSet] = field(default_factory=dict)

    def name_of(self, text: str, namespace: str | None, *, in_namespace: bool) -> str:
        """Return the name of the set of a selector of a rule.

        With ``in_namespace``, a selector of a policy with a namespace selects in this namespace only.
        """
        selector = selector_parser.parse(text)
        if in_namespace and namespace is not None:
            own = Comparison(NAMESPACE_LABEL, "==", namespace)
            selector = own if not text else Joined("&&", (own, selector))
        name = set_name(selector, self.family)
        if name not in self.found:
            self.found[name] = AddressSet(name, str(selector), self._nets(selector))
        return name

    def _nets(self, selector: Selector) -> tuple[str, ...]:
        selected = [
            endpoint.address_of(self.family) for endpoint in self.endpoints if matches(selector, endpoint.labels)
        ]
        nets = [address for address in selected if address is not None]
        for item in self.network_sets:
            labels = item.labels if item.namespace is None else {**item.labels, NAMESPACE_LABEL: NAMESPACE}
            if matches(selector, labels):
                nets += item.nets
        return nets_of(nets, self.family)


@lru_cache(maxsize=20_000)
def set_name(selector: Selector, family: int = 4) -> str:
    """Return the name of a selector's set: Calico's hash of the selector's text, cut as Felix cuts it."""
    content = base64.urlsafe_b64encode(hashlib.sha224(f"s:{selector}".encode()).digest()).decode().rstrip("=")
    return f"{_SET_PREFIX[family]}s:{content}"[:_LONGEST_SET_NAME]


def nets_of(nets: Iterable[str], family: int) -> tuple[str, ...]:
    """Return the networks of a family, 4 or 6, among some, in order, as few as possible."""
    if family == 6:
        return tuple(str(net) for net in collapse_addresses(IPv6Network(net) for net in nets if ":" in net))
    return tuple(str(net) for net in collapse_addresses(IPv4Network(net) for net in nets if ":" not in net))
