"""Files of measured delays: a column of round-trip times or one-way delays, whose heading names the unit."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.model.distribution import MAX_DELAY_US, Distribution, distribution_of
from gtsdsl.source import Source
from gtsdsl.text import printable

MAX_SAMPLES = 1_000_000
_LEAST_SAMPLES = 2
_MAX_FINDINGS = 20
_CODE = "GTS007"
_UNITS_US = {"rtt_ms": 1000, "rtt_us": 1, "one_way_ms": 1000, "one_way_us": 1}
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class MeasuredDelays:
    """The distribution of a circuit's measured delays: of round trips, or of each direction by itself."""

    is_round_trip: bool
    delays: Distribution


def read_samples(path: str | os.PathLike[str]) -> MeasuredDelays:
    """Return the delays in a file (``-``: standard input).

    Raises:
        GtsError: the file cannot be read, or `parse_samples` refuses its text.
    """
    from gtsdsl.inputs.files import read_source

    return parse_samples(read_source(path))


def parse_samples(source: Source) -> MeasuredDelays:
    """Return the delays in a text: a heading, then a number a line.

    The heading is ``rtt_ms``, ``rtt_us``, ``one_way_ms`` or ``one_way_us``.

    Raises:
        GtsError: something in the text is wrong (GTS007), or it has too many lines (GTS005).
    """
    heading, *lines = source.text.splitlines() or [""]
    if len(lines) > MAX_SAMPLES:
        raise GtsError([Diagnostic("GTS005", f"a file of delays has at most {MAX_SAMPLES:,} samples", source)])
    unit_us = _UNITS_US.get(heading.strip())
    if unit_us is None:
        message = f"`{printable(heading, 40)}` is not the heading of a column of delays: write {', '.join(_UNITS_US)}"
        raise GtsError([Diagnostic(_CODE, message, source, source.line(1))])
    delays_us: list[float] = []
    findings: list[Diagnostic] = []
    for number, line in enumerate(lines, 2):
        text = line.strip()
        delay_us = float(text) * unit_us if _NUMBER.fullmatch(text) else None
        if delay_us is not None and delay_us <= MAX_DELAY_US:
            delays_us.append(delay_us)
            continue
        message = (
            f"`{printable(line, 40)}` is not a delay: a line has one number, from 0 on, without a unit"
            if delay_us is None
            else f"{printable(text, 40)} {heading.strip()[-2:]} is more than the {MAX_DELAY_US / 1e6:g} s of a delay"
        )
        findings.append(Diagnostic(_CODE, message, source, source.line(number)))
        if len(findings) == _MAX_FINDINGS:
            break
    if not findings and len(delays_us) < _LEAST_SAMPLES:
        findings.append(Diagnostic(_CODE, f"a file of delays has at least {_LEAST_SAMPLES} samples", source))
    if findings:
        raise GtsError(findings)
    try:
        return MeasuredDelays(heading.strip().startswith("rtt"), distribution_of(delays_us))
    except ValueError as error:
        raise GtsError([Diagnostic(_CODE, str(error), source)]) from None
