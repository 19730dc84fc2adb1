"""A file or a text in any input format to a testbed and the findings about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from gtsdsl.collector import without_collector
from gtsdsl.diagnostics import Diagnostic, Findings, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.model.testbed import Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.syntax import ParseResult


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The testbed of an input, None if the input is too broken, and the findings in the order of the text."""

    testbed: Testbed | None
    diagnostics: Findings

    @property
    def has_errors(self) -> bool:
        """True if a finding is an error."""
        return self.diagnostics.errors > 0


def check(
    source: Source, parameters: Mapping[str, Value] | None = None, *, parsed: ParseResult | None = None
) -> CheckResult:
    """Read and check a source: DSL, GTS JSON or a project of the editor, which differ in their content.

    ``parameters`` are the values of the root type's parameters, by name; only the DSL has parameters. ``parsed`` is
    the syntax of the source, if the caller has parsed it already.
    """
    source = Source(source.name, source.text.removeprefix("\ufeff"))
    with without_collector():
        if source.text.lstrip()[:1] in ("{", "["):
            testbed, found = read_json(source)
            echoes = _FOLLOW_FROM_EVALUATION
            if parameters:
                name = printable(next(iter(parameters)))
                message = f"`{name}` cannot be set: JSON has no parameters, all values in it are final"
                found = (*found, Diagnostic("GTS017", message, source))
        else:
            testbed, found, echoes = _read_dsl(source, parameters, parsed)
        violations: Iterable[Diagnostic] = ()
        if testbed is not None:
            from gtsdsl import rules

            ignored = echoes if any(finding.is_error for finding in found) else frozenset()
            violations = (finding for finding in rules.apply(testbed, source) if finding.code not in ignored)
        return CheckResult(testbed, Findings.of(chain(found, violations)))


_FOLLOW_FROM_EVALUATION = frozenset("GTS021 GTS022 GTS024 GTS040 GTS041 GTS042 GTS043 GTS046".split())
"""Codes of findings that may only follow from an error in an earlier statement, which left something out."""
_FOLLOW_FROM_SYNTAX = _FOLLOW_FROM_EVALUATION | {"GTS004", "GTS010", "GTS015", "GTS016", "GTS018"}
"""Codes of findings that may only follow from an error of syntax."""


def _read_dsl(
    source: Source,
    parameters: Mapping[str, Value] | None,
    parsed: ParseResult | None,
) -> tuple[Testbed | None, tuple[Diagnostic, ...], frozenset[str]]:
    """Return the testbed of a DSL text, the findings, and the codes of rules whose findings would only echo them."""
    # JSON is read without the parser
    from gtsdsl.evaluate import evaluate
    from gtsdsl.syntax import parse

    parsed = parsed or parse(source)
    evaluated = evaluate(parsed.body, source, parameters)
    found = evaluated.diagnostics
    if parsed.diagnostics:
        echoes = _FOLLOW_FROM_SYNTAX
        found = (*parsed.diagnostics, *(finding for finding in found if finding.code not in echoes))
    elif evaluated.testbed is None and not found:
        echoes = _FOLLOW_FROM_EVALUATION
        found = (Diagnostic("GTS004", "there is no testbed in this input", source, hint=_HOW_TO_BEGIN),)
    else:
        echoes = _FOLLOW_FROM_EVALUATION
    return evaluated.testbed, found, echoes


_HOW_TO_BEGIN = 'a testbed is a block, `MyTestbed { id = "…" … }`; `gtsdsl init` writes one'


def read_json(source: Source) -> tuple[Testbed | None, tuple[Diagnostic, ...]]:
    """Return the testbed of a JSON text and the findings. A text that is not plainly a project is read as GTS JSON."""
    from gtsdsl.inputs.json import parse

    document, found = parse(source)
    if found:
        return None, found
    keys = set(document) if isinstance(document, dict) else set()
    if keys & {"dsl_id", "nodes", "edges"} and not keys & {"gts", "resources"}:
        from gtsdsl.inputs.editor_json import read
    else:
        from gtsdsl.inputs.gts_json import read
    return read(document, source)


def loads(text: str, *, name: str = "<string>", parameters: Mapping[str, Value] | None = None) -> Testbed:
    """Return the testbed that a text describes.

    ``name`` stands for the text in messages. ``parameters`` are the values of the root type's parameters, by name.

    Raises:
        GtsError: the text has errors; ``diagnostics`` holds the findings.
    """
    return _testbed(Source(name, text), parameters)


def load(path: str | os.PathLike[str], *, parameters: Mapping[str, Value] | None = None) -> Testbed:
    """Return the testbed that a file describes (``-``: standard input).

    ``parameters`` are the values of the root type's parameters, by name.

    Raises:
        GtsError: the file cannot be read or has errors; ``diagnostics`` holds the findings.
    """
    return _testbed(read_source(Path(path) if path != "-" else path), parameters)


def _testbed(source: Source, parameters: Mapping[str, Value] | None) -> Testbed:
    checked = check(source, parameters)
    if checked.testbed is None or checked.has_errors:
        raise GtsError(checked.diagnostics)
    return checked.testbed
