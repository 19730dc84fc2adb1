"""Times of a scenario, as a file states them (`10`, `"10s"`, `"250ms"`), in nanoseconds."""

from __future__ import annotations

from decimal import Decimal

from gtsdsl.model.units import UNIT_US, times_unit
from gtsdsl.scenario.traces import MOST_US
from gtsdsl.text import printable

_UNIT_US = {**UNIT_US, "min": 60 * 10**6, "h": 3600 * 10**6}
_WRITE = 'write seconds, or a text with a unit, such as "10s", "250ms" or "2min"'


def parse_time_ns(value: object) -> int:
    """Return a time: a number is in seconds, and a text has a unit. A time is a whole number of microseconds.

    Raises:
        ValueError: the value is no such time, or is before the start; the message says why.
    """
    if isinstance(value, str):
        given_us = times_unit(value, _UNIT_US)
        if given_us is None:
            raise ValueError(f"`{printable(value, 40)}` is not a time: {_WRITE}")
        time_us = given_us
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**12:
        time_us = Decimal(str(value)) * 10**6
    else:
        raise ValueError(f"this is not a time: {_WRITE}")
    if time_us < 0:
        raise ValueError("a time is counted from the start of the scenario, and cannot be negative")
    if time_us > MOST_US:
        raise ValueError(f"a scenario lasts at most {MOST_US // 10**6:,} s")
    if time_us % 1:
        raise ValueError("a time is a whole number of microseconds")
    return int(time_us) * 1000


def seconds_text(time_ns: int) -> str:
    """Return a time in seconds for people: ``10 s``, ``0.000250 s``."""
    whole, rest = divmod(time_ns, 10**9)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".") + " s"
