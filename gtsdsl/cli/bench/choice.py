"""The parts of a benchmark that a command line chooses, and their options beside those of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from emulator.bench.cells import chosen_workloads
from emulator.bench.options import BenchOptions
from emulator.bench.presets import preset
from gtsdsl.cli.bench.keys import TOPOLOGY, keys
from gtsdsl.cli.bench.matrix_file import CODE, MatrixFile, read_matrix, with_values
from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Options = TypeVar("_Options", bound="DataclassInstance")
_SUFFIX = ".toml"


def find_parts(
    file: str | None, matrix: str | None, like: str | None, *, allow_programs: bool
) -> tuple[MatrixFile, ...]:
    """Return the parts of a benchmark, each with its topology.

    A command names ``FILE.toml``, or a topology and ``--matrix FILE.toml``, or the name of a preset. A topology on the
    command line is that of all parts.

    Raises:
        GtsError: the TOML file is wrong, or names no topology where it must.
        click.UsageError: no topology is named, or two files of options are.
    """
    if like is not None:
        if file is not None or matrix is not None:
            raise click.UsageError(f"--like {like} has its own topologies and options: omit the file")
        file = str(preset(like))
    if file is None:
        raise click.MissingParameter(param_hint="FILE", param_type="argument")
    if not file.endswith(_SUFFIX):
        found = MatrixFile() if matrix is None else read_matrix(read_source(matrix), allow_programs=allow_programs)
        return tuple(replace(part, topology=Path(file)) for part in found.resolved())
    if matrix is not None:
        raise click.UsageError(f"{printable(file)} has the options already: give a topology with --matrix")
    source = read_source(file)
    parts = read_matrix(source, allow_programs=allow_programs).resolved()
    for part in parts:
        if part.topology is None:
            message = f"{f'the part {part.name}' if part.name else 'this file'} names no topology"
            raise GtsError([Diagnostic(CODE, message, source, hint=f'add a line such as {TOPOLOGY} = "mesh.dsl"')])
    return parts


def chosen_parts(parts: Sequence[MatrixFile], names: Sequence[str]) -> tuple[MatrixFile, ...]:
    """Return the parts with these names; without names, all.

    Raises:
        click.BadParameter: no part has a name.
    """
    by_name = {part.name: part for part in parts if part.name}
    for name in names:
        if name not in by_name:
            near = did_you_mean(name, list(by_name)) or (
                "the parts are " + ", ".join(by_name) if by_name else "this benchmark has no parts"
            )
            raise click.BadParameter(f"there is no part {printable(name, 80)}; {near}", param_hint="--parts")
    return tuple(part for part in parts if not names or part.name in names)


def with_settings(options: BenchOptions, matrix: MatrixFile) -> BenchOptions:
    """Return options with the file's settings of the workloads that are measured, beside those of the command line."""
    measured = chosen_workloads(replace(options, settings={**matrix.settings, **options.settings}))
    settings = {name: text for name, text in matrix.settings.items() if name.partition(".")[0] in measured}
    return replace(options, settings={**settings, **options.settings})


def overridden(options: _Options, matrix: MatrixFile) -> _Options:
    """Return the options of the running command, with the file's values where the command line has none.

    Of an option such as ``--rtt A-B=TIME``, the names that the command line does not set keep the file's values.
    """
    context = click.get_current_context()
    mine = fields(options)
    changes: dict[str, object] = {}
    for name, key in keys().items():
        value = matrix.values.get(name)
        if value is None or key.field not in mine:
            continue
        if context.get_parameter_source(str(key.option.name)) is not ParameterSource.COMMANDLINE:
            changes[key.field.name] = value
        elif key.flag.type == "texts" and isinstance(value, tuple):
            given: Sequence[str] = getattr(options, key.field.name)
            names = {_name_of(it) for it in given}
            changes[key.field.name] = (*(it for it in value if _name_of(it) not in names), *given)
    return with_values(options, changes)


def _name_of(pair: str) -> tuple[str, ...]:
    """Return the name in ``NAME=VALUE``; two sites have no order."""
    return tuple(sorted(pair.partition("=")[0].strip().casefold().split("-")))
