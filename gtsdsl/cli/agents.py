"""`gtsdsl agents`: build, show and remove the agents of overlays, as their projects ship them."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from gtsdsl.cli.builds import build_progress, print_path, print_program, print_removed
from gtsdsl.cli.errors import emulating
from gtsdsl.cli.help import CommandGroup, format_option


@click.group(cls=CommandGroup)
def command() -> None:
    """Build, show and remove agents of overlays, as their projects ship them. An agent is built once and kept.

    `gtsdsl emulate --agent real` uses the agent that was built.

    \b
    Example:
      gtsdsl agents build flannel
      gtsdsl agents info
    """


@command.command(short_help="Build an agent.")
@click.argument("overlay", metavar="OVERLAY")
def build(overlay: str) -> None:
    """Download and build the agent of OVERLAY with your own Go, in 4.5 minutes of processor time for flannel.

    The sources are pinned with their hashes. If the same agent was built earlier, that one is kept.

    \b
    Example:
      gtsdsl agents build flannel
    """
    with emulating():
        from emulator.agents.build import build as build_agent
        from emulator.agents.recipes import recipe_of

        recipe = recipe_of(overlay)
        with build_progress() as progress:
            built = build_agent(recipe, progress)
    click.echo(built.program.path)


@command.command(short_help="Show which agents can be built, and which are built.")
@format_option
def info(format_: str) -> None:
    """Show each agent that gtsdsl can build: its version, and the hash, the path and the size if it is built.

    \b
    Example:
      gtsdsl agents info
      gtsdsl agents info --format json
    """
    with emulating():
        from emulator.agents.build import lacks
        from emulator.agents.cache import built_agent
        from emulator.agents.recipes import RECIPES

        found = {recipe: built_agent(recipe) for recipe in RECIPES.values()}
        missing = {recipe: lacks(recipe) for recipe, built in found.items() if built is None}
    if format_ == "json":
        document = {
            recipe.overlay: {
                "agent": recipe.program,
                "version": recipe.version,
                "package": recipe.package,
                "built": None if built is None else asdict(built),
                "missing_to_build": missing.get(recipe, []),
            }
            for recipe, built in found.items()
        }
        click.echo(json.dumps({"schema": 1, "agents": document}, indent=2))
        return
    for recipe, built in found.items():
        click.echo(f"{recipe.overlay}: {recipe.program} {recipe.version}, {recipe.package}")
        if built is None:
            lacking = f"; to build it, this is missing: {'; '.join(missing[recipe])}" if missing[recipe] else ""
            click.echo(f"  not built: gtsdsl agents build {recipe.overlay}{lacking}")
            continue
        print_program(built.program.path, built.program.sha256, built.size_bytes)
        click.echo(f"  built by {built.go}")
        if built.program.without:
            click.echo(f"  without  {built.program.without}")


@command.command(short_help="Print the path of an agent that was built.")
@click.argument("overlay", metavar="OVERLAY")
def path(overlay: str) -> None:
    """Print the path of the agent of OVERLAY that `emulate --agent real` uses.

    Exit status: 0, or 3 if the agent has not been built.

    \b
    Example:
      gtsdsl agents path flannel
    """
    with emulating():
        from emulator.agents.cache import built_agent
        from emulator.agents.recipes import recipe_of

        built = built_agent(recipe_of(overlay))
    print_path(
        None if built is None else built.program.path,
        f"no agent of {overlay} has been built: gtsdsl agents build {overlay}",
    )


@command.command(short_help="Remove the built agents.")
def clean() -> None:
    """Remove the built agents, and the remains of killed builds.

    \b
    Example:
      gtsdsl agents clean
    """
    from emulator.agents.cache import clean as clean_cache

    print_removed(clean_cache)
