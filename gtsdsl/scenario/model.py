"""The values of a scenario: events in the order of time, traces, and the points of time at which something happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gtsdsl.scenario.times import seconds_text

Kind: TypeAlias = Literal["cut", "change", "trace", "cpus", "kill", "start"]
Direction: TypeAlias = Literal["there", "back", "both"]
"""``there`` is from the link's first end to its second."""

DIRECTIONS: tuple[Direction, ...] = ("there", "back", "both")
_LONGEST_COMMAND = 60


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace of one attribute of a link, in one direction or both.

    For ``bandwidth``, ``times_us`` are Mahimahi's delivery opportunities: at each, 1,500 bytes may leave. For
    ``delay``, ``delays_us`` has the one-way delay from each time on. The last time is the length of the trace, after
    which it begins again if it ``repeats``. ``file`` is its name in the scenario.
    """

    attribute: Literal["bandwidth", "delay"]
    file: str
    direction: Direction
    repeats: bool
    times_us: tuple[int, ...]
    delays_us: tuple[int, ...] = ()

    @property
    def length_us(self) -> int:
        """The time after which the trace ends or begins again."""
        return self.times_us[-1]

    @property
    def ways(self) -> tuple[int, ...]:
        """The directions as numbers: 0 is there, and 1 is back."""
        return {"there": (0,), "back": (1,), "both": (0, 1)}[self.direction]


@dataclass(frozen=True, slots=True)
class Share:
    """The processors that are left to a host: 0.25 is a quarter of one.

    With ``every_ns``, they are left for the first ``lasts_ns`` of each such period, and in the rest of it the host has
    what it had before; None leaves them all the time.
    """

    cpus: float
    lasts_ns: int | None = None
    every_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a link or a host (``subject``, its id) from ``at_ns`` on, which counts from the scenario's start.

    With ``until_ns``, it is undone then; None leaves it until the end of the run. A ``cut`` sets both interfaces of a
    link down, or loses all packets if it ``is_silent``. A ``change`` has attributes and their values. ``cpus`` has a
    ``share``. A ``start`` has a ``command``, which is no line for a shell.
    """

    kind: Kind
    subject: str
    at_ns: int
    until_ns: int | None = None
    is_silent: bool = False
    changes: tuple[tuple[str, str], ...] = ()
    trace: Trace | None = None
    command: tuple[str, ...] = ()
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: the name of its file, its events in the order of time, and its end.

    With ``awaits_commands``, ``end_ns`` is that of its last event, and the scenario then ends with its commands.
    """

    file: str
    events: tuple[Event, ...]
    end_ns: int
    awaits_commands: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A point of time at which an event (its index in the scenario) begins or is undone; ``text`` says what happens."""

    at_ns: int
    event: int
    is_end: bool
    text: str


def timeline(scenario: Scenario) -> tuple[Point, ...]:
    """Return the points of a scenario in the order of time.

    At one time, what is undone comes before what begins. Cuts and kills are last, because the kernel takes some
    microseconds to set an interface down.
    """

    def rank(point: Point) -> tuple[int, bool, bool, int]:
        return point.at_ns, scenario.events[point.event].kind in {"cut", "kill"}, not point.is_end, point.event

    return tuple(sorted(_points(scenario), key=rank))


def _points(scenario: Scenario) -> Iterator[Point]:
    for index, event in enumerate(scenario.events):
        begin, end = _texts(event)
        yield Point(event.at_ns, index, False, begin)
        if event.until_ns is not None:
            yield Point(event.until_ns, index, True, end)


def _texts(event: Event) -> tuple[str, str]:
    """Return what happens when an event begins and when it is undone, in a few words."""
    name = event.subject
    match event.kind:
        case "cut":
            return (f"cut {name} silently" if event.is_silent else f"cut {name}"), f"restore {name}"
        case "change":
            changed = ", ".join(f"{attribute} {value}" for attribute, value in event.changes)
            return f"{name}: {changed}", f"{name}: {', '.join(attribute for attribute, _ in event.changes)} as before"
        case "trace" if event.trace is not None:
            way = "" if event.trace.direction == "both" else f" {event.trace.direction}"
            what = f"{name}: {event.trace.attribute}{way}"
            return f"{what} of {event.trace.file}", f"{what} as before"
        case "cpus" if event.share is not None:
            return f"{name}: {_share_text(event.share)}", f"{name}: cpus as before"
        case "kill":
            return f"kill {name}", f"{name} is back"
        case _:
            line = " ".join(event.command)
            line = line if len(line) <= _LONGEST_COMMAND else f"{line[: _LONGEST_COMMAND - 1]}…"
            return f"{name}: start {line}", f"{name}: end {line}"


def _share_text(share: Share) -> str:
    text = f"cpus {share.cpus:g}"
    if share.lasts_ns is None or share.every_ns is None:
        return text
    return f"{text} for {seconds_text(share.lasts_ns)} of each {seconds_text(share.every_ns)}"
