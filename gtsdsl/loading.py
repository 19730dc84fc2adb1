"""From a file or a text to a testbed and what is wrong with it, whatever the input's format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.reading import MAX_BYTES, read_source
from gtsdsl.source import Source
from gtsdsl.testbed import Testbed, Value

__all__ = ["MAX_BYTES", "Checked", "check", "load", "loads", "read_source"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of an input: its testbed, if there is enough of one, and all findings in the order of the text."""

    testbed: Testbed | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def check(source: Source, parameters: Mapping[str, Value] | None = None) -> Checked:
    """Everything that is known of a source: DSL, GTS JSON or an editor's project, told apart by their content.

    ``parameters`` are values for parameters of the root type, by name.
    """
    raise NotImplementedError


def loads(text: str, *, name: str = "<string>", parameters: Mapping[str, Value] | None = None) -> Testbed:
    """The testbed that a text describes.

    Raises:
        GtsError: the text has errors; ``diagnostics`` says which.
    """
    return _testbed(Source(name, text), parameters)


def load(path: str | os.PathLike[str], *, parameters: Mapping[str, Value] | None = None) -> Testbed:
    """The testbed that a file describes (``-``: standard input).

    Raises:
        GtsError: the file cannot be read or has errors; ``diagnostics`` says which.
    """
    return _testbed(read_source(Path(path) if path != "-" else path), parameters)


def _testbed(source: Source, parameters: Mapping[str, Value] | None) -> Testbed:
    checked = check(source, parameters)
    if checked.testbed is None or checked.has_errors:
        raise GtsError(checked.diagnostics)
    return checked.testbed
