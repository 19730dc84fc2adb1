"""Files of cost tables, in TOML, to cost tables."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.cpu.model import MAX_CORES
from emulator.cpu.table import DEFAULT_BACKLOG_PACKETS, STAGES, Cost, CostTable, Interval, Stage
from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.inputs.toml import TomlDocument, read_toml
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import Hints, printable

_CODE = "GTS060"
_TOP_KEYS = ("description", "cores", "rules", "backlog_packets", "stages")
_COST_KEYS = ("packet_ns", "byte_ns")
_INTERVAL_KEYS = ("packet_ns_interval", "byte_ns_interval")
_STAGE_KEYS = (*_COST_KEYS, *_INTERVAL_KEYS, "source", "without_offload")
_MAX_PACKET_NS, _MAX_BYTE_NS = 1e8, 1e5
"""The most that a packet and a byte can cost: a tenth of a second, and a tenth of a millisecond."""
_MAX_RULES, _MAX_BACKLOG = 1_000_000, 1_000_000
_MAX_TEXT = 2000


def read_table(path: str | os.PathLike[str]) -> CostTable:
    """Return the cost table in a file (``-``: standard input); its name is the path.

    Raises:
        GtsError: the file cannot be read, or `parse_table` refuses its text.
    """
    return parse_table(read_source(path))


def parse_table(source: Source) -> CostTable:
    """Return the cost table in a TOML text.

    Raises:
        GtsError: the text is too large (GTS005), passes a bound of TOML (GTS012), or something in it is wrong (GTS060).
    """
    reader = _Reader(read_toml(source, _CODE))
    table = reader.read()
    if reader.findings:
        raise GtsError(reader.findings)
    return table


@dataclass
class _Reader:
    """Reads one document, and collects what is wrong in it."""

    document: TomlDocument
    findings: list[Diagnostic] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)

    def read(self) -> CostTable:
        """Return the table, which is valid if there are no findings."""
        top = dict(self.document.values)
        self._known(top, _TOP_KEYS, (), "key")
        source = self.document.source
        stages = self._stages(self._table(top.get("stages"), ("stages",)))
        return CostTable(
            name=source.name,
            description=self._text(top, "description", (), required=False),
            cores=self._whole(top, "cores", MAX_CORES, 1, least=1),
            stages=stages,
            sha256=hashlib.sha256(source.text.encode()).hexdigest(),
            text=source.text,
            rules=self._whole(top, "rules", _MAX_RULES, 0),
            backlog_packets=self._whole(top, "backlog_packets", _MAX_BACKLOG, DEFAULT_BACKLOG_PACKETS, least=1),
        )

    def _stages(self, entries: dict[str, object]) -> dict[str, Stage]:
        if not entries:
            self._wrong("the table has no stage", ("stages",), "add a table such as [stages.socket]")
        self._known(entries, STAGES, ("stages",), "stage")
        return {name: self._stage(entries[name], ("stages", name)) for name in STAGES if name in entries}

    def _stage(self, value: object, path: JsonPath) -> Stage:
        entry = self._table(value, path)
        self._known(entry, _STAGE_KEYS, path, "key")
        without = None
        if "without_offload" in entry:
            inner = (*path, "without_offload")
            other = self._table(entry["without_offload"], inner)
            self._known(other, _COST_KEYS, inner, "key")
            without = self._cost(other, inner)
        cost, source = self._cost(entry, path), self._text(entry, "source", path, required=True)
        intervals = (
            self._interval(entry, key, path, most, value)
            for key, most, value in zip(
                _INTERVAL_KEYS, (_MAX_PACKET_NS, _MAX_BYTE_NS), (cost.packet_ns, cost.byte_ns), strict=True
            )
        )
        return Stage(cost, source, without, *intervals)

    def _cost(self, entry: dict[str, object], path: JsonPath) -> Cost:
        if not entry.keys() & {*_COST_KEYS}:
            self._wrong("there is no cost here", path, "add packet_ns, byte_ns or both, in nanoseconds")
        return Cost(self._ns(entry, "packet_ns", path, _MAX_PACKET_NS), self._ns(entry, "byte_ns", path, _MAX_BYTE_NS))

    def _interval(
        self, entry: dict[str, object], key: str, path: JsonPath, most: float, value: float
    ) -> Interval | None:
        given, place = entry.get(key), (*path, key)
        if given is None:
            return None
        if not isinstance(given, list) or len(given) != 2:
            self._wrong("an interval is two numbers of nanoseconds", place, "write it as [low, high]")
            return None
        before = len(self.findings)
        low, high = (self._number(given[index], (*place, index), most) for index in (0, 1))
        if len(self.findings) == before and not low <= value <= high:
            self._wrong(f"the interval does not hold the figure {value:g}", place, "write it as [low, high]")
        return low, high

    def _ns(self, entry: dict[str, object], key: str, path: JsonPath, most: float) -> float:
        return self._number(entry.get(key, 0), (*path, key), most)

    def _number(self, value: object, place: JsonPath, most: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            self._wrong("a cost is a number of nanoseconds", place)
        elif value < 0:
            self._wrong("a cost cannot be negative", place, "work takes time: write 0 for none")
        elif value > most:
            self._wrong(f"a cost is at most {most:,.0f} ns", place)
        else:
            return float(value)
        return 0.0

    def _whole(self, entry: dict[str, object], key: str, most: int, default: int, *, least: int = 0) -> int:
        value = entry.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._wrong(f"this must be a whole number from {least} to {most:,}", (key,))
            return default
        return value

    def _text(self, entry: dict[str, object], key: str, path: JsonPath, *, required: bool) -> str:
        value = entry.get(key)
        if value is None:
            if required:
                self._wrong(f"`{key}` is missing", path, "say where the figures come from: a paper, a measurement")
            return ""
        if not isinstance(value, str) or not value.strip():
            self._wrong("this must be a text in quotes", (*path, key))
            return ""
        if len(value) > _MAX_TEXT:
            self._wrong(f"a text has at most {_MAX_TEXT:,} characters", (*path, key))
        return value

    def _table(self, value: object, path: JsonPath) -> dict[str, object]:
        if value is None or isinstance(value, dict):
            return value or {}
        self._wrong("this must be a table", path)
        return {}

    def _known(self, entry: dict[str, object], known: Iterable[str], path: JsonPath, noun: str) -> None:
        for key in entry:
            if key not in known:
                hint = self.hints.near(key, known) or f"choose one of {', '.join(known)}"
                self._wrong(f"unknown {noun} `{printable(key)}`", (*path, key), hint, at_key=True)

    def _wrong(self, message: str, path: JsonPath, hint: str | None = None, *, at_key: bool = False) -> None:
        place = self.document.keys.get(path) if at_key else self.document.place(path)
        self.findings.append(Diagnostic(_CODE, message, self.document.source, place, hint=hint))
