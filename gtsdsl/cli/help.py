"""How `--help` is laid out: commands in a line each, and the options of a command in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups; those in no group come last."""

    groups: Mapping[str, Sequence[str]]
    """The names of options, as the command's function has them, by the heading of their group."""

    def __init__(self, *args: object, groups: Mapping[str, Sequence[str]], **attributes: object) -> None:
        """``groups`` is what `GroupedCommand.groups` says; all else is click's."""
        super().__init__(*args, **attributes)  # type: ignore[arg-type]
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rows = {option.name: record for option in options if (record := option.get_help_record(ctx))}
        for heading, names in self.groups.items():
            with formatter.section(heading):
                formatter.write_dl([rows.pop(name) for name in names])
        with formatter.section("Other options"):
            formatter.write_dl([*rows.values()])
