"""`gtsdsl draw`: draw a topology as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gtsdsl.circuits import read_circuits
from gtsdsl.cli.inputs import INPUT, checked_testbed
from gtsdsl.cli.output import write_output
from gtsdsl.cli.settings import parse_settings, set_option
from gtsdsl.draw import FORMATS, draw
from gtsdsl.inputs.files import read_source
from gtsdsl.text import printable


@click.command("draw")
@click.argument("file", type=INPUT)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="File to write; its ending decides the format: .svg, .png or .html.",
)
@click.option(
    "--circuits",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own round-trip times and sites, in the format of `gtsdsl circuits`.",
)
@set_option
def command(file: str, output: Path, path: Path | None, settings: Sequence[str]) -> None:
    """Draw a topology: its sites on a map of Europe, its circuits with their round-trip times.

    FILE is GTS DSL, GTS JSON or a project of the public editor; `-` is standard input.

    The picture shows unknown sites beside the map. If all resources are at one site, the picture has no map.

    \b
    PNG needs an extra:
      pip install 'gtsdsl[draw]'

    \b
    Example:
      gtsdsl draw examples/full_mesh.dsl -o mesh.svg
      gtsdsl draw examples/full_mesh.dsl -o mesh.html --circuits own.json
      gtsdsl draw examples/mesh_of_n.dsl -o mesh.svg --set n=8
    """
    format_ = output.suffix.removeprefix(".").lower()
    if format_ not in FORMATS:
        *others, last = (f".{name}" for name in FORMATS)
        raise click.BadParameter(
            f"`{printable(str(output))}` must end in {', '.join(others)} or {last}", param_hint="-o"
        )
    testbed, _ = checked_testbed(read_source(file), parse_settings(settings))
    custom = read_circuits(path) if path is not None else None
    try:
        picture = draw(testbed, format_, custom)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    write_output(output, picture)
