"""`gtsdsl completion`: print the script that completes commands, options and files in a shell."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from gtsdsl.cli.help import Choice
from gtsdsl.cli.output import write_stdout


@click.command("completion")
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes gtsdsl's commands and options in SHELL: bash (4.4 or later), zsh or fish.

    \b
    Example, in ~/.bashrc or ~/.zshrc:
      eval "$(gtsdsl completion bash)"
    For fish:
      gtsdsl completion fish > ~/.config/fish/completions/gtsdsl.fish
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    # the base class's `source`, because that of bash starts bash to read its version, and fails without bash
    write_stdout(ShellComplete.source(completion(ctx.find_root().command, {}, "gtsdsl", "_GTSDSL_COMPLETE")))
