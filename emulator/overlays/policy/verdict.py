"""The verdict of a packet filter on a packet, computed from the filter's value and not by a kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Literal

from emulator.overlays.policy.chains import Chain, EndMatch, Hook, Match, RuleSet
from emulator.overlays.policy.compiler import compile_host
from emulator.overlays.policy.model import ICMP, ICMPV6, Icmp, PolicySpec, Ports
from emulator.overlays.policy.sets import Endpoint

_ECHO_REQUEST, _IPV6_ECHO_REQUEST = 8, 128


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection. The ports are 0 and ``icmp`` is None where its protocol has none.

    An interface of None is one that leads to no container.
    """

    source: str = ""
    destination: str = ""
    in_interface: str | None = None
    out_interface: str | None = None
    protocol: int = ICMP
    source_port: int = 0
    destination_port: int = 0
    icmp: Icmp | None = None


def lets_through(spec: PolicySpec, near: Endpoint, far: Endpoint, packet: Packet, family: int = 4) -> bool:
    """Return whether the policies let the first packet of a connection of a family pass from a container to another.

    The packet's addresses and interfaces are set here.
    """
    ends = (near, far)
    packet = replace(packet, source=near.address_of(family) or "", destination=far.address_of(family) or "")
    leaving, entering = replace(packet, in_interface=near.interface), replace(packet, out_interface=far.interface)
    if near.host == far.host:
        both = replace(leaving, out_interface=far.interface)
        return Judge(compile_host(spec, ends, near.host, family)).lets_through("FORWARD", both)
    return all(
        Judge(compile_host(spec, ends, host, family)).lets_through("FORWARD", part)
        for host, part in ((near.host, leaving), (far.host, entering))
    )


ECHOES = {4: Packet(icmp=Icmp(_ECHO_REQUEST, 0)), 6: Packet(protocol=ICMPV6, icmp=Icmp(_IPV6_ECHO_REQUEST, 0))}
"""A request for an echo of each family."""


@dataclass(frozen=True)
class Judge:
    """The decisions of a host's packet filter."""

    rules: RuleSet

    def lets_through(self, hook: Hook, packet: Packet) -> bool:
        """Return whether a packet passes."""
        for name, chain in self.rules.hooks:
            if name == hook:
                return self._walk(self._chains[chain], packet, 0)[0] != "drop"
        return True

    @cached_property
    def _chains(self) -> dict[str, Chain]:
        return {chain.name: chain for chain in self.rules.chains}

    @cached_property
    def _sets(self) -> dict[str, tuple[str, ...]]:
        return {item.name: item.nets for item in self.rules.sets}

    def _walk(self, chain: Chain, packet: Packet, mark: int) -> tuple[Literal["accept", "drop", "return"], int]:
        """Return what a chain decides about a packet with a mark, and the packet's mark after it."""
        for rule in chain.rules:
            if not self._matches(rule.match, packet, mark):
                continue
            verdict = rule.verdict
            match verdict.kind:
                case "accept" | "drop" | "return":
                    return verdict.kind, mark
                case "set-mark":
                    mark |= verdict.bits
                case "clear-mark":
                    mark &= ~verdict.bits
                case "jump" | "goto":
                    decision, mark = self._walk(self._chains[verdict.chain], packet, mark)
                    if decision != "return" or verdict.kind == "goto":
                        return decision, mark
        return "return", mark

    def _matches(self, match: Match, packet: Packet, mark: int) -> bool:
        return (
            match.connection is None  # the packet is a connection's first, so its connection is new
            and _is_interface(match.in_interface, packet.in_interface)
            and _is_interface(match.out_interface, packet.out_interface)
            and (match.mark is None or mark & match.mark == match.mark)
            and (match.no_mark is None or not mark & match.no_mark)
            and match.protocol in {None, packet.protocol}
            and match.not_protocol != packet.protocol
            and (match.icmp is None or _is_icmp(match.icmp, packet.icmp))
            and (match.not_icmp is None or not _is_icmp(match.not_icmp, packet.icmp))
            and self._is_end(match.source, packet.source, packet.source_port)
            and self._is_end(match.destination, packet.destination, packet.destination_port)
        )

    def _is_end(self, end: EndMatch, address: str, port: int) -> bool:
        return (
            (not end.nets or _is_in(address, end.nets))
            and not _is_in(address, end.not_nets)
            and all(_is_in(address, self._sets[name]) for name in end.sets)
            and not any(_is_in(address, self._sets[name]) for name in end.not_sets)
            and (not end.ports or _is_port(port, end.ports))
            and not _is_port(port, end.not_ports)
        )


def _is_interface(pattern: str | None, interface: str | None) -> bool:
    if pattern is None:
        return True
    if interface is None:
        return False
    return interface.startswith(pattern[:-1]) if pattern.endswith("*") else interface == pattern


def _is_icmp(wanted: Icmp, found: Icmp | None) -> bool:
    return found is not None and wanted.type == found.type and wanted.code in {None, found.code}


def _is_in(address: str, nets: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(net) for net in nets)


def _is_port(port: int, ports: tuple[Ports, ...]) -> bool:
    return any(item.first <= port <= item.last for item in ports)
