"""Reports as JSON."""

from __future__ import annotations

import json
import unicodedata

import pytest

from gtsdsl.diagnostics import Findings
from gtsdsl.diagnostics import json as json_report
from gtsdsl.diagnostics.findings import MAX_FINDINGS
from gtsdsl.diagnostics.report import FileReport, report
from tests.diagnostics.samples import HOSTILE, duplicate, hostile_report, many


def test_the_shape_is_the_documented_one() -> None:
    assert json.loads(json_report.write([FileReport("clean.dsl"), report("mesh.dsl", Findings([duplicate()]))])) == {
        "version": 1,
        "files": [
            {"name": "clean.dsl", "errors": 0, "warnings": 0, "omitted": 0},
            {"name": "mesh.dsl", "errors": 1, "warnings": 0, "omitted": 0},
        ],
        "findings": [
            {
                "code": "GTS020",
                "severity": "error",
                "message": "the id `h1` is taken",
                "file": "mesh.dsl",
                "start": {"line": 3, "column": 13},
                "end": {"line": 3, "column": 15},
                "notes": [
                    {
                        "message": "it stands here first",
                        "start": {"line": 2, "column": 13},
                        "end": {"line": 2, "column": 15},
                    }
                ],
                "hint": "did you mean `h2`?",
            }
        ],
    }


def test_no_files_are_a_document_too() -> None:
    assert json.loads(json_report.write([])) == {"version": 1, "files": [], "findings": []}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(text: str) -> None:
    written = json_report.write([hostile_report(text)])
    (finding,) = json.loads(written)["findings"]
    assert finding["message"] == finding["hint"] == finding["notes"][0]["message"] == finding["file"] == text
    assert written.isascii()
    assert not [
        character for character in written if unicodedata.category(character) == "Cc" and character not in "\n\x7f"
    ]


def test_what_is_too_much_is_counted() -> None:
    document = json.loads(json_report.write([report("many.dsl", many(MAX_FINDINGS + 3))]))
    assert len(document["findings"]) == MAX_FINDINGS
    assert document["files"] == [{"name": "many.dsl", "errors": MAX_FINDINGS + 3, "warnings": 0, "omitted": 3}]
