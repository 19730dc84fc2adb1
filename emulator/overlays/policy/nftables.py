"""A host's packet filter to the text that `nft` reads: the table ``ip calico``, as Felix names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from emulator.overlays.policy.chains import (
    LOG_PREFIX,
    AddressSet,
    Chain,
    EndMatch,
    FilterRule,
    Match,
    RuleSet,
    Verdict,
)
from emulator.overlays.policy.model import ICMP, SCTP, TCP, UDP, UDPLITE, Icmp, Ports

TABLE = "calico"
_LAYER = "filter"
"""The prefix of all chains' names, because Felix keeps chains of several tables in one."""
_NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp", UDPLITE: "udplite", ICMP: "icmp"}
_ALL_BITS = 0xFFFFFFFF
_LONGEST_COMMENT = 100
_PRIORITY = "filter"


def nft_text(rules: RuleSet) -> str:
    """Return the text that replaces a host's whole table at once."""
    lines = [removal_text().rstrip("\n"), f"table ip {TABLE} {{"]
    for item in rules.sets:
        lines += _set(item)
    for chain in rules.chains:
        lines += _chain(chain)
    for hook, chain_name in rules.hooks:
        lines += [
            f"  chain {_LAYER}-{hook} {{",
            f"    type filter hook {hook.lower()} priority {_PRIORITY}; policy accept;",
            f"    counter jump {_LAYER}-{chain_name}",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def update_text(before: RuleSet, after: RuleSet) -> str | None:
    """Return the text that changes the addresses of sets; None if more than addresses has changed.

    A host loads it when a container comes or goes on another host.
    """
    if (before.chains, before.hooks) != (after.chains, after.hooks):
        return None
    nets_before = {item.name: set(item.nets) for item in before.sets}
    if nets_before.keys() != {item.name for item in after.sets}:
        return None
    lines = []
    for item in after.sets:
        old, new = nets_before[item.name], set(item.nets)
        for verb, nets in (("delete", old - new), ("add", new - old)):
            if nets:
                elements = ", ".join(_net(net) for net in sorted(nets))
                lines.append(f"{verb} element ip {TABLE} {_set_name(item.name)} {{ {elements} }}\n")
    return "".join(lines)


def removal_text() -> str:
    """Return the text that removes the table, whether or not it is there."""
    return f"table ip {TABLE}\ndelete table ip {TABLE}\n"


def _set(item: AddressSet) -> Iterator[str]:
    yield f"  set {_set_name(item.name)} {{"
    yield "    type ipv4_addr"
    yield "    flags interval"
    if item.nets:
        yield f"    elements = {{ {', '.join(map(_net, item.nets))} }}"
    yield "  }"


def _chain(chain: Chain) -> Iterator[str]:
    yield f"  chain {_LAYER}-{chain.name} {{"
    for rule in chain.rules:
        yield f"    {_rule(rule)}"
    yield "  }"


def _rule(rule: FilterRule) -> str:
    comment = [f'comment "{rule.comment[:_LONGEST_COMMENT]}"'] if rule.comment else []
    return " ".join([*_match(rule.match), "counter", _verdict(rule.verdict), *comment])


def _match(match: Match) -> Iterator[str]:
    for key, interface in (("iifname", match.in_interface), ("oifname", match.out_interface)):
        if interface is not None:
            yield f'{key} "{interface}"'
    if match.connection is not None:
        yield f"ct state {'related,established' if match.connection == 'known' else 'invalid'}"
    if match.mark is not None:
        yield f"meta mark & {match.mark:#x} == {match.mark:#x}"
    if match.no_mark is not None:
        yield f"meta mark & {match.no_mark:#x} == 0"
    if match.protocol is not None:
        yield f"meta l4proto {_NAMES.get(match.protocol, match.protocol)}"
    if match.not_protocol is not None:
        yield f"meta l4proto != {_NAMES.get(match.not_protocol, match.not_protocol)}"
    for icmp, operator in ((match.icmp, ""), (match.not_icmp, "!= ")):
        if icmp is not None:
            yield _icmp(icmp, operator)
    yield from _end(match.source, "s", match.protocol)
    yield from _end(match.destination, "d", match.protocol)


def _icmp(icmp: Icmp, operator: str) -> str:
    if icmp.code is None:
        return f"icmp type {operator}{icmp.type}"
    # type and code are two bytes, which must be compared at once: `!=` of both would not be the opposite of `==`
    return f"@th,0,16 {operator}{(icmp.type or 0) << 8 | icmp.code:#06x}"


def _end(end: EndMatch, letter: str, protocol: int | None) -> Iterator[str]:
    key = f"ip {letter}addr"
    for nets, operator in ((end.nets, ""), (end.not_nets, "!= ")):
        if nets:
            yield f"{key} {operator}{_one_of(map(_net, nets))}"
    for names, operator in ((end.sets, ""), (end.not_sets, "!= ")):
        for name in names:
            yield f"{key} {operator}@{_set_name(name)}"
    for ports, operator in ((end.ports, ""), (end.not_ports, "!= ")):
        if ports:
            yield f"{_NAMES.get(protocol or 0, 'th')} {letter}port {operator}{_ports(ports)}"


def _ports(ports: Sequence[Ports]) -> str:
    return _one_of(f"{it.first}" if it.first == it.last else f"{it.first}-{it.last}" for it in ports)


def _one_of(items: Iterable[str]) -> str:
    listed = list(items)
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"


def _net(net: str) -> str:
    return net.removesuffix("/32")


def _set_name(name: str) -> str:
    return name.replace(":", "-")


def _verdict(verdict: Verdict) -> str:
    match verdict.kind:
        case "jump" | "goto":
            return f"{verdict.kind} {_LAYER}-{verdict.chain}"
        case "set-mark":
            return f"meta mark set meta mark or {verdict.bits:#x}"
        case "clear-mark":
            return f"meta mark set meta mark and {_ALL_BITS & ~verdict.bits:#x}"
        case "log":
            return f'log prefix "{LOG_PREFIX}: " level info'
        case _:
            return verdict.kind
