"""Reports to JUnit XML, which GitLab, Jenkins and most other CI services show: a test case for each file."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from gtsdsl.diagnostics.report import FileReport
from gtsdsl.text import printable, quantity


def write(reports: Sequence[FileReport], *, strict: bool = False) -> str:
    """Return a ``testsuites`` document; a file with errors, or with warnings if ``strict``, is a failed case.

    A case has one failure, because some services show only one. Its text is the text for a terminal. All text has
    passed through `printable`, because XML 1.0 cannot hold some characters.
    """
    suites = ElementTree.Element("testsuites", name="gtsdsl")
    suite = ElementTree.SubElement(suites, "testsuite", name="gtsdsl check")
    failures = 0
    for report in reports:
        name = printable(report.name, limit=1000)
        case = ElementTree.SubElement(suite, "testcase", classname="gtsdsl.check", name=name, file=name, time="0")
        if not report.findings:
            continue
        text = "\n" + report.text
        if report.errors or strict:
            failures += 1
            message = f"{quantity(report.errors, 'error')}, {quantity(report.warnings, 'warning')}"
            codes = ", ".join(sorted({finding.code for finding in report.findings}))
            ElementTree.SubElement(case, "failure", message=message, type=codes).text = text
        else:
            ElementTree.SubElement(case, "system-out").text = text
    totals = {"tests": str(len(reports)), "failures": str(failures), "errors": "0", "skipped": "0", "time": "0"}
    suites.attrib.update(totals)
    suite.attrib.update(totals)
    ElementTree.indent(suites)
    document = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'
