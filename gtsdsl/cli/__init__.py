"""The command line: a module for each command, imported only when the command runs."""

from __future__ import annotations

import importlib
import sys

import click

from gtsdsl import __version__
from gtsdsl.cli.errors import complain
from gtsdsl.cli.help import CommandGroup
from gtsdsl.cli.streams import LOST_READER, OutputError, discard_output, has_lost_reader, prepare
from gtsdsl.diagnostics import GtsError
from gtsdsl.machine import EXIT_STATUS, REFUSALS, refusal

_GROUPS = {
    "Topologies": {
        "check": "Report what is wrong with topologies.",
        "compile": "Turn a topology into GTS JSON or another format.",
        "draw": "Draw a topology as SVG, PNG or HTML.",
        "fmt": "Format DSL files.",
        "init": "Write a new topology of a common shape.",
        "explain": "Explain a diagnostic, with an example.",
        "circuits": "Show the round-trip times between sites.",
    },
    "Networks": {
        "plan": "Show the network that a topology becomes.",
        "scenario": "Write a scenario: what happens in a network, and when.",
        "emulate": "Run a topology as a real network.",
        "overlays": "List the overlays, and what each needs.",
        "bench": "Measure overlays side by side.",
        "cpu": "Show what packets cost on a host's processors.",
        "guest": "Run a command in a guest kernel.",
    },
    "Setup": {
        "doctor": "Show what this machine can do and what it lacks.",
        "kernel": "Build, show and remove guest kernels.",
        "agents": "Build, show and remove agents of overlays.",
        "tools": "Build, show and remove tools that measure.",
        "clean": "Remove what killed runs have left behind.",
        "lsp": "Run the language server, for editors.",
        "completion": "Print the completion script of a shell.",
    },
}
"""The line of each command in the help, by the command's name, in groups by task."""
_COMMANDS = [name for lines in _GROUPS.values() for name in lines]
_MODULES = {"emulate": "emulate.command", "guest": "emulate.guest", "bench": "bench.command"}
"""The module under `gtsdsl.cli` of each command that is not in a module of its own name."""


class _LazyGroup(CommandGroup):
    """The commands, imported one at a time: `gtsdsl check` does not load what `gtsdsl draw` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands."""
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; return None if it is unknown."""
        if cmd_name not in _COMMANDS:
            return None
        module = f"gtsdsl.cli.{_MODULES.get(cmd_name, cmd_name)}"
        command = importlib.import_module(module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write a line for each command, without importing it; the lines of all groups are aligned."""
        width = max(map(len, _COMMANDS))
        for heading, lines in _GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in lines.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`gtsdsl COMMAND --help` shows a command's options.",
)
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
    """Run the command line. Each error that a user can cause is a message and an exit status, not a traceback."""
    try:
        prepare()
        cli(prog_name="gtsdsl")
    except GtsError as error:
        from gtsdsl.cli.output import print_diagnostics

        print_diagnostics(error.diagnostics)
        sys.exit(1)
    except BrokenPipeError:  # the reader, such as head or less, has ended
        discard_output()
        sys.exit(LOST_READER)
    except SystemExit:  # click and rich handle the error themselves, and exit with 1
        if not has_lost_reader():
            raise
        discard_output()
        sys.exit(LOST_READER)
    except OutputError as error:
        discard_output()
        complain("error", f"standard output cannot be written: {error.strerror}")
        sys.exit(1)
    except REFUSALS as error:
        complain("error", refusal(error))
        sys.exit(EXIT_STATUS)
