"""`gtsdsl overlays`: list the overlays, what each needs, and whether this machine has it."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from emulator.kernel.kinds import KernelKind
from gtsdsl.cli.emulate.machine import warn_if_unconfined
from gtsdsl.cli.errors import emulating
from gtsdsl.cli.help import Choice, format_option
from gtsdsl.cli.text_table import print_table, table_console
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.kernel.choose import KernelChoice
    from emulator.overlays.catalog import Entry, Survey

_VERSION = 1
_LINE_CHARACTERS = 600


@click.command()
@format_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--kernel",
    type=Choice(("auto", *(kind.value for kind in KernelKind))),
    default="auto",
    show_default=True,
    help="Kernel to look in, as for `gtsdsl emulate`.",
)
def command(format_: str, as_json: bool, kernel: str) -> None:
    """List the overlays, what each variant needs, and whether this machine has it.

    The default of an overlay is its first variant. The default of libnetwork is the first variant that this machine's
    Docker has. Where something is missing, a line says which command adds it. The command looks in the kernel that
    `gtsdsl emulate` would use, and boots it if it is a guest kernel.

    Exit status: 0 if an overlay can run on this machine, else 3.

    \b
    Example:
      gtsdsl overlays
      gtsdsl overlays --json
    """
    from emulator.kernel.choose import choose
    from emulator.options import RunOptions
    from emulator.outside.runner import settle
    from emulator.outside.survey import run_survey
    from emulator.overlays.catalog import entries
    from emulator.system.errors import EmulationError

    found, show = entries(), _print_json if as_json or format_ == "json" else _print_table
    with emulating():
        try:
            choice = choose(kernel)
            if choice.kernel is not None:
                warn_if_unconfined()
            survey = run_survey(settle(RunOptions(), choice))
        except EmulationError:
            show(found, None, None)  # what there is, without a kernel to look in
            raise
    show(found, survey, choice)
    sys.exit(0 if any(not survey.lacks[entry.name] for entry in found) else 3)


def _print_json(found: Sequence[Entry], survey: Survey | None, choice: KernelChoice | None) -> None:
    overlays = []
    for name, group in groupby(found, key=lambda entry: entry.overlay):
        members = list(group)
        variants = [
            {
                "name": entry.variant,
                "forwards": entry.about.forwards,
                "store": _store(entry) or None,
                "state": _state(entry),
                "agent": entry.about.agent,
                "needs": _needs(entry),
                "options": entry.flags,
                "works": survey and not survey.lacks[entry.name],
                "lacks": survey and survey.lacks[entry.name],
                "option_lacks": survey and survey.option_lacks.get(entry.name, {}),
            }
            for entry in members
        ]
        overlays.append({"name": name, "runtimes": members[0].runtimes, "variants": variants})
    looked_in = {"kernel": choice and choice.kind.value, "linux": choice and _linux(choice)}
    click.echo(json.dumps({"version": _VERSION, **looked_in, "overlays": overlays}, indent=2))


def _print_table(found: Sequence[Entry], survey: Survey | None, choice: KernelChoice | None) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "overlay", "variant", "way to another host", "state", "agent", "needs"):
        table.add_column(heading, no_wrap=heading in {"", "overlay", "variant"})
    for entry in found:
        if survey is None:
            mark = Text("?")
        elif survey.lacks[entry.name]:
            mark = Text("no", style="yellow")
        else:
            mark = Text("yes", style="green")
        about = entry.about
        cells = (entry.overlay, entry.variant, about.forwards, _state(entry), about.agent, ", ".join(_needs(entry)))
        table.add_row(mark, *map(Text, cells))
    console = table_console()
    print_table(console, table)
    console.print()
    if survey is not None and choice is not None:
        for line in _remedies(survey):
            console.print(Text(line))
        console.print(Text(f"Looked for in {_kernel(choice)}."))


def _remedies(survey: Survey) -> Iterator[str]:
    """Yield a line for each missing thing, with the variants that need it: several may need the same."""
    needed_by: dict[str, list[str]] = {}
    for name, sentences in survey.lacks.items():
        for sentence in sentences:
            needed_by.setdefault(sentence, []).append(name)
    for name, options in survey.option_lacks.items():
        for option, sentences in options.items():
            for sentence in sentences:
                needed_by.setdefault(f"with {option}: {sentence}", []).append(name)
    for sentence, names in needed_by.items():
        yield printable(f"{', '.join(names)}: {sentence}", _LINE_CHARACTERS)


def _needs(entry: Entry) -> tuple[str, ...]:
    return (*(("etcd",) if entry.has_store else ()), *entry.about.needs)


def _store(entry: Entry) -> str:
    return "etcd" if entry.has_store else ""


def _state(entry: Entry) -> str:
    return ", ".join(word for word in (_store(entry), entry.about.state) if word)


def _kernel(choice: KernelChoice) -> str:
    kind = {
        KernelKind.NATIVE: "this machine's own kernel",
        KernelKind.UML: "the guest kernel",
        KernelKind.PACKAGED: "Debian's packaged guest kernel",
    }[choice.kind]
    return f"{kind}, Linux {_linux(choice)}"


def _linux(choice: KernelChoice) -> str:
    return platform.release() if choice.kernel is None else choice.kernel.version
