"""The inputs of commands: the files that arguments name, with those in folders, and the testbed of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import click

from gtsdsl.cli.output import print_diagnostics
from gtsdsl.diagnostics import Diagnostic, Findings
from gtsdsl.loading import check
from gtsdsl.model.testbed import Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source

INPUT = click.Path(readable=False)
"""The type of an argument or option that names an input. `read_source` finds what cannot be read, and says why."""
_SUFFIXES = (".dsl", ".gts")


def checked_testbed(source: Source, parameters: Mapping[str, Value]) -> tuple[Testbed, Findings]:
    """Print the findings about a source, and return its testbed and the findings.

    ``parameters`` are the values of the root type's parameters, by name. If the source has errors, exit with status 1.
    """
    checked = check(source, parameters)
    print_diagnostics(checked.diagnostics)
    if checked.testbed is None or checked.has_errors:
        sys.exit(1)
    return checked.testbed, checked.diagnostics


def find_inputs(arguments: Sequence[str], *, is_changing: bool = False) -> Iterator[tuple[str, Diagnostic | None]]:
    """Yield the files that arguments name, each once; a folder that cannot be searched comes with a diagnostic.

    A folder is searched for ``*.dsl`` and ``*.gts``, except in hidden folders and symbolic links to folders. With
    ``is_changing``, the caller changes the files. Then links to files are skipped too, because a link in a stranger's
    folder can lead to a file of the user's.
    """
    seen: set[str] = set()
    for argument in arguments:
        for name, problem in _inputs(argument, is_changing=is_changing):
            identity = name if name == "-" else os.path.realpath(name)
            if identity not in seen:
                seen.add(identity)
                yield name, problem


def _inputs(argument: str, *, is_changing: bool) -> Iterator[tuple[str, Diagnostic | None]]:
    if argument == "-" or not os.path.isdir(argument):  # noqa: PTH112 (an empty name would be the working folder as a Path)
        yield argument, None
        return
    found = False
    pending = [argument]
    while pending:  # not recursive, because a path can have more folders than Python has frames
        folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            found = True
            yield folder, _unsearchable(folder, f"this folder cannot be searched: {error.strerror}")
            continue
        for entry in entries:
            is_skipped = is_changing and entry.is_symlink()
            if not is_skipped and not entry.is_dir() and entry.name.lower().endswith(_SUFFIXES):
                found = True
                yield entry.path, None
        # a link to a folder can lead back to a folder above
        folders = (entry for entry in entries if entry.is_dir(follow_symlinks=False))
        pending += [entry.path for entry in folders if not entry.name.startswith(".")][::-1]
    if not found:
        yield argument, _unsearchable(argument, "no *.dsl or *.gts file in this folder")


def _unsearchable(folder: str, message: str) -> Diagnostic:
    return Diagnostic("GTS002", message, Source(folder, ""))
