"""Shares of a circuit's packets: those with a wrong bit, those that come twice, those that overtake."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gtsdsl.model.units import parse_percent
from gtsdsl.model.values import Value, describe

MAX_GAP = 1_000_000
_GAP = re.compile(r"[1-9][0-9]{0,6}")


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the packets of one direction; a packet's chance depends by the correlation on the packet before."""

    percent: float = 0.0
    correlation_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Reorder(Share):
    """The share of packets that leave at once, before those that wait for their delay.

    At least ``gap - 1`` packets between two of them have their delay; 1 leaves all to chance.
    """

    gap: int = 1


NO_SHARE = Share()
NO_REORDER = Reorder()


def parse_share(value: Value) -> Share:
    """Return a share: ``"1%"`` or ``"1% 25%"``, whose second number is a correlation.

    Raises:
        ValueError: the value is no share; the message says why.
    """
    words = value.replace(" %", "%").split() if isinstance(value, str) else []
    if not words:
        return Share(parse_percent(value))
    if len(words) > 2:
        raise ValueError(f'{describe(value)} is not a share; write "0.1%", or "0.1% 25%" with a correlation')
    return Share(*map(parse_percent, words))


def parse_reorder(value: Value) -> Reorder:
    """Return a share of packets that overtake: ``"1%"``, ``"25% 50%"`` or ``"25% 50% gap 5"``, as tc-netem has it.

    Raises:
        ValueError: the value is no such share; the message says why.
    """
    text, has_gap, gap = value.partition(" gap ") if isinstance(value, str) else (value, "", "")
    share = parse_share(text)
    if has_gap and not (_GAP.fullmatch(gap.strip()) and int(gap) <= MAX_GAP):
        raise ValueError(f'{describe(value)} has no gap from 1 to {MAX_GAP:,} packets; write "25% gap 5"')
    return Reorder(share.percent, share.correlation_percent, int(gap) if has_gap else 1)
