"""The findings of one source that are kept, and the count of the others."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator

from gtsdsl.diagnostics import Diagnostic, Findings
from gtsdsl.diagnostics.findings import MAX_FINDINGS, MAX_FOUND
from gtsdsl.diagnostics.text import SHOWN, render
from gtsdsl.loading import check
from gtsdsl.source import Source, Span

_SOURCE = Source("<test>", "x" * 2 * MAX_FOUND)


def _finding(start: int, code: str = "GTS032") -> Diagnostic:
    return Diagnostic(code, "unknown site", _SOURCE, Span(start, start + 1))


def test_findings_come_in_the_order_of_the_text_each_once() -> None:
    whole = Diagnostic("GTS004", "no testbed", _SOURCE)
    found = Findings.of([_finding(9), _finding(3), whole, _finding(9), _finding(3, "GTS022")])
    assert list(found) == [whole, _finding(3), _finding(3, "GTS022"), _finding(9)]
    assert (found.errors, found.warnings, found.omitted) == (2, 2, 0)


def test_the_first_of_the_text_are_kept_and_the_others_counted() -> None:
    codes = itertools.cycle(["GTS032", "GTS022", "GTS032"])
    found = Findings.of(_finding(start, next(codes)) for start in reversed(range(3 * MAX_FINDINGS)))
    assert [finding.place for finding in found] == [Span(start, start + 1) for start in range(MAX_FINDINGS)]
    assert (found.errors, found.warnings, found.omitted) == (MAX_FINDINGS, 2 * MAX_FINDINGS, 2 * MAX_FINDINGS)


def test_nothing_is_looked_for_beyond_the_bound() -> None:
    asked = 0

    def without_end() -> Iterator[Diagnostic]:
        nonlocal asked
        for asked in itertools.count():
            yield _finding(asked)

    found = Findings.of(without_end())
    assert asked == MAX_FOUND
    last = "the input has more than 100000 mistakes: the rest was not looked for"
    assert found[-1] == Diagnostic("GTS012", last, _SOURCE, Span(MAX_FOUND, MAX_FOUND + 1))
    assert found[:-1] == tuple(_finding(start) for start in range(MAX_FINDINGS - 1))
    assert (found.errors, found.warnings) == (1, MAX_FOUND)


def test_an_error_that_is_not_kept_is_an_error_all_the_same() -> None:
    text = "T { host { id = 'h' }\n" + "foo { id = 'f' }\n" * MAX_FINDINGS + "link { id = 'l' } }"
    checked = check(Source("<test>", text))
    assert not any(finding.code == "GTS024" for finding in checked.diagnostics)
    assert checked.has_errors


def test_the_text_says_how_many_more_there_are() -> None:
    found = Findings.of(_finding(start) for start in range(MAX_FINDINGS + 7))
    assert render(found, color=False).endswith(f"… and {MAX_FINDINGS + 7 - SHOWN:,} more findings\n")


def test_the_counts_go_to_another_process() -> None:
    found = Findings([_finding(1)], errors=3, warnings=4)
    copy = pickle.loads(pickle.dumps(found))  # noqa: S301 (our own)
    assert (copy, copy.errors, copy.warnings) == (found, 3, 4)
