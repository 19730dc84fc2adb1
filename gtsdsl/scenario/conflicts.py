"""Events of a scenario that contradict each other, because both say what one thing is at one time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gtsdsl.scenario.model import Event
from gtsdsl.scenario.times import seconds_text
from gtsdsl.source import JsonPath
from gtsdsl.text import printable
from gtsdsl.topology.model import Wire

SAME = {"rtt": "delay"}
"""Attributes of a link that are one thing by two names."""
_TRACED = frozenset({"bandwidth", "delay"})
"""Attributes whose directions traces set by themselves."""
_DUPLICATE = "duplicate"


class _Claim(NamedTuple):
    """The time in which an event says what a thing is; it has no length for a change that nothing undoes."""

    begin_ns: float
    end_ns: float
    path: JsonPath


def conflicts(placed: Sequence[tuple[Event, JsonPath]], wires: Mapping[str, Wire]) -> Iterator[tuple[str, JsonPath]]:
    """Yield a sentence for each event that contradicts an earlier one, with the path of the later."""
    claims: dict[tuple[str, str], list[_Claim]] = {}
    for event, path in placed:
        for thing, claim in _claims(event, path):
            claims.setdefault((thing, event.subject), []).append(claim)
    told = set()
    for (thing, subject), found in claims.items():
        found.sort()
        latest = found[0]
        for claim in found[1:]:
            is_beside = claim.begin_ns < latest.end_ns or claim.begin_ns == latest.begin_ns
            if is_beside and claim.path not in told:
                told.add(claim.path)
                other = f"[[{latest.path[0]}]] at {seconds_text(int(latest.begin_ns))}"
                yield f"the {thing} of `{printable(subject)}` is set by the {other} too, at the same time", claim.path
            latest = max(latest, claim, key=lambda item: item.end_ns)
    yield from _on_killed(placed)
    yield from _duplicates(placed, wires)


def _claims(event: Event, path: JsonPath) -> Iterator[tuple[str, _Claim]]:
    """Yield each thing that an event sets."""
    lasting = _Claim(event.at_ns, math.inf if event.until_ns is None else event.until_ns, path)
    match event.kind:
        case "cut":
            yield ("loss" if event.is_silent else "state"), lasting
        case "kill":
            yield "power", lasting
        case "cpus" if event.share is not None:
            is_over = event.until_ns is None and event.share.every_ns is None  # what nothing undoes
            yield "number of cpus", lasting._replace(end_ns=event.at_ns) if is_over else lasting
        case "trace" if event.trace is not None:
            for way in event.trace.ways:
                yield f"{event.trace.attribute} {('there', 'back')[way]}", lasting
        case "change":
            end_ns = event.at_ns if event.until_ns is None else event.until_ns
            for attribute in {SAME.get(name, name) for name, _ in event.changes}:
                for part in ("there", "back") if attribute in _TRACED else ("",):
                    yield f"{attribute} {part}".strip(), _Claim(event.at_ns, end_ns, path)


def _on_killed(placed: Sequence[tuple[Event, JsonPath]]) -> Iterator[tuple[str, JsonPath]]:
    """Yield a sentence for each command that starts on a host that is killed."""
    kills = [event for event, _ in placed if event.kind == "kill"]
    for event, path in placed:
        for kill in kills if event.kind == "start" else ():
            if kill.subject == event.subject and kill.at_ns <= event.at_ns < (kill.until_ns or math.inf):
                since = seconds_text(kill.at_ns)
                yield f"`{printable(event.subject)}` is killed at {since}, and starts nothing then", path


def _duplicates(placed: Sequence[tuple[Event, JsonPath]], wires: Mapping[str, Wire]) -> Iterator[tuple[str, JsonPath]]:
    """Yield a sentence for each trace of bandwidth on a link that duplicates packets.

    A trace takes two queues of netem, and the kernel lets none of several queues duplicate packets.
    """
    doubling = {event.subject for event, _ in placed if _DUPLICATE in dict(event.changes)}
    doubling |= {name for name, wire in wires.items() if _DUPLICATE in wire.link.attributes}
    for event, path in placed:
        if event.trace is not None and event.trace.attribute == "bandwidth" and event.subject in doubling:
            yield f"`{printable(event.subject)}` cannot have a trace of bandwidth and `{_DUPLICATE}` packets", path
