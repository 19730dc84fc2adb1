"""Policies and endpoints to the packet filter of a host, with the chains that Felix makes.

A packet between containers passes the sender's chain on the sender's host (``cali-fw-INTERFACE``), and the receiver's
on the receiver's (``cali-tw-INTERFACE``). Such a chain allows a packet by returning, because both must allow it where
the containers share a host.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from emulator.overlays.policy import selector_parser
from emulator.overlays.policy.chains import (
    ACCEPT,
    ACCEPT_MARK,
    DROP,
    EVERYTHING,
    LOG,
    PASS_MARK,
    RETURN,
    Chain,
    EndMatch,
    FilterRule,
    Hook,
    Match,
    RuleSet,
    Verdict,
)
from emulator.overlays.policy.model import (
    ICMP,
    ICMPV6,
    PROFILE,
    UDP,
    Entity,
    Icmp,
    Policy,
    PolicySpec,
    PolicyType,
    Ports,
    Rule,
)
from emulator.overlays.policy.selectors import Labels, Selector, matches
from emulator.overlays.policy.sets import Endpoint, Sets, nets_of

INTERFACES = "cali*"
"""The interfaces that lead to containers."""
_INTERFACE = re.compile(r"cali[A-Za-z0-9_.-]{1,11}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_VXLAN_PORT, _IPIP = 4789, 4
_DISCOVERY = (130, 131, 132, 133, 135, 136)
"""The types of ICMPv6 that a host accepts from its containers, as Felix does: without them, a container could not ask
for the MAC address of its gateway."""
_LONGEST_CHAIN = 28
"""The characters of a chain's name that iptables has room for."""
_SHORT_KINDS = {"NetworkPolicy": "np", "GlobalNetworkPolicy": "gnp"}

Direction: TypeAlias = Literal["i", "o"]
"""Felix's letter for ingress (inbound) and egress (outbound)."""
_TYPES: dict[Direction, PolicyType] = {"i": "Ingress", "o": "Egress"}


def compile_host(spec: PolicySpec, endpoints: Sequence[Endpoint], host: str, family: int = 4) -> RuleSet:
    """Return the packet filter of a host in a family, 4 or 6; ``endpoints`` are the containers of all hosts."""
    compiler = _Compiler(spec, Sets(endpoints, spec.network_sets, family))
    # a store of the user has the names, and they become part of the text that a program reads
    own = [it for it in endpoints if it.host == host and _INTERFACE.fullmatch(it.interface)]
    chains = [*compiler.profile(), *(chain for endpoint in own for chain in compiler.endpoint(endpoint))]
    chains = [*compiler.used.values(), *chains, *_dispatch(own), *_static(family)]
    hooks: tuple[tuple[Hook, str], ...] = (("FORWARD", "cali-FORWARD"), ("INPUT", "cali-INPUT"))
    return RuleSet(tuple(compiler.sets.found.values()), tuple(chains), hooks, family)


def in_order(policies: Sequence[Policy]) -> list[Policy]:
    """Return policies in the order in which they apply: by ``order``, then by name, namespace and kind."""
    return sorted(
        policies,
        key=lambda it: (math.inf if it.order is None else it.order, f"{it.name}/{it.namespace or ''}/{it.kind}"),
    )


def selecting(spec: PolicySpec, labels: Labels, kind: PolicyType) -> list[Policy]:
    """Return the policies that select labels in one direction, in the order in which they apply."""
    return [
        policy
        for policy in in_order(spec.policies)
        if kind in policy.types and matches(selector_parser.parse(policy.selector), labels)
    ]


def limited_name(prefix: str, suffix: str) -> str:
    """Return a chain's name, whose suffix becomes a hash if the name is too long."""
    if len(prefix) + len(suffix) <= _LONGEST_CHAIN and not suffix.startswith("_"):
        return prefix + suffix
    digest = base64.urlsafe_b64encode(hashlib.sha256(suffix.encode()).digest()).decode()
    return f"{prefix}_{digest}"[:_LONGEST_CHAIN]


class _Compiler:
    """The chains of policies, each made when the first endpoint needs it, and the sets that their rules name."""

    def __init__(self, spec: PolicySpec, sets: Sets) -> None:
        self.sets = sets
        self.used: dict[str, Chain] = {}
        self._policies = [(policy, self._selector(policy)) for policy in in_order(spec.policies)]

    def endpoint(self, endpoint: Endpoint) -> Iterator[Chain]:
        """Yield the chain of the packets to an endpoint, and that of the packets from it."""
        for direction, prefix in (("i", "cali-tw-"), ("o", "cali-fw-")):
            rules = self._endpoint_rules(endpoint, "i" if direction == "i" else "o")
            yield Chain(limited_name(prefix, endpoint.interface), tuple(rules))

    def profile(self) -> Iterator[Chain]:
        """Yield the chains of the profile."""
        for prefix in ("cali-pri-", "cali-pro-"):
            name = limited_name(prefix, PROFILE)
            yield Chain(name, tuple(_decide(EVERYTHING, ACCEPT_MARK, f"profile {PROFILE}")))

    def _selector(self, policy: Policy) -> Selector:
        return selector_parser.parse(policy.selector)

    def _endpoint_rules(self, endpoint: Endpoint, direction: Direction) -> Iterator[FilterRule]:
        yield FilterRule(Match(connection="known"), ACCEPT)
        yield FilterRule(Match(connection="invalid"), DROP)
        yield FilterRule(EVERYTHING, Verdict("clear-mark", bits=ACCEPT_MARK | PASS_MARK))
        if direction == "o":
            yield from _no_tunnels()
        chains = [
            self._policy_chain(policy, direction)
            for policy, selector in self._policies
            if _TYPES[direction] in policy.types and matches(selector, endpoint.labels)
        ]
        for chain in chains:
            yield FilterRule(Match(no_mark=PASS_MARK), Verdict("jump", chain))
            yield FilterRule(Match(mark=ACCEPT_MARK), RETURN)
        if chains:
            yield FilterRule(Match(no_mark=PASS_MARK), DROP, "no policy allowed it")
        yield FilterRule(EVERYTHING, Verdict("jump", limited_name(f"cali-pr{direction}-", PROFILE)))
        yield FilterRule(Match(mark=ACCEPT_MARK), RETURN)
        yield FilterRule(EVERYTHING, DROP, "no profile allowed it")

    def _policy_chain(self, policy: Policy, direction: Direction) -> str:
        """Return the name of a policy's chain, after it is made."""
        parts = [_SHORT_KINDS[policy.kind], *([policy.namespace] if policy.namespace else []), policy.name]
        name = limited_name(f"cali-p{direction}-", "/".join(parts))
        if name not in self.used:
            rules = policy.ingress if direction == "i" else policy.egress
            comment = f"{'/'.join(parts)} {_TYPES[direction].lower()}"
            compiled = [
                it for number, rule in enumerate(rules, 1) for it in self._rule(policy, rule, f"{comment} {number}")
            ]
            self.used[name] = Chain(name, tuple(compiled))
        return name

    def _rule(self, policy: Policy, rule: Rule, comment: str) -> Iterator[FilterRule]:
        match = self._match(policy, rule)
        if match is None:
            return
        match rule.action:
            case "Log":
                yield FilterRule(match, LOG, comment)
            case "Deny":
                yield FilterRule(match, DROP, comment)
            case "Allow":
                yield from _decide(match, ACCEPT_MARK, comment)
            case "Pass":
                yield from _decide(match, PASS_MARK, comment)

    def _match(self, policy: Policy, rule: Rule) -> Match | None:
        """Return the match of a rule; None for a rule that matches no packet of the family."""
        family = self.sets.family
        if rule.ip_version not in {None, family} or rule.protocol == (ICMPV6 if family == 4 else ICMP):
            return None
        if rule.protocol is not None and rule.protocol == rule.not_protocol:
            return None
        source, destination = self._end(policy, rule.source), self._end(policy, rule.destination)
        if source is None or destination is None:
            return None
        return Match(
            protocol=rule.protocol,
            not_protocol=rule.not_protocol if rule.protocol is None else None,
            icmp=_typed(rule.icmp),
            not_icmp=_typed(rule.not_icmp),
            source=source,
            destination=destination,
        )

    def _end(self, policy: Policy, entity: Entity) -> EndMatch | None:
        """Return the match of one end; None if it has nets, and none of the family."""
        nets, not_nets = (nets_of(it, self.sets.family) for it in (entity.nets, entity.not_nets))
        if (entity.nets and not nets) or (entity.not_nets and not not_nets):
            return None
        sets: tuple[str, ...] = ()
        # a policy with a namespace selects in its namespace as soon as one of the selectors is there, as in Calico
        if entity.selector or (policy.namespace is not None and entity.not_selector):
            sets = (self.sets.name_of(entity.selector, policy.namespace, in_namespace=True),)
        not_sets: tuple[str, ...] = ()
        if entity.not_selector:
            not_sets = (self.sets.name_of(entity.not_selector, policy.namespace, in_namespace=False),)
        ports, not_ports = _merged(entity.ports), _merged(entity.not_ports)
        return EndMatch(nets, not_nets, sets, not_sets, ports, not_ports)


def _decide(match: Match, mark: int, comment: str) -> Iterator[FilterRule]:
    """Yield the rules that mark a packet and leave the policy's chain."""
    yield FilterRule(match, Verdict("set-mark", bits=mark), comment)
    yield FilterRule(Match(mark=mark), RETURN)


def _no_tunnels() -> Iterator[FilterRule]:
    """Yield the rules by which no container has a tunnel of its own past its policies, as Felix has by default."""
    vxlan = EndMatch(ports=(Ports(_VXLAN_PORT, _VXLAN_PORT),))
    yield FilterRule(Match(protocol=UDP, destination=vxlan), DROP, "VXLAN of a container")
    yield FilterRule(Match(protocol=_IPIP), DROP, "IPIP of a container")


def _typed(icmp: Icmp | None) -> Icmp | None:
    """Return what must be a packet's type of ICMP; None if every type will do."""
    return None if icmp is None or icmp.type is None else icmp


def _merged(ports: Sequence[Ports]) -> tuple[Ports, ...]:
    """Return ports in order, without overlaps, so that a packet is in one range at most."""
    merged: list[Ports] = []
    for item in sorted(ports, key=lambda it: it.first):
        if merged and item.first <= merged[-1].last + 1:
            merged[-1] = Ports(merged[-1].first, max(merged[-1].last, item.last))
        else:
            merged.append(item)
    return tuple(merged)


def _dispatch(endpoints: Sequence[Endpoint]) -> Iterator[Chain]:
    """Yield the chains that lead a packet to the chain of its endpoint; an unknown interface is closed."""
    unknown = FilterRule(EVERYTHING, DROP, "unknown interface")
    leaving = [
        FilterRule(
            Match(in_interface=it.interface), Verdict("goto", limited_name("cali-fw-", it.interface)), _comment(it)
        )
        for it in endpoints
    ]
    yield Chain("cali-from-wl-dispatch", (*leaving, unknown))
    entering = [
        FilterRule(
            Match(out_interface=it.interface), Verdict("goto", limited_name("cali-tw-", it.interface)), _comment(it)
        )
        for it in endpoints
    ]
    yield Chain("cali-to-wl-dispatch", (*entering, unknown))


def _comment(endpoint: Endpoint) -> str:
    return endpoint.name if _NAME.fullmatch(endpoint.name) else ""


def _static(family: int) -> Iterator[Chain]:
    """Yield the chains that all hosts have: forwarded packets, and packets from containers to their own host."""
    leaving, entering = Match(in_interface=INTERFACES), Match(out_interface=INTERFACES)
    discovery = [
        FilterRule(Match(protocol=ICMPV6, icmp=Icmp(kind)), ACCEPT, "neighbour or multicast listener discovery")
        for kind in (_DISCOVERY if family == 6 else ())
    ]
    yield Chain("cali-wl-to-host", (
        *discovery,
        FilterRule(EVERYTHING, Verdict("jump", "cali-from-wl-dispatch")),
        FilterRule(EVERYTHING, DROP, "from a container to its own host"),
    ))  # fmt: skip
    yield Chain("cali-INPUT", (FilterRule(leaving, Verdict("goto", "cali-wl-to-host")),))
    yield Chain("cali-FORWARD", (
        FilterRule(EVERYTHING, Verdict("clear-mark", bits=ACCEPT_MARK | PASS_MARK)),
        FilterRule(leaving, Verdict("jump", "cali-from-wl-dispatch")),
        FilterRule(entering, Verdict("jump", "cali-to-wl-dispatch")),
        FilterRule(Match(mark=ACCEPT_MARK), ACCEPT, "all policies allowed it"),
    ))  # fmt: skip
