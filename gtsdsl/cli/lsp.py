"""`gtsdsl lsp`: a language server for editors, on standard input and output."""

from __future__ import annotations

import sys

import click

from gtsdsl.machine import MissingExtraError


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
    try:
        from gtsdsl.lsp.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise MissingExtraError("the language server needs pygls: pip install 'gtsdsl[lsp]'") from None
    if sys.stdin.isatty():
        click.echo("gtsdsl lsp waits for an editor's messages; Ctrl-C ends it.", err=True)
    serve()
