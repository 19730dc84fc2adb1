"""A host's packet filter as values: chains of rules and sets of addresses, for any engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.overlays.policy.model import Icmp, Ports

ACCEPT_MARK, PASS_MARK = 0x10000, 0x20000
"""The bits of a packet's mark by which a chain of a policy says that it allowed or passed the packet, as in Felix."""
LOG_PREFIX = "calico-packet"
"""The beginning of a line of the kernel's log about a packet, which Felix has by default."""

Hook: TypeAlias = Literal["FORWARD", "INPUT"]
"""The place where the kernel hands packets to a chain: those to another host or container, or those to this host."""


@dataclass(frozen=True, slots=True)
class EndMatch:
    """A condition on a packet's source or destination. All parts must match; of a list, one entry.

    ``nets`` are networks of the filter's family, and ``sets`` names of address sets, each of which must have the
    address.
    """

    nets: tuple[str, ...] = ()
    not_nets: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    not_sets: tuple[str, ...] = ()
    ports: tuple[Ports, ...] = ()
    not_ports: tuple[Ports, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The condition on packets for a rule to apply. Fields of None or without entries match all packets.

    An interface that ends in ``*`` stands for all that begin so. ``connection`` is the state of the packet's
    connection. ``mark`` is a bit that must be set in the packet's mark, ``no_mark`` one that must not.
    """

    in_interface: str | None = None
    out_interface: str | None = None
    connection: Literal["known", "invalid"] | None = None
    mark: int | None = None
    no_mark: int | None = None
    protocol: int | None = None
    not_protocol: int | None = None
    icmp: Icmp | None = None
    not_icmp: Icmp | None = None
    source: EndMatch = EndMatch()
    destination: EndMatch = EndMatch()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a rule: what happens to a packet.

    ``jump`` and ``goto`` lead to the chain ``chain``. ``set-mark`` and ``clear-mark`` change the bits ``bits``.
    """

    kind: Literal["accept", "drop", "return", "jump", "goto", "set-mark", "clear-mark", "log"]
    chain: str = ""
    bits: int = 0


@dataclass(frozen=True, slots=True)
class FilterRule:
    """A rule of a packet filter, with a comment for whoever lists the rules."""

    match: Match
    verdict: Verdict
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain. A packet that no rule decides about returns to the chain that led to it."""

    name: str
    rules: tuple[FilterRule, ...]


@dataclass(frozen=True, slots=True)
class AddressSet:
    """The networks of one family that a selector selects."""

    name: str
    selector: str
    nets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The packet filter of one host in one family of addresses. A chain stands before all chains that lead to it.

    ``hooks`` says which chain gets the packets of which hook. ``family`` is 4 or 6.
    """

    sets: tuple[AddressSet, ...]
    chains: tuple[Chain, ...]
    hooks: tuple[tuple[Hook, str], ...]
    family: int = 4


ACCEPT, DROP, RETURN, LOG = Verdict("accept"), Verdict("drop"), Verdict("return"), Verdict("log")
EVERYTHING = Match()
