"""Changes of a circuit that runs: the attributes that can change, and what each does to both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TypeAlias

from gtsdsl.model.losses import parse_loss
from gtsdsl.model.units import each_direction, parse_bandwidth, parse_duration_us, parse_percent
from gtsdsl.model.values import Value
from gtsdsl.topology.impairments import Directions, Impairment

Change: TypeAlias = Callable[[Impairment, int, Value], Impairment]
"""Changes one direction: 0 is from the circuit's first end to its second, 1 is back. Raises ValueError."""


def _delayed(effect: Impairment, way: int, value: Value) -> Impairment:
    delays_us = each_direction(parse_duration_us, value)
    rtt_us = sum(delays_us)
    return replace(effect, rtt_us=rtt_us, one_way_us=None if 2 * delays_us[way] == rtt_us else delays_us[way])


def _share(way: int, value: Value) -> float:
    return each_direction(parse_percent, value)[way]


CHANGES: Mapping[str, Change] = {
    "rtt": lambda effect, _, value: replace(effect, rtt_us=parse_duration_us(value), one_way_us=None),
    "delay": _delayed,
    "jitter": lambda effect, way, value: replace(effect, jitter_us=each_direction(parse_duration_us, value)[way]),
    "loss": lambda effect, way, value: replace(effect, loss=each_direction(parse_loss, value)[way]),
    "corrupt": lambda effect, way, value: replace(effect, corrupt_percent=_share(way, value)),
    "duplicate": lambda effect, way, value: replace(effect, duplicate_percent=_share(way, value)),
    "reorder": lambda effect, way, value: replace(effect, reorder_percent=_share(way, value)),
    "bandwidth": lambda effect, way, value: replace(effect, rate_bps=each_direction(parse_bandwidth, value)[way]),
}
"""The attributes of a circuit that the shell's ``link`` and a scenario can change."""


def changed(directions: Directions, attribute: str, value: Value) -> Directions:
    """Return both directions of a circuit with one of `CHANGES`. A value may have a part for each: ``18ms/20ms``.

    Raises:
        ValueError: the value is wrong; the message says why.
    """
    change = CHANGES[attribute]
    there, back = directions
    return change(there, 0, value), change(back, 1, value)


def reverted(effect: Impairment, before: Impairment, after: Impairment) -> Impairment:
    """Return an impairment in which what differs between ``before`` and ``after`` is as before."""
    old = {
        item.name: value
        for item in fields(Impairment)
        if (value := getattr(before, item.name)) != getattr(after, item.name)
    }
    return replace(effect, **old)
