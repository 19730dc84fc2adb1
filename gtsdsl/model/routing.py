"""The routing of hosts: fixed routes, or those of a routing protocol with its timers, as ``"ospf,hello=1"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from gtsdsl.model.units import parse_duration_us
from gtsdsl.model.values import Value, describe
from gtsdsl.text import did_you_mean, nearest_or_all, printable

Protocol: TypeAlias = Literal["ospf", "bgp"]
STATIC = "static"
ROUTINGS: tuple[str, ...] = (STATIC, "ospf", "bgp")
"""The names of the ways to find routes; the first is the default."""

FORM = '"static", "ospf,hello=1,dead=4" or "bgp,hold=9"'
_MOST_S = 65_535
"""The most seconds that OSPF's hello interval and BGP's hold time can be: both have 16 bits in packets."""
_BFD_US = (10_000, 10_000_000)
"""The shortest and the longest interval between two packets of BFD."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A routing protocol between all hosts, and its timers in whole seconds. The defaults are those of BIRD 2.

    Of OSPF: ``hello_s`` between two hellos; a neighbour is dead ``dead_s`` after its last one; ``tick_s`` between two
    moments at which BIRD computes routes and announces changes. Of BGP: a session ends at most ``hold_s`` after its
    last message; at most ``keepalive_s`` between two messages, and ``connect_retry_s`` between two attempts to connect.
    ``bfd_us`` is the interval of BFD, which finds a neighbour dead after 5 intervals, for either protocol; None is no
    BFD.
    """

    protocol: Protocol
    hello_s: int = 10
    dead_s: int = 40
    tick_s: int = 1
    hold_s: int = 240
    keepalive_s: int = 80
    connect_retry_s: int = 120
    bfd_us: int | None = None

    @property
    def timers(self) -> dict[str, str]:
        """The options of the protocol as a user writes them, by name: ``hello`` is ``10``."""
        found = {name: str(getattr(self, f"{name}_s")) for name in _OPTIONS[self.protocol]}
        return found | ({} if self.bfd_us is None else {"bfd": f"{self.bfd_us / 1000:g}ms"})

    def __str__(self) -> str:
        """Return the text that `parse_routing` parses, with all timers: ``ospf,hello=10,dead=40,tick=1``."""
        return ",".join([self.protocol, *(f"{name}={value}" for name, value in self.timers.items())])


class _Range(NamedTuple):
    least: int
    most: int = _MOST_S


_OPTIONS: Mapping[Protocol, Mapping[str, _Range]] = {
    "ospf": {"hello": _Range(1), "dead": _Range(2), "tick": _Range(1, 60)},
    "bgp": {"hold": _Range(3), "keepalive": _Range(1), "connect_retry": _Range(1)},
}
"""The timers of each protocol, in seconds."""
_BFD = "bfd"


def parse_routing(value: Value) -> Routing | None:
    """Return the protocol and the timers of ``"ospf,hello=1,dead=4"``; None for ``"static"``.

    ``dead`` is 4 times ``hello`` and ``keepalive`` a third of ``hold`` unless they are given, as in BIRD.

    Raises:
        ValueError: the value is no way to find routes; the message says why.
    """
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else []
    if not words or words[0] not in ROUTINGS:
        near = did_you_mean(words[0][:80], list(ROUTINGS)) if words else None
        raise ValueError(f"{describe(value)} is no routing; {near or f'write it as {FORM}'}")
    if words[0] == STATIC:
        if words[1:]:
            raise ValueError("static routes have no options")
        return None
    protocol: Protocol = "ospf" if words[0] == "ospf" else "bgp"
    given: dict[str, int] = {}
    for word in words[1:]:
        name, equals, text = (part.strip() for part in word.partition("="))
        known = (*_OPTIONS[protocol], _BFD)
        if not equals or name not in known:
            near = nearest_or_all(name[:80], known, "choose of")
            raise ValueError(f"{protocol} has no option `{printable(word, 80)}`; {near}")
        field = "bfd_us" if name == _BFD else f"{name}_s"
        if field in given:
            raise ValueError(f"{name} is given twice")
        given[field] = _bfd_us(text) if name == _BFD else _seconds(name, text, _OPTIONS[protocol][name])
    if "hello_s" in given:
        given.setdefault("dead_s", min(4 * given["hello_s"], _MOST_S))
    if "hold_s" in given:
        given.setdefault("keepalive_s", max(1, given["hold_s"] // 3))
    routing = Routing(protocol, **given)
    for shorter, longer in (("hello", "dead"), ("keepalive", "hold")):
        short_s, long_s = getattr(routing, f"{shorter}_s"), getattr(routing, f"{longer}_s")
        if short_s >= long_s:
            raise ValueError(f"{longer}={long_s} must be more than {shorter}={short_s}")
    return routing


def _seconds(name: str, text: str, allowed: _Range) -> int:
    digits = text.removesuffix("s")
    if not digits.isascii() or not digits.isdigit() or not allowed.least <= int(digits[:9]) <= allowed.most:
        raise ValueError(
            f"{name}={printable(text, 40)} is not a number of whole seconds from {allowed.least} to {allowed.most}"
        )
    return int(digits)


def _bfd_us(text: str) -> int:
    try:
        interval_us = parse_duration_us(text)
    except ValueError as error:
        raise ValueError(f"bfd: {error}") from None
    if not _BFD_US[0] <= interval_us <= _BFD_US[1]:
        raise ValueError(f"bfd={printable(text, 40)} is not between 10ms and 10s")
    return interval_us
