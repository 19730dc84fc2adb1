"""The delays of a circuit: the link's own, the user's, those that were measured, or estimates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gtsdsl.model.distribution import Distribution
from gtsdsl.model.units import each_direction, parse_duration_us
from gtsdsl.model.values import Value

if TYPE_CHECKING:
    from gtsdsl.circuits import Circuits, MeasuredDelays

DelaySource: TypeAlias = Literal["link", "given", "measured", "estimated", "unknown"]
"""The origin of a delay: the link's attribute, the user's own circuit, a measured or an estimated one, or none."""

_Sites: TypeAlias = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Delays:
    """The delays of both directions of a circuit.

    ``one_way_us`` are the delays there and back; None halves the round trip. ``added`` are random delays of each
    direction beside them; None adds nothing.
    """

    rtt_us: int
    source: DelaySource
    one_way_us: tuple[int, int] | None = None
    added: tuple[Distribution | None, Distribution | None] = (None, None)

    def of(self, way: int) -> int | None:
        """Return the delay of a direction in microseconds; None is half of the round trip."""
        if self.one_way_us is None or 2 * self.one_way_us[way] == self.rtt_us:
            return None
        return self.one_way_us[way]


def delays(attributes: Mapping[str, Value], sites: _Sites, custom: Circuits | None) -> Delays:
    """Return the delays of a link between two sites; ``custom`` are the user's own circuits.

    Raises:
        ValueError: the link's own ``delay`` is wrong.
    """
    if "delay" in attributes:
        own_us = each_direction(parse_duration_us, attributes["delay"])
        return Delays(sum(own_us), "link", own_us)
    if custom is not None and (given := _given(sites, custom)) is not None:
        return given
    return _of_circuit(sites, custom)


def _given(sites: _Sites, custom: Circuits) -> Delays | None:
    """Return the delays that the user gives for these sites by direction or by samples, else by samples for all."""
    from gtsdsl.circuits import canonical

    first, second = sites
    if first and second:
        pair = canonical(first, custom), canonical(second, custom)
        there_us = custom.one_way_us.get(pair)
        if there_us is not None:
            both_us = there_us, custom.one_way_us[pair[::-1]]
            return Delays(sum(both_us), "given", both_us)
        there, back = custom.sampled.get(pair), custom.sampled.get(pair[::-1])
        if there is not None or back is not None:
            return _sampled(there or back, back or there)
        if (min(pair), max(pair)) in custom.circuits:
            return None
    return _sampled(custom.every_sampled, custom.every_sampled)


def _sampled(there: MeasuredDelays | None, back: MeasuredDelays | None) -> Delays | None:
    """Return the delays of measured ones: the least, and what random delays have above it.

    If round trips were measured, the way back adds what the round trip has above the least: the sum of two random
    delays, one each way, would have another distribution.
    """
    if there is None or back is None:
        return None
    least_us = [math.floor(item.delays.least_us) for item in (there, back)]
    if there.is_round_trip:
        return Delays(least_us[0], "given", None, (None, there.delays.above(least_us[0])))
    added = there.delays.above(least_us[0]), back.delays.above(least_us[1])
    return Delays(sum(least_us), "given", (least_us[0], least_us[1]), added)


def _of_circuit(sites: _Sites, custom: Circuits | None) -> Delays:
    from gtsdsl.circuits import find

    first, second = sites
    circuit = find(first, second, custom) if first and second else None
    if circuit is None:
        return Delays(0, "unknown")
    known: DelaySource = "measured" if circuit.measurements else "given"
    return Delays(round(circuit.rtt_ms * 1000), "estimated" if circuit.estimated else known)
