"""The TOML file of a scenario to its events, checked against the topology that it is for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.inputs.toml import TomlDocument, read_toml
from gtsdsl.model.testbed import Testbed
from gtsdsl.scenario.conflicts import SAME, conflicts
from gtsdsl.scenario.effects import impossible
from gtsdsl.scenario.model import DIRECTIONS, Direction, Event, Kind, Scenario, Share, Trace
from gtsdsl.scenario.times import parse_time_ns
from gtsdsl.scenario.trace_files import MOST_STEPS, TraceFiles, first_beyond, require_slow
from gtsdsl.scenario.traces import CODE
from gtsdsl.scenario.values import MistakeError, changed_text, command_of, cpus_of, text_of, truth_of
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import Hints, printable
from gtsdsl.topology.changes import CHANGES
from gtsdsl.topology.impairments import Directions, impairments
from gtsdsl.topology.model import Topology, Wire

MOST_EVENTS = 1_000
MOST_COMMANDS = 100
"""The most commands of a scenario: a process waits for the time of each."""
LEAST_EVERY_NS = 2_000_000
"""The shortest period of a share: its two changes take time of the machine, as the lines of a trace of delays do."""
_END = "end"
_WHEN = ("at", "from", "to")
_TRACED = ("bandwidth", "delay")
_REPEATED = ("for", "every")
KEYS: Mapping[Kind, tuple[str, ...]] = {
    "cut": ("link", *_WHEN, "silent"),
    "change": ("link", *_WHEN, *CHANGES),
    "trace": ("link", *_WHEN, *_TRACED, "direction", "repeat"),
    "cpus": ("host", *_WHEN, "cpus", "for", "every"),
    "kill": ("host", *_WHEN),
    "start": ("host", *_WHEN, "command"),
}
"""The keys of each array of tables: ``[[cut]]``, ``[[change]]``, …"""
_Value = TypeVar("_Value")


def load_scenario(path: str | os.PathLike[str], testbed: Testbed | None, *, has_ipv6: bool | None = None) -> Scenario:
    """Return the scenario of a file, checked against a testbed; None checks no names.

    ``has_ipv6`` is that of `read_scenario`.

    Raises:
        GtsError: the file or a trace cannot be read, or something in them is wrong.
    """
    return read_scenario(read_source(path), testbed, has_ipv6=has_ipv6)


def read_scenario(source: Source, testbed: Testbed | None = None, *, has_ipv6: bool | None = None) -> Scenario:
    """Return the scenario of a text; traces are in the folder of its file or below it.

    ``has_ipv6`` says whether the network has IPv6, which needs an MTU of 1280; None is not known.

    Raises:
        GtsError: something is wrong; each mistake is a finding with its place, and one in a trace is in its file. An
            MTU that is too small for IPv6 is a warning if ``has_ipv6`` is None.
    """
    topology = None if testbed is None else Topology.of(testbed)
    reader = _Reader(read_toml(source, CODE), Path(source.name).parent, topology, has_ipv6)
    found = reader.read()
    if reader.findings:
        raise GtsError(reader.findings)
    return found


class _Reader:
    """Reads a document, and collects all mistakes in it."""

    def __init__(self, document: TomlDocument, folder: Path, topology: Topology | None, has_ipv6: bool | None) -> None:
        self._document = document
        self._traces = TraceFiles(folder)
        self._hosts = None if topology is None else {host.id for host in topology.hosts}
        self._wires = None if topology is None else {wire.link.id: wire for wire in topology.wires}
        self._effects = _own_effects(topology)
        self._has_ipv6 = has_ipv6
        self._hints = Hints()
        self.findings: list[Diagnostic] = []

    def read(self) -> Scenario:
        """Return the scenario; it is complete only without findings."""
        placed: list[tuple[Event, JsonPath]] = []
        values = self._document.values
        arrays = [(kind, values[kind]) for kind in KEYS if kind in values]
        paths = [(kind, index) for kind, tables in arrays if isinstance(tables, list) for index in range(len(tables))]
        if len(paths) > MOST_EVENTS:
            message = f"a scenario has at most {MOST_EVENTS:,} events, not {len(paths):,}"
            self._add(paths[MOST_EVENTS], message)
            return Scenario("", (), 0)
        for kind, tables in arrays:
            placed += self._events(kind, tables)
        self.findings += self._traces.findings
        for name in values:
            if name not in {*KEYS, _END}:
                self._add((name,), f"unknown key `{printable(name)}`", self._near(name, (*KEYS, _END)), at_key=True)
        commands = [path for event, path in placed if event.kind == "start"]
        if len(commands) > MOST_COMMANDS:
            self._add(commands[MOST_COMMANDS], f"a scenario starts at most {MOST_COMMANDS} commands")
        for message, path in conflicts(placed, self._wires or {}):
            self._add(path, message)
        placed.sort(key=lambda item: item[0].at_ns)
        events = tuple(event for event, _ in placed)
        last_ns = max((event.until_ns or event.at_ns for event in events), default=0)
        given_ns = self._try((_END,), parse_time_ns, values[_END]) if _END in values else None
        if given_ns is not None and given_ns < last_ns:
            self._add((_END,), "the scenario ends before its last event")
        end_ns = last_ns if given_ns is None else given_ns
        beyond = first_beyond(events, end_ns)
        if beyond is not None:
            message = f"the traces of a scenario have at most {MOST_STEPS:,} lines together until its end"
            self._add(placed[beyond][1], f"{message}, with those that repeat and each `every`")
        if not events and not self.findings:
            self._add((), f"this scenario has no event: add a table such as [[{next(iter(KEYS))}]]")
        name = Path(self._document.source.name).name
        scenario = Scenario(name, events, end_ns, awaits_commands=given_ns is None)
        for message, index, is_about_ipv6 in impossible(scenario, self._effects):
            if not is_about_ipv6 or self._has_ipv6 is not False:
                code = "GTS052" if is_about_ipv6 and self._has_ipv6 is None else CODE
                self._add(placed[index][1], message, code=code)
        return scenario

    def _events(self, kind: Kind, tables: object) -> Iterator[tuple[Event, JsonPath]]:
        """Yield the events of an array of tables, which are in the order of time, with their paths."""
        if not isinstance(tables, list):
            self._add((kind,), f"this must be an array of tables: [[{kind}]]")
            return
        before_ns = 0
        for index, table in enumerate(tables):
            path: JsonPath = (kind, index)
            if not isinstance(table, dict):
                self._add(path, f"this must be a table: [[{kind}]]")
                continue
            event = self._event(kind, table, path)
            if event is None:
                continue
            if event.at_ns < before_ns:
                self._add((*path, "from" if "from" in table else "at"), f"this is before the [[{kind}]] above")
            before_ns = event.at_ns
            yield event, path

    def _event(self, kind: Kind, table: Mapping[str, object], path: JsonPath) -> Event | None:
        """Return the event of a table; None after a mistake without which nothing can be said of it."""
        count = len(self.findings)
        for key in table.keys() - {*KEYS[kind]}:
            hint = self._near(key, KEYS[kind])
            self._add((*path, key), f"[[{kind}]] has no key `{printable(key)}`", hint, at_key=True)
        whom = KEYS[kind][0]
        subject = self._try((*path, whom), self._subject, whom, table.get(whom))
        times = self._times(kind, table, path)
        match kind:
            case "cut":
                silent = self._try((*path, "silent"), truth_of, table.get("silent", False))
                made = Event(kind, subject or "", *times, is_silent=bool(silent))
            case "change":
                made = Event(kind, subject or "", *times, changes=tuple(self._changes(table, path)))
            case "trace":
                trace = self._trace(table, path, times)
                if trace is not None and not trace.repeats and times[1] is None:
                    times = (times[0], times[0] + trace.length_us * 1000)
                made = Event(kind, subject or "", *times, trace=trace)
            case "start":
                command = self._try((*path, "command"), command_of, table.get("command"))
                made = Event(kind, subject or "", *times, command=command or ())
            case "cpus":
                made = Event(kind, subject or "", *times, share=self._share(table, path))
            case "kill":
                made = Event(kind, subject or "", *times)
        return made if len(self.findings) == count else None

    def _times(self, kind: Kind, table: Mapping[str, object], path: JsonPath) -> tuple[int, int | None]:
        """Return when an event begins, and when it is undone, which is None for ``at``."""
        given = {key: self._try((*path, key), parse_time_ns, table[key]) for key in _WHEN if key in table}
        if given.keys() not in ({"at"}, {"from", "to"}):
            self._add(path, f'a [[{kind}]] has either `at`, or `from` and `to`: at = "10s"')
            return 0, None
        begin_ns, end_ns = given.get("at", given.get("from")), given.get("to")
        if begin_ns is not None and end_ns is not None and end_ns <= begin_ns:
            self._add((*path, "to"), "the scenario goes back in time: `to` is not after `from`")
        return begin_ns or 0, end_ns

    def _subject(self, whom: str, value: object) -> str:
        name = text_of(value, whom)
        known: Mapping[str, object] | set[str] | None = self._hosts if whom == "host" else self._wires
        if known is not None and name not in known:
            raise MistakeError(f"the topology has no {whom} `{printable(name)}`", self._near(name, sorted(known)))
        return name

    def _changes(self, table: Mapping[str, object], path: JsonPath) -> Iterator[tuple[str, str]]:
        for name, other in SAME.items():
            if name in table and other in table:
                self._add((*path, name), f"`{name}` and `{other}` are the same thing: write one of them", at_key=True)
        for attribute in [key for key in table if key in CHANGES]:
            text = self._try((*path, attribute), changed_text, attribute, table[attribute])
            if text is not None:
                yield attribute, text
        if not table.keys() & CHANGES.keys():
            self._add(path, f"this changes nothing: add an attribute such as {', '.join(CHANGES)}")

    def _share(self, table: Mapping[str, object], path: JsonPath) -> Share | None:
        cpus = self._try((*path, "cpus"), cpus_of, table.get("cpus"))
        given = {key: self._try((*path, key), parse_time_ns, table[key]) for key in _REPEATED if key in table}
        if given and given.keys() != {*_REPEATED}:
            self._add(path, 'a share that comes again has both `for` and `every`: for = "250ms", every = "500ms"')
        lasts_ns, every_ns = given.get("for"), given.get("every")
        if lasts_ns is not None and every_ns is not None:
            if not 0 < lasts_ns < every_ns:
                self._add((*path, "for"), "`for` is above 0 and less than `every`: the rest is without neighbours")
            if every_ns < LEAST_EVERY_NS:
                self._add((*path, "every"), f"`every` is {LEAST_EVERY_NS // 10**6} ms or more")
        return None if cpus is None else Share(cpus, lasts_ns, every_ns)

    def _trace(self, table: Mapping[str, object], path: JsonPath, times: tuple[int, int | None]) -> Trace | None:
        traced = [key for key in _TRACED if key in table]
        direction = self._try((*path, "direction"), self._direction, table)
        repeats = self._try((*path, "repeat"), truth_of, table.get("repeat", True))
        if len(traced) != 1:
            self._add(path, "a [[trace]] has either `bandwidth` or `delay`, each with the name of a file")
            return None
        (attribute,) = traced
        at = (*path, attribute)
        file = self._try(at, text_of, table[attribute], attribute)
        if file is None or direction is None or repeats is None:
            return None
        found = self._try(at, self._traces.read, attribute, file)
        if found is None:
            return None
        trace = Trace("bandwidth" if attribute == "bandwidth" else "delay", file, direction, repeats, *found)
        self._try(at, require_slow, trace)
        begin_ns, end_ns = times
        if not repeats and end_ns is not None and trace.length_us * 1000 < end_ns - begin_ns:
            self._add(at, f"the trace ends after {trace.length_us / 1e6:g} s, before `to`: let it `repeat`")
        return trace

    def _direction(self, table: Mapping[str, object]) -> Direction:
        value = table.get("direction", "both")
        for direction in DIRECTIONS:
            if value == direction:
                return direction
        link = table.get("link")
        wire = (self._wires or {}).get(link) if isinstance(link, str) else None
        raise MistakeError(f"this link has no such direction: write {_directions_text(wire)}")

    def _try(self, path: JsonPath, make: Callable[..., _Value], *arguments: object) -> _Value | None:
        """Return what a function makes; after a mistake, add a finding at the path and return None."""
        try:
            return make(*arguments)
        except MistakeError as mistake:
            self._add(path, str(mistake), mistake.hint)
        except ValueError as error:
            self._add(path, str(error))
        return None

    def _near(self, name: str, known: Sequence[str]) -> str:
        return self._hints.near(name, known) or f"there are {', '.join(printable(it, 40) for it in known[:20])}"

    def _add(
        self, path: JsonPath, message: str, hint: str | None = None, *, at_key: bool = False, code: str = CODE
    ) -> None:
        document = self._document
        place = document.keys.get(path) if at_key else document.place(path)
        if place is None and path:  # a key that is missing: show the table that lacks it
            place = document.place(path[:-1]) or document.keys.get(path[:1])
        self.findings.append(Diagnostic(code, message, document.source, place, hint=hint))


def _own_effects(topology: Topology | None) -> dict[str, Directions]:
    """Return the effects of a topology's links; none if one of them is wrong, which is reported elsewhere."""
    try:
        return {} if topology is None else impairments(topology)
    except ValueError:
        return {}


def _directions_text(wire: Wire | None) -> str:
    if wire is None:
        return '"there", "back" or "both"'
    first, second = wire.first.resource, wire.second.resource
    return f'"there" (from {printable(first)} to {printable(second)}), "back" or "both"'
