"""`gtsdsl tools`: build, show and remove tools that measure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gtsdsl.cli.builds import build_progress, print_path, print_program, print_removed
from gtsdsl.cli.errors import emulating
from gtsdsl.cli.help import CommandGroup, format_option


@click.group(cls=CommandGroup)
def command() -> None:
    """Build, show and remove tools that measure, where this machine has none. A tool is built once and kept.

    `gtsdsl bench` uses the netperf that was built, unless this machine has one with a free licence (2.7.1 or newer).

    \b
    Example:
      gtsdsl tools build netperf
      gtsdsl tools info
    """


@command.command(short_help="Build a tool.")
@click.argument("tool", metavar="TOOL")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Folder with the source files.  [default: this machine's Debian mirror]",
)
def build(tool: str, source: Path | None) -> None:
    """Download and build TOOL from Debian's source package, in ten seconds for netperf.

    The source files are pinned by their SHA-256. If the same tool was built earlier, that one is kept.

    \b
    Example:
      gtsdsl tools build netperf
    """
    with emulating():
        from emulator.tools.build import build as build_tool
        from emulator.tools.recipes import recipe_of

        recipe = recipe_of(tool)
        with build_progress() as progress:
            built = build_tool(recipe, source, progress)
    click.echo(built.programs[0].path)


@command.command(short_help="Show which tools can be built, which are built, and which are used.")
@format_option
def info(format_: str) -> None:
    """Show each tool that gtsdsl can build: its version, its programs if it is built, and the one that is used.

    \b
    Example:
      gtsdsl tools info
      gtsdsl tools info --format json
    """
    with emulating():
        from emulator.system.builds import missing_tools
        from emulator.system.programs import installing
        from emulator.tools.cache import built_tool
        from emulator.tools.choice import used_tool
        from emulator.tools.recipes import RECIPES

        found = [(recipe, built_tool(recipe), used_tool(recipe)) for recipe in RECIPES.values()]
        missing = {recipe: missing_tools(dict(recipe.needs)) for recipe in RECIPES.values()}
    if format_ == "json":
        document = {
            recipe.name: {
                "version": recipe.version,
                "source": [asdict(file) for file in recipe.files],
                "built": None if built is None else asdict(built),
                "used": None if used is None else asdict(used),
                "missing_to_build": sorted(missing[recipe]),
            }
            for recipe, built, used in found
        }
        click.echo(json.dumps({"schema": 1, "tools": document}, indent=2))
        return
    for recipe, built, used in found:
        click.echo(f"{recipe.name}: {recipe.version}")
        if built is None:
            lacks = missing[recipe]
            lacking = f"; to build it, {', '.join(lacks)} is missing: {installing(lacks)}" if lacks else ""
            click.echo(f"  not built: gtsdsl tools build {recipe.name}{lacking}")
        for program in built.programs if built is not None else ():
            print_program(program.path, program.sha256, program.size_bytes)
        click.echo(f"  used     {'none' if used is None else f'{used.paths[0]} ({used.version})'}")


@command.command(short_help="Print the path of a tool that was built.")
@click.argument("tool", metavar="TOOL")
def path(tool: str) -> None:
    """Print the path of TOOL in the cache.

    Exit status: 0, or 3 if the tool has not been built.

    \b
    Example:
      gtsdsl tools path netperf
    """
    with emulating():
        from emulator.tools.cache import built_tool
        from emulator.tools.recipes import recipe_of

        built = built_tool(recipe_of(tool))
    print_path(
        None if built is None else built.programs[0].path, f"{tool} has not been built: gtsdsl tools build {tool}"
    )


@command.command(short_help="Remove the built tools.")
def clean() -> None:
    """Remove the built tools, and the remains of killed builds.

    \b
    Example:
      gtsdsl tools clean
    """
    from emulator.tools.cache import clean as clean_cache

    print_removed(clean_cache)
