"""Durations, shares, bandwidths and MTUs, as attributes state them (`18ms`, `0.1%`, 1000), in fixed units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from gtsdsl.model.values import Value, describe

MAX_DURATION_US = 60_000_000
MIN_CPUS = 0.01
"""The least part of a processor that a host has."""
MIN_RATE_BPS = 1_000
MAX_RATE_BPS = 10**12
MTU_BYTES = 1500
"""Ethernet's MTU, which a circuit has that states none."""
LEAST_MTU_BYTES, MAX_MTU_BYTES = 68, 65_535
"""The least MTU of IPv4, which every link must carry in one piece (RFC 791, section 3.2), and the largest packet."""
LEAST_IPV6_MTU_BYTES = 1280
"""The least MTU of IPv6 (RFC 8200, section 5)."""

UNIT_US = {"us": 1, "ms": 1000, "s": 1_000_000}
"""The units of a duration, each in microseconds."""

_WITH_UNIT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?([a-z]+|%)")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,12})?")
_WHOLE = re.compile(r"[0-9]{1,18}")
_TRUTHS: dict[bool | str, bool] = {True: True, False: False, "true": True, "false": False}
_Parsed = TypeVar("_Parsed")


def each_direction(parse: Callable[[Value], _Parsed], value: Value) -> tuple[_Parsed, _Parsed]:
    """Return a value of a link for each of its directions: from its first port to its second, and back.

    ``"18ms/20ms"`` has a part for each direction. Any other value is for both. ``parse`` parses a part.

    Raises:
        ValueError: the text has more than two parts, or ``parse`` refuses one.
    """
    if not isinstance(value, str) or "/" not in value:
        parsed = parse(value)
        return parsed, parsed
    there, _, back = value.partition("/")
    if "/" in back:
        raise ValueError(f'{describe(value)} has more than two directions; write it as "18ms/20ms": there and back')
    return parse(there.strip()), parse(back.strip())


def times_unit(value: object, units: Mapping[str, int]) -> Decimal | None:
    """Return the number of a text such as ``"18ms"`` or ``"0.1 %"``, times what its unit stands for in ``units``.

    Return None for any other value.
    """
    match = _WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    return Decimal(match[1]) * units[match[2]] if match is not None and match[2] in units else None


def parse_duration_us(value: Value) -> int:
    """Return a delay or jitter such as ``"18ms"``, ``"250us"`` or ``"0.5s"`` in microseconds, from 0 to 60 s.

    Raises:
        ValueError: the value is not such a duration; the message says why.
    """
    duration_us = times_unit(value, UNIT_US)
    if duration_us is None:
        raise ValueError(
            f'{describe(value)} is not a duration; write a number with its unit, such as "18ms" or "250us"'
        )
    if duration_us > MAX_DURATION_US:
        raise ValueError(f"{describe(value)} is more than the {MAX_DURATION_US // 1_000_000} s that a delay may last")
    return round(duration_us)


def parse_percent(value: Value) -> float:
    """Return a share of packets such as ``"0.1%"`` in percent, from 0 to 100, rounded to six decimals.

    Raises:
        ValueError: the value is not such a share; the message says why.
    """
    percent = times_unit(value, {"%": 1})
    if percent is None:
        raise ValueError(f'{describe(value)} is not a share; write a percentage with its sign, such as "0.1%"')
    if percent > 100:
        raise ValueError(f"{describe(value)} is more than 100%")
    return float(round(percent, 6))


def parse_bandwidth(value: Value) -> int:
    """Return a bandwidth, given in Mbit/s as a number or a text, in bits per second: 1 kbit/s to 1 Tbit/s.

    The result is a whole number of bytes per second, because the kernel counts in bytes per second.

    Raises:
        ValueError: the value is not such a bandwidth; the message says why.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if number is None or not number.is_finite():
        raise ValueError(f"{describe(value)} is not a bandwidth; write a number of Mbit/s, such as 1000")
    if not Decimal(MIN_RATE_BPS) / 10**6 <= number <= Decimal(MAX_RATE_BPS) / 10**6:
        raise ValueError(f"{describe(value)} Mbit/s is out of range; a bandwidth goes from 0.001 to 1000000 Mbit/s")
    return 8 * round(number * 10**6 / 8)


def parse_mtu_bytes(value: Value) -> int:
    """Return an MTU, given in bytes as a whole number or its text: 68 to 65,535.

    Raises:
        ValueError: the value is not such an MTU; the message says why.
    """
    if isinstance(value, str) and "/" in value:
        raise ValueError(f"{describe(value)} has two directions; an MTU belongs to the whole circuit: write one number")
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{describe(value)} is not an MTU; write a whole number of bytes, such as 9000")
    if not LEAST_MTU_BYTES <= value <= MAX_MTU_BYTES:
        raise ValueError(
            f"{describe(value)} is out of range; an MTU goes from {LEAST_MTU_BYTES}, the least of IPv4, to "
            f"{MAX_MTU_BYTES} bytes"
        )
    return value


def parse_switch(value: Value) -> bool:
    """Return a truth value: ``true`` or ``false``, quoted or not.

    Raises:
        ValueError: the value is neither.
    """
    found = _TRUTHS.get(value) if isinstance(value, bool | str) else None
    if found is None:
        raise ValueError(f"{describe(value)} is neither true nor false")
    return found
