"""Every command says how it is used, with an example."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from gtsdsl.cli import cli


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
