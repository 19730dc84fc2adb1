"""A host's packet filter to the text that `iptables-restore` reads, and to the ipsets that its rules name."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import product
from typing import Literal

from emulator.overlays.policy.chains import LOG_PREFIX, EndMatch, FilterRule, Match, RuleSet, Verdict
from emulator.overlays.policy.model import Icmp, Ports

_SLOTS = 15
"""The ports that a match of iptables has room for; a range takes two."""
_LONGEST_COMMENT = 200
_EVERYTHING = {"0.0.0.0/0", "::/0"}
_SET_PREFIX = {4: "cali40n:", 6: "cali60n:"}


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of iptables on a host: the networks of each ipset by its name, and the text for `iptables-restore`."""

    sets: dict[str, tuple[str, ...]]
    text: str


def iptables_tables(rules: RuleSet, *, is_hooked: bool) -> Tables:
    """Return a host's ipsets and rules. ``is_hooked`` says that the kernel's own chains lead to ours already."""
    sets = _Sets(rules.family, {item.name: _members(item.nets) for item in rules.sets})
    lines = ["*filter", *(f":{chain.name} - [0:0]" for chain in rules.chains)]
    lines += [line for chain in rules.chains for rule in chain.rules for line in _rule(chain.name, rule, sets)]
    if not is_hooked:
        lines += [f"-I {hook} -j {name}" for hook, name in rules.hooks]
    return Tables(sets.found, "\n".join([*lines, "COMMIT", ""]))


def removal_text(rules: RuleSet) -> str:
    """Return the text that removes the chains of a host."""
    names = [chain.name for chain in rules.chains]
    unhooked = [f"-D {hook} -j {name}" for hook, name in rules.hooks]
    # a chain that is named here is emptied, and only then nothing leads to the others
    lines = ["*filter", *(f":{name} - [0:0]" for name in names), *unhooked, *(f"-X {name}" for name in names)]
    return "\n".join([*lines, "COMMIT", ""])


@dataclass(slots=True)
class _Sets:
    """The ipsets of a host in one family of addresses.

    Several networks in one rule need an ipset, too, because a rule has room for one network.
    """

    family: int
    found: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of_nets(self, nets: tuple[str, ...]) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha224(",".join(nets).encode()).digest()).decode()
        name = f"{_SET_PREFIX[self.family]}{digest}"[:31]
        self.found[name] = _members(nets)
        return name


def _members(nets: Sequence[str]) -> tuple[str, ...]:
    """Return networks as an ipset takes them: it has no room for all addresses as one network."""
    return tuple(str(part) for net in nets for part in (ip_network(net).subnets() if net in _EVERYTHING else [net]))


def _rule(chain: str, rule: FilterRule, sets: _Sets) -> Iterator[str]:
    """Yield the lines of a rule: several where it has more ports than a line has room for."""
    match = rule.match
    before = [
        *_before_ports(match, sets.family),
        *_addresses(match.source, "s", sets),
        *_addresses(match.destination, "d", sets),
    ]
    before += [*_not_ports(match.source, "s"), *_not_ports(match.destination, "d")]
    comment = f'-m comment --comment "{rule.comment[:_LONGEST_COMMENT]}"' if rule.comment else ""
    for sources, destinations in product(_port_lines(match.source, "s"), _port_lines(match.destination, "d")):
        parts = [f"-A {chain}", *before, sources, destinations, comment, _verdict(rule.verdict)]
        yield " ".join(part for part in parts if part)


def _before_ports(match: Match, family: int) -> Iterator[str]:
    module, option = ("icmp6", "--icmpv6-type") if family == 6 else ("icmp", "--icmp-type")
    for direction, interface in (("-i", match.in_interface), ("-o", match.out_interface)):
        if interface is not None:
            yield f"{direction} {interface.replace('*', '+')}"
    if match.protocol is not None:
        yield f"-p {match.protocol}"
    if match.not_protocol is not None:
        yield f"! -p {match.not_protocol}"
    if match.connection is not None:
        yield f"-m conntrack --ctstate {'RELATED,ESTABLISHED' if match.connection == 'known' else 'INVALID'}"
    if match.mark is not None:
        yield f"-m mark --mark {match.mark:#x}/{match.mark:#x}"
    if match.no_mark is not None:
        yield f"-m mark --mark 0x0/{match.no_mark:#x}"
    for icmp, sign in ((match.icmp, ""), (match.not_icmp, "! ")):
        if icmp is not None:
            yield f"-m {module} {sign}{option} {_icmp(icmp)}"


def _icmp(icmp: Icmp) -> str:
    return f"{icmp.type}" if icmp.code is None else f"{icmp.type}/{icmp.code}"


def _addresses(end: EndMatch, letter: Literal["s", "d"], sets: _Sets) -> Iterator[str]:
    side = "src" if letter == "s" else "dst"
    has_room = True
    for nets, sign in ((end.nets, ""), (end.not_nets, "! ")):
        if len(nets) == 1 and has_room:
            yield f"{sign}-{letter} {nets[0]}"
            has_room = False
        elif nets:
            yield f"-m set {sign}--match-set {sets.of_nets(nets)} {side}"
    for names, sign in ((end.sets, ""), (end.not_sets, "! ")):
        for name in names:
            yield f"-m set {sign}--match-set {name} {side}"


def _port_lines(end: EndMatch, letter: Literal["s", "d"]) -> list[str]:
    """Return the matches of an end's ports, of which one must apply; one empty match if all ports do."""
    return [f"-m multiport --{letter}ports {ports}" for ports in _chunks(end.ports)] or [""]


def _not_ports(end: EndMatch, letter: Literal["s", "d"]) -> list[str]:
    return [f"-m multiport ! --{letter}ports {ports}" for ports in _chunks(end.not_ports)]


def _chunks(ports: Sequence[Ports]) -> Iterator[str]:
    """Yield lists of ports that fit into one match."""
    listed: list[str] = []
    used = 0
    for item in ports:
        slots = 1 if item.first == item.last else 2
        if used + slots > _SLOTS:
            yield ",".join(listed)
            listed, used = [], 0
        listed.append(f"{item.first}" if slots == 1 else f"{item.first}:{item.last}")
        used += slots
    if listed:
        yield ",".join(listed)


def _verdict(verdict: Verdict) -> str:
    match verdict.kind:
        case "jump":
            return f"-j {verdict.chain}"
        case "goto":
            return f"-g {verdict.chain}"
        case "set-mark":
            return f"-j MARK --set-xmark {verdict.bits:#x}/{verdict.bits:#x}"
        case "clear-mark":
            return f"-j MARK --set-xmark 0x0/{verdict.bits:#x}"
        case "log":
            return f'-j LOG --log-prefix "{LOG_PREFIX}: " --log-level 5'
        case _:
            return f"-j {verdict.kind.upper()}"
