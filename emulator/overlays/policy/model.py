"""A policy file's resources as values, which cross into the guest kernel with the overlay's specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.options import PolicyEngine

Action: TypeAlias = Literal["Allow", "Deny", "Log", "Pass"]
PolicyType: TypeAlias = Literal["Ingress", "Egress"]
PolicyKind: TypeAlias = Literal["NetworkPolicy", "GlobalNetworkPolicy"]

NAMESPACE = "default"
"""The namespace of all containers."""
PROFILE = "gtsdsl"
"""The profile of all containers, which allows what no policy decides about."""
ORCHESTRATOR = "cni"
"""The orchestrator of all containers, as Calico's CNI plugin names it where there is no Kubernetes."""

ICMP, TCP, UDP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 58, 132, 136
PROTOCOLS = {"TCP": TCP, "UDP": UDP, "ICMP": ICMP, "ICMPv6": ICMPV6, "SCTP": SCTP, "UDPLite": UDPLITE}
"""The IP protocols that a rule can name, with their numbers."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports from ``first`` to ``last``, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Icmp:
    """The type and the code of an ICMP message; None matches all."""

    type: int | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """One end of a connection, as a rule describes it. An empty field matches all.

    ``selector`` and ``not_selector`` are texts that `selectors.parse` takes. The nets are networks with their prefix
    length, of IPv4 or IPv6.
    """

    nets: tuple[str, ...] = ()
    not_nets: tuple[str, ...] = ()
    selector: str = ""
    not_selector: str = ""
    ports: tuple[Ports, ...] = ()
    not_ports: tuple[Ports, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a policy. ``protocol`` and ``not_protocol`` are numbers; a field of None matches all."""

    action: Action
    ip_version: int | None = None
    protocol: int | None = None
    not_protocol: int | None = None
    icmp: Icmp | None = None
    not_icmp: Icmp | None = None
    source: Entity = Entity()
    destination: Entity = Entity()


@dataclass(frozen=True, slots=True)
class Policy:
    """A network policy. ``namespace`` is None for a global one. A policy whose ``order`` is None comes last."""

    kind: PolicyKind
    name: str
    namespace: str | None
    order: float | None
    selector: str
    types: tuple[PolicyType, ...]
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """Networks that selectors find by labels. ``namespace`` is None for a global set."""

    name: str
    namespace: str | None
    labels: dict[str, str]
    nets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """The policies of an overlay, the labels of its containers by their names, and the engine that enforces all."""

    policies: tuple[Policy, ...]
    network_sets: tuple[NetworkSet, ...]
    labels: dict[str, dict[str, str]]
    engine: PolicyEngine = "nftables"
