"""The command line: each command is a file here, imported when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from gtsdsl import __version__
from gtsdsl.cli.streams import OutputError, give_up_output, prepare
from gtsdsl.diagnostics import GtsError, printable
from gtsdsl.machine import EXIT_STATUS, REFUSALS, refused

_LONGEST = 1000
_COMMANDS = {
    "check": "check",
    "circuits": "circuits",
    "clean": "clean",
    "compile": "compile",
    "completion": "completion",
    "doctor": "doctor",
    "draw": "draw",
    "emulate": "emulate",
    "explain": "explain",
    "fmt": "fmt",
    "guest": "guest",
    "init": "init",
    "kernel": "kernel",
    "lsp": "lsp",
    "plan": "plan",
}
"""The name of each command and the module that holds it as ``command``."""


class _LazyGroup(click.Group):
    """Commands that are imported one at a time: `gtsdsl check` must not pay for what `gtsdsl draw` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"gtsdsl.cli.{_COMMANDS[cmd_name]}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"gtsdsl.cli.{_COMMANDS[cmd_name]}.command is no command")
        return command


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
        from gtsdsl.cli.common import print_diagnostics  # noqa: PLC0415

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
