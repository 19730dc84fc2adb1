"""Every command says how it is used, with an example."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from gtsdsl.cli import cli
from gtsdsl.cli.help import GroupedCommand


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("name", "command"), list(commands(cli, "gtsdsl")))
def test_help_has_an_example_of_the_command(name: str, command: click.Command) -> None:
    said = command.get_help(click.Context(command, info_name=name))
    example = said.partition("Example")[2].partition("Options:")[0]
    assert f"  {name} " in example or f"  {name}\n" in example or f"({name} " in example


@pytest.mark.parametrize("name", ["", "kernel"])
def test_each_command_has_a_line_that_fits_a_terminal(name: str) -> None:
    group = cli.get_command(click.Context(cli), name) if name else cli
    assert isinstance(group, click.Group)
    said = group.get_help(click.Context(group, info_name=f"gtsdsl {name}", terminal_width=80))
    after_options = said.partition("Options:\n")[2].partition("\n\n")[2]
    lines = [line for line in after_options.splitlines() if line.startswith("  ") and "--help" not in line]
    assert [line.split()[0] for line in lines] == group.list_commands(click.Context(group))
    assert all(line.endswith(".") and not line.endswith("...") and len(line) <= 80 for line in lines)


@pytest.mark.parametrize(("name", "command"), list(commands(cli, "gtsdsl")))
def test_no_line_of_the_help_is_longer_than_80_characters(name: str, command: click.Command) -> None:
    said = command.get_help(click.Context(command, info_name=name, terminal_width=80))
    assert [line for line in said.splitlines() if len(line) > 80] == []


def test_the_options_of_emulate_stand_in_groups() -> None:
    command = cli.get_command(click.Context(cli), "emulate")
    assert isinstance(command, GroupedCommand)
    grouped = [name for names in command.groups.values() for name in names]
    options = [param.name for param in command.params if isinstance(param, click.Option)]
    assert sorted(grouped) == sorted(name for name in options if name is not None)
    said = command.get_help(click.Context(command, info_name="gtsdsl emulate"))
    headings = [line.removesuffix(":") for line in said.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == [*command.groups, "Other options"]
