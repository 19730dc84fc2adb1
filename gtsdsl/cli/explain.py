"""`gtsdsl explain`: show the page of a diagnostic, or the list of all codes."""

from __future__ import annotations

import difflib
import sys

import click
from click.shell_completion import CompletionItem

from gtsdsl.cli.output import write_stdout
from gtsdsl.data import shipped
from gtsdsl.diagnostics import CODES
from gtsdsl.text import printable


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    return [
        CompletionItem(name, help=code.title) for name, code in CODES.items() if name.startswith(incomplete.upper())
    ]


@click.command("explain")
@click.argument("code", required=False, shell_complete=_complete)
def command(code: str | None) -> None:
    """Explain a diagnostic: its meaning, an example, and how to correct the topology.

    Without CODE, list all codes.

    \b
    Example:
      gtsdsl explain GTS012
    """
    if code is None:
        rows = (f"{name}  {severity.value:<7}  {title}\n" for name, (severity, title) in CODES.items())
        write_stdout("".join(rows))
        return
    name = code.strip().upper()
    if name not in CODES:
        near = difflib.get_close_matches(name[:20], CODES, n=3)
        hint = f"did you mean {' or '.join(f'`{it}`' for it in near)}?" if near else "`gtsdsl explain` lists all codes"
        raise click.UsageError(f"unknown code `{printable(code)}`; {hint}")
    page = shipped("docs", "diagnostics", f"{name}.md").read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        write_stdout(page)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(page))
