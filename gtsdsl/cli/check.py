"""`gtsdsl check`: from files and folders to a report of all that is wrong in them, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from gtsdsl.cli.inputs import find_inputs
from gtsdsl.cli.output import wants_color, write_output, write_stdout
from gtsdsl.diagnostics import Findings, GtsError
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.diagnostics.text import render
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import check
from gtsdsl.text import quantity

_FORMATS = ("text", "json", "sarif", "github", "junit")


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True, help="Report as.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write the report to a file.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
def command(files: Sequence[str], format_: str, output: Path | None, strict: bool) -> None:
    """Say what is wrong with topologies.

    FILE is a file, `-` for standard input, or a folder, which is searched for *.dsl and *.gts; hidden folders and
    symbolic links to folders in it are passed over. DSL, GTS JSON and editor JSON are told apart by their content.

    Exit status: 0 clean or warnings only; 1 errors (with --strict, warnings too); 2 wrong usage.

    \b
    Example:
      gtsdsl check examples/full_mesh.dsl
      gtsdsl check --strict --format sarif -o gtsdsl.sarif topologies/
    """
    reports: list[FileReport] = []
    shown = False
    for name, diagnostics in _check_all(files):
        reports.append(report(name, diagnostics))
        if diagnostics and format_ == "text" and output is None:  # as soon as it is known
            write_stdout("\n" * shown + render(diagnostics, color=wants_color(sys.stdout)))
            shown = True
    if format_ != "text" or output is not None:
        write_output(output, _written(reports, format_, strict))
    errors, warnings = sum(item.errors for item in reports), sum(item.warnings for item in reports)
    totals = (quantity(len(reports), "file") + " checked", quantity(errors, "error"), quantity(warnings, "warning"))
    click.echo(", ".join(totals), err=True)
    if errors or (strict and warnings):
        sys.exit(1)


def _written(reports: Sequence[FileReport], format_: str, strict: bool) -> str:
    match format_:
        case "json":
            from gtsdsl.diagnostics import json

            return json.write(reports)
        case "sarif":
            from gtsdsl.diagnostics import sarif

            return sarif.write(reports)
        case "github":
            from gtsdsl.diagnostics import github

            return github.write(reports)
        case "junit":
            from gtsdsl.diagnostics import junit

            return junit.write(reports, strict=strict)
        case _:
            return "\n".join(item.text for item in reports if item.text)


def _check_all(files: Sequence[str]) -> Iterator[tuple[str, Findings]]:
    for name, problem in find_inputs(files):
        yield ("<stdin>" if name == "-" else name), (Findings([problem]) if problem else _check_one(name))


def _check_one(name: str) -> Findings:
    try:
        return check(read_source(name)).diagnostics
    except GtsError as error:
        return error.diagnostics
