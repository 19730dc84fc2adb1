"""Reports as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from gtsdsl.diagnostics import Diagnostic, Findings, junit
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.diagnostics.text import SHOWN
from gtsdsl.source import Source
from tests.diagnostics.samples import HOSTILE, duplicate, hostile_report, many

WARNED = report("warned.dsl", Findings([Diagnostic("GTS032", "unknown site", Source("warned.dsl", ""))]))


def parsed(written: str) -> ElementTree.Element:
    return ElementTree.fromstring(written.encode("utf-8"))  # noqa: S314 (our own output)


def test_each_file_is_a_case() -> None:
    root = parsed(junit.write([FileReport("clean.dsl"), report("mesh.dsl", Findings([duplicate()])), WARNED]))
    (suite,) = root
    assert [root.tag, suite.tag] == ["testsuites", "testsuite"]
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures"), element.get("errors")) == ("3", "1", "0")
    assert [case.get("name") for case in suite] == ["clean.dsl", "mesh.dsl", "warned.dsl"]
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["system-out"]]


def test_a_failure_says_what_a_terminal_would() -> None:
    file = report("mesh.dsl", Findings([duplicate()]))
    failure = parsed(junit.write([file])).find(".//failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("1 error, 0 warnings", "GTS020")
    assert failure.text == "\n" + file.text


def test_with_strict_a_warning_is_a_failure() -> None:
    root = parsed(junit.write([WARNED], strict=True))
    assert root.get("failures") == "1"
    assert root.find(".//failure") is not None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("strict", [False, True])
def test_hostile_text_stays_text(text: str, strict: bool) -> None:
    root = parsed(junit.write([hostile_report(text)], strict=strict))
    assert [element.tag for element in root.iter()] == [
        "testsuites",
        "testsuite",
        "testcase",
        "failure" if strict else "system-out",
    ]
    assert "::error" not in {line.strip()[:7] for line in "".join(root.itertext()).splitlines()}


def test_what_is_too_much_is_counted() -> None:
    text = "".join(parsed(junit.write([report("many.dsl", many(SHOWN + 5))])).itertext())
    assert "… and 5 more findings" in text
