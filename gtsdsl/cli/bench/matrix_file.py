"""The TOML file of a benchmark: its text to the values of the options, checked as those of the command line are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from emulator.bench.cells import ALL
from emulator.cpu.shipped import NONE, tables
from emulator.options import OverlayOptions
from emulator.overlays.spec import find_variant
from emulator.system.errors import EmulationError
from emulator.workloads import names as workload_names
from emulator.workloads import workload
from emulator.workloads.model import Setting
from emulator.workloads.settings import file_settings, parse
from gtsdsl.circuits.environments import environments
from gtsdsl.cli.bench.keys import NAME, OVERLAY, PARTS, TOPOLOGY, Key, is_for_all, keys, overlay_keys
from gtsdsl.cli.bench.toml_values import MistakeError, option_value, setting_text, text
from gtsdsl.cli.circuit_options import sites_and_file
from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import below
from gtsdsl.inputs.toml import TomlDocument, read_toml
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import Hints, printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Options = TypeVar("_Options", bound="DataclassInstance")
_Value = TypeVar("_Value")

CODE = "GTS008"
"""The code of all findings about the file."""
_NEEDS_CONSENT = "names what would run: add --allow-programs to the command if you trust this file"
_MOST_PARTS = 100
_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,59}")
_OWN_AGENTS = frozenset({"built-in", "real"})


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """The values that the TOML file of a benchmark sets.

    ``topology`` is the path of its topology; None if it names none. ``values`` are those of options, by their keys.
    ``settings`` are those of workloads, as in `BenchOptions`. ``overlays`` are the options of overlays, by ``weave`` or
    ``weave:sleeve``. ``parts`` are the file's parts, each with its ``name``; a file without parts has none.
    """

    topology: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    overlays: Mapping[str, OverlayOptions] = field(default_factory=dict)
    circuits_at: str | None = None
    """The place of the circuits, as ``bench.toml:3:12``, because only a topology tells whether it has them."""
    name: str = ""
    parts: tuple[MatrixFile, ...] = ()

    def resolved(self) -> tuple[MatrixFile, ...]:
        """Return the parts with all that they do not set themselves; a file without parts is its only part."""
        return tuple(
            replace(
                part,
                topology=part.topology or self.topology,
                values={**self.values, **part.values},
                settings={**self.settings, **part.settings},
                overlays={**self.overlays, **part.overlays},
                circuits_at=part.circuits_at or self.circuits_at,
            )
            for part in self.parts
        ) or (self,)


def read_matrix(source: Source, *, allow_programs: bool = False) -> MatrixFile:
    """Return what a file sets. The files that it names are below its folder; none of them is read here.

    Raises:
        GtsError: something in the file is wrong; each mistake is a finding with its place.
    """
    reader = _Reader(read_toml(source, CODE), Path(source.name).parent, allow_programs)
    found = reader.read()
    if reader.findings:
        raise GtsError(reader.findings)
    return found


def with_values(options: _Options, changes: Mapping[str, object]) -> _Options:
    """Return options with other values of some fields, by the fields' names."""
    return replace(options, **changes)


class _Reader:
    """Reads a document, and collects all mistakes in it."""

    def __init__(self, document: TomlDocument, folder: Path, allow_programs: bool) -> None:
        self._document = document
        self._folder = folder
        self._allow_programs = allow_programs
        self._keys = keys()
        self._hints = Hints()
        self.findings: list[Diagnostic] = []

    def read(self) -> MatrixFile:
        """Return what the document sets; this is complete only without findings."""
        values = dict(self._document.values)
        parts = values.pop(PARTS, None)
        found = self._read(values, ())
        return found if parts is None else replace(found, parts=tuple(self._parts(parts)))

    def _parts(self, parts: object) -> Iterator[MatrixFile]:
        if not isinstance(parts, list):
            self._add((PARTS,), f"this must be an array of tables: [[{PARTS}]]")
            return
        if not 0 < len(parts) <= _MOST_PARTS:
            self._add((PARTS,), f"a benchmark has 1 to {_MOST_PARTS} parts, not {len(parts)}")
            return
        names: set[str] = set()
        for index, table in enumerate(parts):
            at: JsonPath = (PARTS, index)
            values = dict(self._table(at, table, PARTS))
            name = self._try((*at, NAME), _part_name, values.pop(NAME, None))
            if name in names:
                self._add((*at, NAME), f"another part has the name `{printable(str(name))}`")
            for key in [it for it in values if it in self._keys and is_for_all(self._keys[it])]:
                self._add((*at, key), f"`{key}` is for the whole benchmark: set it above the parts", at_key=True)
                del values[key]
            names.add(name or "")
            yield replace(self._read(values, at), name=name or "")

    def _read(self, values: Mapping[str, object], at: JsonPath) -> MatrixFile:
        """Return what a table sets, which is the document or a part of it; ``at`` is the table's path."""
        found = MatrixFile()
        for name, value in values.items():
            path = (*at, name)
            if name == TOPOLOGY:
                found = replace(found, topology=self._try(path, self._below_folder, value))
            elif name == OVERLAY:
                found = replace(found, overlays=self._overlays(value, path))
            elif name in workload_names():
                found = replace(found, settings={**found.settings, **self._settings(name, value, path)})
            elif name in self._keys and self._keys[name].flag.in_files:
                checked = self._try(path, self._checked, self._keys[name], value)
                found = replace(found, values={**found.values, name: checked})
                if name == "circuits" and checked is not None:
                    found = replace(found, circuits_at=self._place(path))
            else:
                self._unknown(path)
        return found

    def _overlays(self, tables: object, at: JsonPath) -> dict[str, OverlayOptions]:
        found = {}
        for name, table in self._table(at, tables, "overlay.NAME").items():
            path = (*at, name)
            if self._try(path, find_variant, name, at_key=True) is None:
                continue
            options, values = overlay_keys(), {}
            for key, value in self._table(path, table, f"overlay.{name}").items():
                if key in options:
                    values[options[key].field.name] = self._try((*path, key), self._checked, options[key], value)
                else:
                    message = f"unknown option of an overlay `{printable(key)}`"
                    self._add((*path, key), message, self._near(key, options), at_key=True)
            if not self.findings:
                found[name] = with_values(OverlayOptions(name), values)
        return found

    def _settings(self, name: str, table: object, at: JsonPath) -> dict[str, str]:
        """Return the settings of a workload."""
        measure = workload(name)
        if measure.runs_programs and not self._allow_programs:
            self._add(at, f"the table of {name} {_NEEDS_CONSENT}")
        known = {item.name for item in fields(measure.settings)}
        found = {}
        for key, value in self._table(at, table, name).items():
            written = self._try((*at, key), setting_text, value)
            if written and key in file_settings(measure.settings):
                written = self._try((*at, key), lambda file=written: str(self._below_folder(file)))
            if written is not None:
                setting = Setting(key, written)
                self._try((*at, key), parse, measure.settings, (setting,), name, at_key=key not in known)
                found[f"{name}.{key}"] = written
        return found

    def _table(self, path: JsonPath, value: object, heading: str) -> dict[str, object]:
        if isinstance(value, dict):
            return value
        self._add(path, f"this must be a table: [{heading}]")
        return {}

    def _checked(self, key: Key, value: object) -> object:
        with click.Context(click.Command("")) as context:
            found: object = key.option.process_value(context, option_value(key, value))
        match key.field.name, found:
            case ("overlays" | "workloads") as kind, tuple():
                for index, name in enumerate(found):
                    _require_known(kind, name, index if isinstance(value, list) else None)
            case "circuits_file" | "policy" | "scenario" | "address_plan", str():
                return str(self._below_folder(found))
            case "delays_from", tuple():
                parts = map(sites_and_file, found)
                return tuple(f"{sites}{self._below_folder(file)}" for sites, file in parts)
            case "cpu_model", str() if found not in {NONE, *tables()}:
                return str(self._below_folder(found))
            case "environment", str() if found not in environments():
                return str(self._below_folder(found))
            case "image", str():
                self._require_consent(found)
            case "agent", str():
                if any(part.rpartition("=")[2].strip() not in _OWN_AGENTS for part in found.split(",")):
                    self._require_consent(found)
        return found

    def _below_folder(self, name: object) -> Path:
        """Return the path of a file below the folder of the TOML file."""
        try:
            return below(self._folder, text(name))
        except ValueError as error:
            raise MistakeError(f"{error}: name it on the command line") from None

    def _require_consent(self, written: str) -> None:
        if not self._allow_programs:
            raise MistakeError(f"`{printable(written)}` {_NEEDS_CONSENT}")

    def _try(
        self, path: JsonPath, make: Callable[..., _Value], *arguments: object, at_key: bool = False
    ) -> _Value | None:
        """Return what a function makes; after a mistake, add a finding at the path and return None."""
        try:
            return make(*arguments)
        except MistakeError as mistake:
            self._add(path if mistake.index is None else (*path, mistake.index), str(mistake))
        except click.BadParameter as error:
            self._add(path, error.message)
        except EmulationError as error:
            self._add(path, str(error), at_key=at_key)
        return None

    def _unknown(self, path: JsonPath) -> None:
        name = str(path[-1])
        if name in self._keys:
            hint = f"give {self._keys[name].flag.name} on the command line"
            self._add(path, f"a file cannot set `{name}`", hint, at_key=True)
        else:
            in_files = [key for key, it in self._keys.items() if it.flag.in_files]
            hint = self._near(name, [TOPOLOGY, OVERLAY, *in_files, *workload_names(), PARTS])
            self._add(path, f"unknown key `{printable(name)}`", hint, at_key=True)

    def _place(self, path: JsonPath) -> str:
        source = self._document.source
        line, column = source.position(self._document.places[path].start)
        return f"{printable(source.name, 300)}:{line}:{column}"

    def _near(self, name: str, known: Mapping[str, object] | Sequence[str]) -> str:
        return self._hints.near(name, known) or "the keys are " + ", ".join(known)

    def _add(self, path: JsonPath, message: str, hint: str | None = None, *, at_key: bool = False) -> None:
        document = self._document
        place = document.keys.get(path) if at_key else document.place(path)
        self.findings.append(Diagnostic(CODE, message, document.source, place, hint=hint))


def _part_name(value: object) -> str:
    """Return the name of a part, which `--parts` takes between commas."""
    if value is None:
        raise MistakeError(f'this part has no name: add a line such as {NAME} = "mesh"')
    name = text(value)
    if not _PART_NAME.fullmatch(name):
        raise MistakeError("a part's name has 1 to 60 letters, digits, spaces and -")
    return name


def _require_known(kind: str, name: str, index: int | None) -> None:
    try:
        if name != ALL:
            _ = find_variant(name) if kind == "overlays" else workload(name)
    except EmulationError as error:
        raise MistakeError(str(error), index) from None
