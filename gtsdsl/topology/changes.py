"""Changes of a circuit that runs: the attributes that can change, and what each does to both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TypeAlias

from gtsdsl.model.jitter import parse_jitter, parse_order
from gtsdsl.model.losses import parse_loss
from gtsdsl.model.shares import parse_reorder, parse_share
from gtsdsl.model.units import each_direction, parse_bandwidth, parse_duration_us, parse_mtu_bytes, parse_switch
from gtsdsl.model.values import Value
from gtsdsl.topology.impairments import Directions, Impairment

Change: TypeAlias = Callable[[Impairment, int, Value], Impairment]
"""Changes one direction: 0 is from the circuit's first end to its second, 1 is back. Raises ValueError."""


def _delayed(effect: Impairment, way: int, value: Value) -> Impairment:
    delays_us = each_direction(parse_duration_us, value)
    rtt_us = sum(delays_us)
    return replace(effect, rtt_us=rtt_us, one_way_us=None if 2 * delays_us[way] == rtt_us else delays_us[way])


CHANGES: Mapping[str, Change] = {
    "rtt": lambda effect, _, value: replace(effect, rtt_us=parse_duration_us(value), one_way_us=None),
    "delay": _delayed,
    "jitter": lambda effect, way, value: replace(effect, jitter=each_direction(parse_jitter, value)[way], added=None),
    "order": lambda effect, way, value: replace(effect, order=each_direction(parse_order, value)[way]),
    "loss": lambda effect, way, value: replace(effect, loss=each_direction(parse_loss, value)[way]),
    "corrupt": lambda effect, way, value: replace(effect, corrupt=each_direction(parse_share, value)[way]),
    "duplicate": lambda effect, way, value: replace(effect, duplicate=each_direction(parse_share, value)[way]),
    "reorder": lambda effect, way, value: replace(effect, reorder=each_direction(parse_reorder, value)[way]),
    "mtu": lambda effect, _, value: replace(effect, mtu_bytes=parse_mtu_bytes(value)),
    "black_hole": lambda effect, _, value: replace(effect, is_black_hole=parse_switch(value)),
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
