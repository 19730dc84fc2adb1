"""`gtsdsl completion`: the script that teaches a shell to complete gtsdsl's commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from gtsdsl.cli.output import write_stdout


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that completes gtsdsl in a shell (bash 4.4 or later, zsh, fish).

    \b
    Example, in ~/.bashrc or ~/.zshrc:
      eval "$(gtsdsl completion bash)"
    For fish:
      gtsdsl completion fish > ~/.config/fish/completions/gtsdsl.fish
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    # the base class's `source`: bash's own would start a bash, and fail where there is none, to look at its version
    write_stdout(ShellComplete.source(completion(ctx.find_root().command, {}, "gtsdsl", "_GTSDSL_COMPLETE")))
