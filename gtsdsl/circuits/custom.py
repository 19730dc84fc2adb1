"""Files of a user's own circuits and sites, in JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from gtsdsl.circuits.lookup import pair
from gtsdsl.circuits.model import Circuit, Circuits, Effect, Measurement, Pair, Site
from gtsdsl.diagnostics import Diagnostic, GtsError, Note
from gtsdsl.inputs.json import parse
from gtsdsl.model.distribution import Distribution
from gtsdsl.model.units import MAX_DURATION_US, parse_duration_us, parse_percent
from gtsdsl.model.values import Value
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import did_you_mean, printable

MAX_CIRCUITS = 10_000
"""The most circuits and sites in one file: enough for all circuits between 140 sites."""

MAX_CHARACTERS = 8 * 2**20
MAX_RTT_MS = MAX_DURATION_US / 1000
_MAX_FINDINGS = 20
_MAX_CODE = 64

_CIRCUIT_KEYS = {
    "sites", "rtt_ms", "low_ms", "high_ms", "estimated", "statistic", "source", "measurements", "added_ms",
}  # fmt: skip
_TOP_KEYS = {"unit", "circuits", "sites", "description", "sources", "every_circuit"}
_EFFECT_KEYS = {"added_ms", "loss", "rate_share"}
_MAX_SOURCES = 100
_SITE_KEYS = {"code", "city", "country", "latitude", "longitude", "aliases"}


def read_circuits(path: str | os.PathLike[str]) -> Circuits:
    """Return the circuits and sites in a file (``-``: standard input).

    Raises:
        GtsError: the file cannot be read, or `parse_circuits` refuses its text.
    """
    from gtsdsl.inputs.files import read_source

    return parse_circuits(read_source(path))


def parse_circuits(source: Source) -> Circuits:
    """Return the circuits and sites in a JSON text, which has the full or the terse format.

    ``gtsdsl circuits --format json`` prints the full format: an object with ``circuits``, a list of objects that must
    have at least ``sites`` and ``rtt_ms``, and ``sites``, a list of sites with coordinates. The terse format is
    ``{"AMS-MIL": 40.0, "AMS-XYZ": "1.5ms"}``: round-trip times in milliseconds, or as a text with the unit. It can
    also be the value of ``circuits`` in the full format. Unknown codes are allowed: they name the user's own sites.

    Raises:
        GtsError: the text is too large (GTS005), or something in it is wrong (GTS007).
    """
    if len(source.text) > MAX_CHARACTERS:
        raise GtsError([Diagnostic("GTS005", f"a file of circuits has at most {MAX_CHARACTERS:,} characters", source)])
    document, found = parse(source)
    if found:
        raise GtsError([replace(finding, code="GTS007") for finding in found])
    return _read(document, source)


def to_json(circuits: Iterable[Circuit], sites: Iterable[Site] = ()) -> str:
    """Return circuits and sites as JSON text in the full format of `parse_circuits`."""
    document = {
        "unit": "milliseconds, round trip",
        "circuits": [
            {
                "sites": list(circuit.sites),
                "rtt_ms": circuit.rtt_ms,
                "low_ms": circuit.low_ms,
                "high_ms": circuit.high_ms,
                "estimated": circuit.estimated,
                "statistic": circuit.statistic,
                "source": circuit.source,
                "measurements": {
                    item.overlay: {"min": item.min_ms, "mean": item.mean_ms, "p99": item.p99_ms}
                    for item in circuit.measurements
                },
            }
            for circuit in circuits
        ],
        "sites": [
            {
                "code": site.code,
                "city": site.city,
                "country": site.country,
                "latitude": site.latitude,
                "longitude": site.longitude,
                "aliases": list(site.aliases),
            }
            for site in sites
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _InvalidError(Exception):
    """An invalid value, with its path in the document."""

    def __init__(self, message: str, path: JsonPath, notes: tuple[Note, ...] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.path, self.notes, self.hint = message, path, notes, hint

    def diagnostic(self, source: Source) -> Diagnostic:
        return Diagnostic("GTS007", self.message, source, self.path, self.notes, self.hint)


def _read(document: Value, source: Source) -> Circuits:
    findings: list[Diagnostic] = []
    sites: dict[str, Site] = {}
    circuits: dict[Pair, Circuit] = {}
    places: dict[Pair, JsonPath] = {}
    try:
        site_entries, circuit_entries = _entries(document)
        about = _about(document)
    except _InvalidError as wrong:
        raise GtsError([wrong.diagnostic(source)]) from None
    for path, entry in site_entries:
        try:
            site = _site(_object(entry, path), path)
            if site.code in sites:
                raise _InvalidError(f"site {printable(site.code)} is given twice", path)
            sites[site.code] = site
        except _InvalidError as wrong:
            findings.append(wrong.diagnostic(source))
        if len(findings) >= _MAX_FINDINGS:
            raise GtsError(findings)
    custom_sites = Circuits(sites)
    for path, entry in circuit_entries:
        try:
            circuit = (
                _terse(entry, path, source, custom_sites)
                if isinstance(path[-1], str)
                else _full(_object(entry, path), path, source, custom_sites)
            )
            if circuit.sites in circuits:
                note = Note("the first one is here", places[circuit.sites])
                raise _InvalidError(f"circuit {printable('-'.join(circuit.sites))} is given twice", path, (note,))
            circuits[circuit.sites] = circuit
            places[circuit.sites] = path
        except _InvalidError as wrong:
            findings.append(wrong.diagnostic(source))
        if len(findings) >= _MAX_FINDINGS:
            raise GtsError(findings)
    if findings:
        raise GtsError(findings)
    return Circuits(sites, circuits, *about)


_Entries: TypeAlias = list[tuple[JsonPath, Value]]


def _entries(document: Value) -> tuple[_Entries, _Entries]:
    """Return the sites and circuits of a document with their paths; a terse circuit's path ends in its key, a text."""
    top = _object(document, ())
    sites: _Entries = []
    value: Value = document
    root: JsonPath = ()
    if top.keys() & _TOP_KEYS:
        _known_keys(top, _TOP_KEYS, ())
        sites = [(("sites", index), entry) for index, entry in enumerate(_list(top.get("sites", []), ("sites",)))]
        value, root = top.get("circuits", []), ("circuits",)
    circuits: _Entries
    if isinstance(value, dict):
        circuits = [((*root, name), entry) for name, entry in value.items()]
    else:
        circuits = [((*root, index), entry) for index, entry in enumerate(_list(value, root))]
    if len(sites) + len(circuits) > MAX_CIRCUITS:
        raise _InvalidError(f"more than {MAX_CIRCUITS:,} circuits and sites", root)
    return sites, circuits


def _about(document: Value) -> tuple[Effect, str, tuple[str, ...]]:
    """Return what a document says of all circuits, its description and its sources."""
    top = _object(document, ())
    sources = _list(top.get("sources", []), ("sources",))
    if len(sources) > _MAX_SOURCES:
        raise _InvalidError(f"more than {_MAX_SOURCES} sources", ("sources",))
    return (
        _effect(_object(top.get("every_circuit", {}), ("every_circuit",)), ("every_circuit",)),
        _text(top.get("description", ""), ("description",)),
        tuple(_text(item, ("sources", index)) for index, item in enumerate(sources)),
    )


def _effect(entry: Mapping[str, Value], path: JsonPath) -> Effect:
    _known_keys(entry, _EFFECT_KEYS, path)
    try:
        loss_percent = parse_percent(entry["loss"]) if "loss" in entry else 0.0
    except ValueError as error:
        raise _InvalidError(str(error), (*path, "loss")) from None
    share = entry.get("rate_share", 1)
    if isinstance(share, bool) or not isinstance(share, int | Decimal) or not 0 < share <= 1:
        raise _InvalidError("this must be a number above 0 and at most 1", (*path, "rate_share"))
    return Effect(_added(entry, path), loss_percent, float(share))


def _added(entry: Mapping[str, Value], path: JsonPath) -> Distribution | None:
    """Return the distribution in ``added_ms``, a list of quantiles, each a part from 0 to 1 and a delay."""
    if "added_ms" not in entry:
        return None
    path = (*path, "added_ms")
    quantiles = [_list(item, (*path, index)) for index, item in enumerate(_list(entry["added_ms"], path))]
    for index, item in enumerate(quantiles):
        if len(item) != 2:
            raise _InvalidError("a quantile is a part and a delay", (*path, index), hint="write it as `[0.99, 4.5]`")
    parts = [_number(item[0], 0, 1, "of all round trips", (*path, index, 0)) for index, item in enumerate(quantiles)]
    delays_us = [1000 * _milliseconds(item[1], (*path, index, 1)) for index, item in enumerate(quantiles)]
    try:
        return Distribution(tuple(parts), tuple(delays_us))
    except ValueError as error:
        raise _InvalidError(str(error), path) from None


def _terse(entry: Value, path: JsonPath, source: Source, custom: Circuits) -> Circuit:
    codes = str(path[-1]).split("-")
    if len(codes) != 2:
        raise _InvalidError(f"`{printable(str(path[-1]))}` does not name two sites", path, hint="write it as `AMS-MIL`")
    sites = pair(_code(codes[0], path), _code(codes[1], path), custom)
    rtt_ms = _milliseconds(entry, path)
    return Circuit(sites, rtt_ms, rtt_ms, rtt_ms, False, "given", source.name)


def _full(entry: Mapping[str, Value], path: JsonPath, source: Source, custom: Circuits) -> Circuit:
    _known_keys(entry, _CIRCUIT_KEYS, path)
    codes = _list(_required(entry, "sites", path), (*path, "sites"))
    if len(codes) != 2:
        raise _InvalidError("a circuit joins two sites", (*path, "sites"), hint='write it as `"sites": ["AMS", "MIL"]`')
    sites = pair(_code(codes[0], (*path, "sites", 0)), _code(codes[1], (*path, "sites", 1)), custom)
    rtt_ms = _milliseconds(_required(entry, "rtt_ms", path), (*path, "rtt_ms"))
    low_ms, high_ms = (
        _milliseconds(entry[key], (*path, key)) if key in entry else rtt_ms for key in ("low_ms", "high_ms")
    )
    if not low_ms <= rtt_ms <= high_ms:
        raise _InvalidError("`rtt_ms` is not between `low_ms` and `high_ms`", (*path, "rtt_ms"))
    estimated = entry.get("estimated", False)
    if not isinstance(estimated, bool):
        raise _InvalidError("`estimated` is true or false", (*path, "estimated"))
    return Circuit(
        sites,
        rtt_ms,
        low_ms,
        high_ms,
        estimated,
        _text(entry.get("statistic", "given"), (*path, "statistic")),
        _text(entry.get("source", source.name), (*path, "source")),
        tuple(
            _measurement(overlay, figures, (*path, "measurements", overlay))
            for overlay, figures in _object(entry.get("measurements", {}), (*path, "measurements")).items()
        ),
        _added(entry, path),
    )


def _measurement(overlay: str, entry: Value, path: JsonPath) -> Measurement:
    figures = _object(entry, path)
    _known_keys(figures, {"min", "mean", "p99"}, path)
    low, mean, high = (_milliseconds(_required(figures, key, path), (*path, key)) for key in ("min", "mean", "p99"))
    return Measurement(overlay, low, mean, high)


def _site(entry: Mapping[str, Value], path: JsonPath) -> Site:
    _known_keys(entry, _SITE_KEYS, path)
    aliases = _list(entry.get("aliases", []), (*path, "aliases"))
    return Site(
        _code(_required(entry, "code", path), (*path, "code")),
        _text(entry.get("city", ""), (*path, "city")),
        _text(entry.get("country", ""), (*path, "country")),
        _number(_required(entry, "latitude", path), -90, 90, "degrees north", (*path, "latitude")),
        _number(_required(entry, "longitude", path), -180, 180, "degrees east", (*path, "longitude")),
        tuple(_code(alias, (*path, "aliases", index)) for index, alias in enumerate(aliases)),
    )


def _object(value: Value, path: JsonPath) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise _InvalidError("this must be an object", path, hint='the terse form is `{"AMS-MIL": 40.0}`')
    return value


def _list(value: Value, path: JsonPath) -> list[Value]:
    if not isinstance(value, list):
        raise _InvalidError("this must be a list", path)
    return value


def _required(entry: Mapping[str, Value], key: str, path: JsonPath) -> Value:
    if key not in entry:
        raise _InvalidError(f"`{key}` is missing", path)
    return entry[key]


def _known_keys(entry: Mapping[str, Value], known: set[str], path: JsonPath) -> None:
    for key in entry:
        if key not in known:
            hint = did_you_mean(key, sorted(known))
            raise _InvalidError(f"the key `{printable(key)}` has no meaning here", (*path, key), hint=hint)


def _text(value: Value, path: JsonPath) -> str:
    if not isinstance(value, str):
        raise _InvalidError("this must be a text", path)
    return value


def _code(value: Value, path: JsonPath) -> str:
    code = _text(value, path).strip().upper()
    if not 0 < len(code) <= _MAX_CODE:
        raise _InvalidError(f"a site's code has 1 to {_MAX_CODE} characters", path)
    return code


def _number(value: Value, low: float, high: float, unit: str, path: JsonPath) -> float:
    # bool is an int in Python
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not low <= value <= high:
        raise _InvalidError(f"this must be a number from {low:g} to {high:,g} ({unit})", path)
    return float(value)


def _milliseconds(value: Value, path: JsonPath) -> float:
    if isinstance(value, str):
        try:
            value = Decimal(parse_duration_us(value)) / 1000
        except ValueError as error:
            raise _InvalidError(str(error), path) from None
    return _number(value, 0, MAX_RTT_MS, "milliseconds of round-trip time", path)
