"""The command line: each command is a file here, imported when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from gtsdsl import __version__
from gtsdsl.cli.streams import OutputError, give_up_output, prepare
from gtsdsl.diagnostics import GtsError
from gtsdsl.machine import EXIT_STATUS, REFUSALS, refused
from gtsdsl.text import printable

_LONGEST = 1000
_COMMANDS = {
    "check": "Report what is wrong with topologies.",
    "circuits": "Show the round-trip times between sites.",
    "clean": "Remove what killed emulations have left behind.",
    "compile": "Turn a topology into GTS JSON or another format.",
    "completion": "Print the completion script of a shell.",
    "doctor": "Show what this machine can do, and what mends the rest.",
    "draw": "Draw a topology as SVG, PNG or HTML.",
    "emulate": "Run a topology as a real network.",
    "explain": "Explain a diagnostic, with an example.",
    "fmt": "Lay out DSL files evenly.",
    "guest": "Run a command in a Linux kernel of its own.",
    "init": "Write a topology to start from.",
    "kernel": "Build, show and remove guest kernels.",
    "lsp": "Serve an editor.",
    "plan": "Show the network that a topology becomes.",
}
"""The name of each command, and its line in the help."""
_MODULES = {"emulate": "emulate.command", "guest": "emulate.guest"}
"""The module of a command, under `gtsdsl.cli`, where it has another name than the command."""


class _LazyGroup(click.Group):
    """Commands that are imported one at a time: `gtsdsl check` must not pay for what `gtsdsl draw` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = f"gtsdsl.cli.{_MODULES.get(cmd_name, cmd_name)}"
        command = importlib.import_module(module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="gtsdsl %(version)s")
def cli() -> None:
    """Compile, check, draw and run topologies of the GÉANT Testbeds Service.

    \b
    Example:
      gtsdsl check examples/full_mesh.dsl
      gtsdsl compile examples/full_mesh.dsl -o mesh.json
      gtsdsl emulate examples/full_mesh.dsl --probe
    """


def main() -> None:
    """Run the command line; an error that the user can cause is a message and an exit status, never a traceback."""
    try:
        prepare()
        cli(prog_name="gtsdsl")
    except GtsError as error:
        from gtsdsl.cli.output import print_diagnostics

        print_diagnostics(error.diagnostics)
        sys.exit(1)
    except BrokenPipeError:
        # the reader (head, less) has gone: nothing is wrong
        give_up_output()
        sys.exit(141)
    except OutputError as error:
        give_up_output()
        click.echo(f"Error: standard output cannot be written: {error.strerror}", err=True)
        sys.exit(1)
    except REFUSALS as error:
        click.echo(f"error: {printable(refused(error), _LONGEST)}", err=True)
        sys.exit(EXIT_STATUS)
