"""Groups, commands and choices whose help is short, and whose errors name the nearest word."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from gtsdsl.cli.errors import complain_of
from gtsdsl.text import did_you_mean, nearest_or_all, printable


class CommandGroup(click.Group):
    """A group of commands that reports errors as ``error: …``; that of an unknown command names the nearest, or all."""

    def main(  # type: ignore[override]  # click declares it twice, for the two modes
        self, args: Sequence[str] | None = None, prog_name: str | None = None, standalone_mode: bool = True, **more: Any
    ) -> Any:
        """Run a command; with ``standalone_mode``, report its errors and exit, as `click.Command.main` does."""
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **more)
        try:
            status = super().main(args, prog_name, standalone_mode=False, **more)
        except click.ClickException as error:
            complain_of(error)
            status = error.exit_code
        except click.Abort:
            status = 130
        sys.exit(status)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names, and the rest.

        Raises:
            click.UsageError: the command is unknown.
        """
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            hint = nearest_or_all(name, known, "the commands are")
            raise click.UsageError(f"unknown command `{printable(name)}`; {hint}", ctx)
        return super().resolve_command(ctx, args)


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups; those in no group come last."""

    groups: Mapping[str, Sequence[str]]
    """The names of options, as click has them, by the heading of their group. The first group with one lists it."""

    def __init__(self, *arguments: Any, groups: Mapping[str, Sequence[str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rows = {option.name: record for option in options if (record := option.get_help_record(ctx))}
        for heading, names in self.groups.items():
            with formatter.section(heading):
                formatter.write_dl([rows.pop(name) for name in names if name in rows])
        with formatter.section("Other options"):
            formatter.write_dl([*rows.values()])


class Choice(click.Choice):  # type: ignore[type-arg]  # click 8.1 has no type parameters
    """A choice of words, some of which have an old name too. The error names the word nearest to an unknown one."""

    def __init__(self, choices: Iterable[str], aliases: Mapping[str, str] | None = None) -> None:
        super().__init__(tuple(choices))
        self._aliases = aliases or {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the chosen word.

        Raises:
            click.BadParameter: the value is not one of the words.
        """
        word = self._aliases.get(value, value)
        if word not in self.choices:
            near = did_you_mean(word, self.choices)
            listed = ", ".join(f"`{choice}`" for choice in self.choices)
            self.fail(f"`{printable(word)}` is not one of {listed}{f'; {near}' if near else ''}", param, ctx)
        return word


format_option = click.option(
    "--format",
    "format_",
    type=Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the output.",
)
"""The decorator that gives a command the option ``--format``, as the argument ``format_``."""
