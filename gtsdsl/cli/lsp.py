"""`gtsdsl lsp`: run the language server, on standard input and output."""

from __future__ import annotations

import sys

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="The default; some editors pass it.")
def command(stdio: bool) -> None:  # noqa: ARG001
    """Run the language server: findings while typing, completion, hover, definitions, renaming, outline, formatting.

    Editors start the server, and speak the language server protocol with it on standard input and output.
    docs/editors.md has the settings for VS Code, Neovim, Emacs and Helix.

    \b
    Example:
      gtsdsl lsp
    """
    from gtsdsl.lsp.server import serve

    if sys.stdin.isatty():
        click.echo("gtsdsl lsp waits for the messages of an editor; Ctrl-C ends it.", err=True)
    serve()
