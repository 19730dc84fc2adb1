"""The effects of links as the changes of a scenario make them, and those that no circuit can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gtsdsl.model.units import LEAST_IPV6_MTU_BYTES
from gtsdsl.scenario.model import Scenario, timeline
from gtsdsl.scenario.times import seconds_text
from gtsdsl.text import printable
from gtsdsl.topology.changes import changed, reverted
from gtsdsl.topology.impairments import JITTERED_DUPLICATES, Directions


class Impossible(NamedTuple):
    """An effect that a link cannot have: a sentence, the index of the event, and whether only IPv6 forbids it."""

    message: str
    event: int
    is_about_ipv6: bool


def impossible(scenario: Scenario, own: Mapping[str, Directions]) -> Iterator[Impossible]:
    """Yield what a change makes of a link and no circuit can have, or no circuit with IPv6.

    ``own`` has the links' effects before the scenario; changes of other links are not checked.
    """
    now = dict(own)
    done: dict[int, tuple[Directions, Directions]] = {}
    for point in timeline(scenario):
        event = scenario.events[point.event]
        if event.kind != "change" or event.subject not in now or (point.is_end and point.event not in done):
            continue
        before = after = now[event.subject]
        if point.is_end:
            olds, news = done[point.event]
            after = (reverted(before[0], olds[0], news[0]), reverted(before[1], olds[1], news[1]))
        else:
            for attribute, text in event.changes:
                after = changed(after, attribute, text)
        where = f"`{printable(event.subject)}` at {seconds_text(point.at_ns)}"
        if any(effect.duplicates_jittered for effect in after):
            yield Impossible(f"{where}: {JITTERED_DUPLICATES}", point.event, False)
            continue
        mtu_bytes = after[0].mtu_bytes
        if mtu_bytes < LEAST_IPV6_MTU_BYTES and mtu_bytes != before[0].mtu_bytes:
            needs = f"IPv6 needs an MTU of {LEAST_IPV6_MTU_BYTES} bytes, not {mtu_bytes}"
            yield Impossible(f"{where}: {needs}: raise it, or use --ipv4-only", point.event, True)
        done[point.event] = before, after
        now[event.subject] = after
