"""`gtsdsl lsp`: a language server for editors, on standard input and output."""

from __future__ import annotations

import sys

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="What editors add by habit; there is no other way.")
def command(stdio: bool) -> None:  # noqa: ARG001
    """Serve an editor: findings while typing, completion, hover, definitions, renaming, an outline, formatting.

    Editors start it themselves, and talk the language server protocol with it on standard input and output.
    docs/editors.md has the settings of VS Code, Neovim, Emacs and Helix.

    \b
    Example:
      gtsdsl lsp
    """
    from gtsdsl.lsp.server import serve

    if sys.stdin.isatty():
        click.echo("gtsdsl lsp waits for an editor's messages; Ctrl-C ends it.", err=True)
    serve()
