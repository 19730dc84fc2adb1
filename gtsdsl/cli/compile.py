"""`gtsdsl compile`: write a topology in another format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gtsdsl.cli.help import Choice
from gtsdsl.cli.output import print_diagnostics, write_output
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import check
from gtsdsl.model.values import Value
from gtsdsl.targets import FORMATS, compile_to, warnings
from gtsdsl.text import printable


@click.command("compile")
@click.argument("file", type=click.Path())
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="File to write, not standard output."
)
@click.option(
    "--to", "target", type=Choice(list(FORMATS)), default="gts-json", show_default=True, help="Output format."
)
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Set a parameter of the root type. Repeatable."
)
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
    checked = check(source, parameters)
    print_diagnostics(checked.diagnostics)
    if checked.testbed is None or checked.has_errors:
        sys.exit(1)
    try:
        text = compile_to(checked.testbed, target)
        remarks = warnings(checked.testbed, target, source)
    except ValueError as error:  # the format cannot express this topology
        raise click.ClickException(printable(str(error), limit=1000)) from None
    if checked.diagnostics and remarks:
        click.echo(err=True)
    print_diagnostics(remarks)
    if strict and (checked.diagnostics or remarks):
        sys.exit(1)
    write_output(output, text)


def parse_settings(settings: Sequence[str]) -> dict[str, Value]:
    """Return the values of ``--set NAME=VALUE``, by name.

    Raises:
        click.BadParameter: a setting is not NAME=VALUE, or sets a name again.
    """
    parameters: dict[str, Value] = {}
    for setting in settings:
        name, value = _parse(setting)
        if name in parameters:
            raise click.BadParameter(f"`{printable(name)}` is set twice", param_hint="--set")
        parameters[name] = value
    return parameters


def _parse(setting: str) -> tuple[str, Value]:
    from gtsdsl.evaluate import literal

    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals or not name:
        raise click.BadParameter(f"`{printable(setting)}` is not NAME=VALUE, as in n=5", param_hint="--set")
    try:
        return name, literal(text)
    except ValueError as error:
        if text.startswith(("[", "{", "(", '"', "'")):
            message = f"the value of `{printable(name)}` is not a value of the DSL: {printable(str(error), limit=300)}"
            raise click.BadParameter(message, param_hint="--set") from None
        return name, text  # a bare word, as AMS or Ubuntu-14.04.qcow2, is a string
