"""`gtsdsl compile`: write a topology in another format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gtsdsl.cli.help import Choice
from gtsdsl.cli.inputs import INPUT, checked_testbed
from gtsdsl.cli.output import output_option, print_diagnostics, write_output
from gtsdsl.cli.settings import parse_settings, set_option
from gtsdsl.inputs.files import read_source
from gtsdsl.targets import FORMATS, compile_to, warnings
from gtsdsl.text import printable


@click.command("compile")
@click.argument("file", type=INPUT)
@output_option()
@click.option(
    "--to", "target", type=Choice(list(FORMATS)), default="gts-json", show_default=True, help="Output format."
)
@set_option
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
def command(file: str, output: Path | None, target: str, settings: Sequence[str], strict: bool) -> None:
    """Turn a topology into GTS JSON, or into the format of another tool.

    FILE is GTS DSL, GTS JSON or a project of the public editor; its content decides. `-` is standard input.
    Errors, and warnings of what the format cannot express, go to standard error. After an error, or a warning with
    --strict, nothing is written and the exit status is 1.

    A VALUE of --set is a value of the DSL (5, 0.5, true, "AMS", ["AMS", "MIL"]); a bare word is a string.

    \b
    Example:
      gtsdsl compile examples/full_mesh.dsl -o mesh.json
      gtsdsl compile mesh.dsl --to dot --set n=8 --set 'sites=["AMS", "MIL"]'
    """
    parameters = parse_settings(settings)
    source = read_source(file)
    testbed, found = checked_testbed(source, parameters)
    try:
        text = compile_to(testbed, target)
        remarks = warnings(testbed, target, source)
    except ValueError as error:  # the format cannot express this topology
        raise click.ClickException(printable(str(error), limit=1000)) from None
    if found and remarks:
        click.echo(err=True)
    print_diagnostics(remarks)
    if strict and (found or remarks):
        sys.exit(1)
    write_output(output, text)
