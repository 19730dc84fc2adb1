"""Figures of UDP that were measured at fixed rates: ``udp.900M.lost`` is the part that was lost at 900 Mbit/s."""

from __future__ import annotations

import re
from collections.abc import Iterable

from emulator.bench.report.groups import Group

_FIGURE = re.compile(r"udp\.(\d+(?:\.\d+)?)M\.(received|lost|jitter)")


def rates(names: Iterable[str]) -> tuple[str, ...]:
    """Return the rates in Mbit/s that the names of figures have, as they are written there, the lowest first."""
    found = dict.fromkeys(match[1] for name in names if (match := _FIGURE.fullmatch(name)))
    return tuple(sorted(found, key=float))  # rates that are equal, as 10 and 10.0, stay in the order of the names


def by_rate(group: Group, kind: str) -> dict[float, float]:
    """Return the means of one kind of figure, such as ``lost``, by the rate that was sent, in Mbit/s."""
    found = {}
    for name in group.figures:
        match = _FIGURE.fullmatch(name)
        if match and match[2] == kind and (mean := group.mean(name)) is not None:
            found[float(match[1])] = mean
    return found
