"""A host's packet filter to the text that `nft` reads: the table ``ip calico`` or ``ip6 calico``, as Felix names it."""

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
from emulator.overlays.policy.model import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, Icmp, Ports

TABLE = "calico"
_LAYER = "filter"
"""The prefix of all chains' names, because Felix keeps chains of several tables in one."""
_NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp", UDPLITE: "udplite", ICMP: "icmp", ICMPV6: "icmpv6"}
_ALL_BITS = 0xFFFFFFFF
_LONGEST_COMMENT = 100
_PRIORITY = "filter"


def nft_text(rules: RuleSet) -> str:
    """Return the text that replaces a host's whole table at once."""
    lines = [removal_text(rules.family).rstrip("\n"), f"table {_word(rules.family)} {TABLE} {{"]
    for item in rules.sets:
        lines += _set(item, rules.family)
    for chain in rules.chains:
        lines += _chain(chain, rules.family)
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
                place = f"{_word(after.family)} {TABLE} {_set_name(item.name)}"
                lines.append(f"{verb} element {place} {{ {elements} }}\n")
    return "".join(lines)


def removal_text(family: int = 4) -> str:
    """Return the text that removes the table of a family, 4 or 6, whether or not it is there."""
    table = f"table {_word(family)} {TABLE}"
    return f"{table}\ndelete {table}\n"


def _word(family: int) -> str:
    """Return nftables' word for a family, for tables and for fields of packets."""
    return "ip6" if family == 6 else "ip"


def _set(item: AddressSet, family: int) -> Iterator[str]:
    yield f"  set {_set_name(item.name)} {{"
    yield f"    type ipv{family}_addr"
    yield "    flags interval"
    if item.nets:
        yield f"    elements = {{ {', '.join(map(_net, item.nets))} }}"
    yield "  }"


def _chain(chain: Chain, family: int) -> Iterator[str]:
    yield f"  chain {_LAYER}-{chain.name} {{"
    for rule in chain.rules:
        yield f"    {_rule(rule, family)}"
    yield "  }"


def _rule(rule: FilterRule, family: int) -> str:
    comment = [f'comment "{rule.comment[:_LONGEST_COMMENT]}"'] if rule.comment else []
    return " ".join([*_match(rule.match, family), "counter", _verdict(rule.verdict), *comment])


def _match(match: Match, family: int) -> Iterator[str]:
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
            yield _icmp(icmp, operator, family)
    yield from _end(match.source, f"{_word(family)} saddr", "sport", match.protocol)
    yield from _end(match.destination, f"{_word(family)} daddr", "dport", match.protocol)


def _icmp(icmp: Icmp, operator: str, family: int) -> str:
    if icmp.code is None:
        return f"{'icmpv6' if family == 6 else 'icmp'} type {operator}{icmp.type}"
    # type and code are two bytes, which must be compared at once: `!=` of both would not be the opposite of `==`
    return f"@th,0,16 {operator}{(icmp.type or 0) << 8 | icmp.code:#06x}"


def _end(end: EndMatch, key: str, port: str, protocol: int | None) -> Iterator[str]:
    for nets, operator in ((end.nets, ""), (end.not_nets, "!= ")):
        if nets:
            yield f"{key} {operator}{_one_of(map(_net, nets))}"
    for names, operator in ((end.sets, ""), (end.not_sets, "!= ")):
        for name in names:
            yield f"{key} {operator}@{_set_name(name)}"
    for ports, operator in ((end.ports, ""), (end.not_ports, "!= ")):
        if ports:
            yield f"{_NAMES.get(protocol or 0, 'th')} {port} {operator}{_ports(ports)}"


def _ports(ports: Sequence[Ports]) -> str:
    return _one_of(f"{it.first}" if it.first == it.last else f"{it.first}-{it.last}" for it in ports)


def _one_of(items: Iterable[str]) -> str:
    listed = list(items)
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"


def _net(net: str) -> str:
    return net.removesuffix("/128" if ":" in net else "/32")


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
