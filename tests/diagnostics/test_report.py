"""The report of a checked file."""

from __future__ import annotations

from gtsdsl.diagnostics import Diagnostic, Findings
from gtsdsl.diagnostics.findings import MAX_FINDINGS
from gtsdsl.diagnostics.report import FileReport, PlacedNote, Region, report
from gtsdsl.source import Position, Source
from tests.diagnostics.samples import duplicate, many


def test_places_become_lines_and_columns() -> None:
    (finding,) = report("mesh.dsl", Findings([duplicate()])).findings
    assert finding.region == Region(Position(3, 13), Position(3, 15))
    assert finding.notes == (PlacedNote("it stands here first", Region(Position(2, 13), Position(2, 15))),)


def test_a_path_into_json_becomes_lines_and_columns() -> None:
    source = Source("a.json", '{\n "id": "x",\n "resources": [{"id": 7}]\n}')
    (finding,) = report("a.json", Findings([Diagnostic("GTS021", "no id", source, ("resources", 0, "id"))])).findings
    assert finding.region == Region(Position(3, 23), Position(3, 24))


def test_a_clean_file_has_a_report_too() -> None:
    assert report("a.dsl", Findings()) == FileReport("a.dsl")


def test_errors_and_warnings_are_counted() -> None:
    source = Source("a", "")
    counts = report("a", Findings([Diagnostic("GTS001", "", source), Diagnostic("GTS032", "", source)]))
    assert (counts.errors, counts.warnings, counts.omitted) == (1, 1, 0)


def test_what_is_too_much_is_counted() -> None:
    kept = report("many.dsl", many(MAX_FINDINGS + 7))
    assert (len(kept.findings), kept.omitted, kept.errors) == (MAX_FINDINGS, 7, MAX_FINDINGS + 7)
