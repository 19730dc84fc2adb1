"""`gtsdsl fmt`: format DSL files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gtsdsl.cli.inputs import INPUT, find_inputs
from gtsdsl.cli.output import print_diagnostics, wants_color, write_output, write_stdout
from gtsdsl.diagnostics import GtsError
from gtsdsl.formatting import format_text
from gtsdsl.inputs.files import read_source
from gtsdsl.source import Source
from gtsdsl.text import printable


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=INPUT)
@click.option("--check", "only_check", is_flag=True, help="Change no file; exit with 1 if one would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Change no file; show the differences.")
def command(files: Sequence[str], only_check: bool, show_diff: bool) -> None:
    """Format DSL files: blanks, line breaks and semicolons, and nothing else. Comments stay.

    In a folder, all *.dsl and *.gts are formatted; hidden folders and links are skipped. `-` formats
    standard input to standard output. A file with syntax errors stays as it is, and the exit status is 1.

    \b
    Example:
      gtsdsl fmt mesh.dsl
      gtsdsl fmt --check --diff topologies/
    """
    failed = False
    would_change = 0
    for name, problem in find_inputs(files, is_changing=True):
        try:
            if problem is not None:
                raise GtsError([problem])
            source = read_source(name)
            text = format_text(source.text, source.name)
        except GtsError as error:
            print_diagnostics(error.diagnostics)
            failed = True
            continue
        if show_diff:
            write_stdout(_diff(source, text))
        elif name == "-" and not only_check:
            write_stdout(text.encode())
        if text == source.text:
            continue
        would_change += 1
        if only_check:
            click.echo(f"would format {printable(name, 300)}", err=True)
        elif not show_diff and name != "-":
            write_output(Path(name), text)
            click.echo(f"formatted {printable(name, 300)}", err=True)
    sys.exit(1 if failed or (only_check and would_change) else 0)


def _diff(source: Source, text: str) -> str:
    import difflib

    name = printable(source.name, 300)
    lines = difflib.unified_diff(
        source.text.splitlines(keepends=True),
        text.splitlines(keepends=True),
        f"{name}",
        f"{name} (formatted)",
    )
    shown = []
    for raw in lines:
        line = printable(raw.rstrip("\r\n"), 10_000)  # control characters of a file must not reach a terminal
        color = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        shown.append(click.style(line, fg=color) if color and wants_color(sys.stdout) else line)
    return "".join(f"{line}\n" for line in shown)
