"""The report of a run for people: progress, tables of round trips, and warnings of lost packets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.emulate.overlay_report import gaps, overlay_line, print_overlay
from gtsdsl.cli.errors import complain
from gtsdsl.cli.text_table import print_table, table_console
from gtsdsl.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from emulator.outcome import Outcome
    from emulator.outside.runner import RunSettings
    from emulator.task import Task
    from gtsdsl.scenario.outcome import ScenarioOutcome

_LAST_LINES = 5
"""The lines of a failed command's output that are shown: the last ones."""
_LINE_CHARACTERS = 200


@contextmanager
def progress() -> Iterator[Callable[[str | None], None] | None]:
    """Yield a function that shows a step of the run on a terminal (None clears it), or None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    status = Status("", console=Console(stderr=True))

    def show(step: str | None) -> None:
        if step is None:
            status.stop()
        else:
            status.update(Text(step))
            status.start()

    try:
        yield show
    finally:
        status.stop()


def report(task: Task, outcome: Outcome, settings: RunSettings, *, to_stderr: bool) -> None:
    """Print the table of ``--probe``, and warn of packets and containers that did not arrive."""
    _print_table(task, outcome, settings, to_stderr=to_stderr)
    if outcome.scenario is not None:
        _print_scenario(outcome.scenario, to_stderr=to_stderr)
    for warning in _drops_of_hosts(outcome):
        complain("warning", warning)
    for error in gaps(outcome.overlay) if outcome.overlay is not None else ():
        complain("error", error)


def _print_scenario(outcome: ScenarioOutcome, *, to_stderr: bool) -> None:
    from gtsdsl.scenario.text import happening_lines

    click.echo("scenario", err=to_stderr)
    for line in happening_lines(outcome.happenings):
        click.echo(line, err=to_stderr)
    for end in outcome.commands:
        if end.exit_status:
            line = printable(" ".join(end.command), 80)
            complain("error", f"{printable(end.host, 40)}: {line} ended with status {end.exit_status}")
            for said in end.output.splitlines()[-_LAST_LINES:]:
                click.echo(f"  {printable(said, _LINE_CHARACTERS)}", err=True)


def _print_table(task: Task, outcome: Outcome, settings: RunSettings, *, to_stderr: bool) -> None:
    if not outcome.probe and (outcome.overlay is None or not outcome.overlay.pairs):
        return
    from rich.text import Text

    console = table_console(stderr=to_stderr)
    if task.overlay is not None and outcome.overlay is not None and outcome.overlay.pairs:
        print_overlay(console, task.plan, task.overlay, outcome.overlay)
    else:
        print_table(console, _circuits_table(outcome))
        if task.overlay is not None and outcome.overlay is not None:  # no two hosts with a container share a circuit
            console.print(overlay_line(task.overlay, outcome.overlay))
    if drops := _drops_of_circuits(outcome):
        console.print(Text(drops))
    if task.plan.cpu is not None:
        console.print(Text(f"processors: {printable(task.plan.cpu.label, 300)}"))
    console.print(Text(f"{_clock(settings)}; measured is the median of the echoes, there and back"))


def _drops_of_hosts(outcome: Outcome) -> Iterator[str]:
    """Yield a sentence for each place where a host, and not the network, dropped packets."""
    from emulator.measure.drops import BACKLOG, PROCESSOR, SOCKET

    for item in outcome.drops:
        if item.place == SOCKET:
            yield f"{item.node}: {item.packets} UDP datagrams were dropped: a socket's receive buffer was full"
        elif item.place == PROCESSOR:
            yield f"{item.node}: {item.packets} packets were dropped: its processors were too slow (--cpu-model)"
        elif item.place == BACKLOG:
            yield f"{item.packets} packets were dropped between interfaces: more than net.core.netdev_max_backlog"


def _drops_of_circuits(outcome: Outcome) -> str:
    """Return a line about the packets that circuits with lost echoes dropped; empty if they dropped none."""
    lossy = {item.id for item in outcome.probe if item.lost}
    parts = [
        f"{item.packets} from {printable(item.node, 40)} on {printable(item.circuit, 40)}"
        for item in outcome.drops
        if item.circuit in lossy and item.circuit is not None
    ]
    return f"dropped by circuits (loss, or a full queue): {', '.join(parts)}" if parts else ""


def _circuits_table(outcome: Outcome) -> Table:
    from rich.table import Table
    from rich.text import Text

    from emulator.measure.probe import rtt_text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("circuit", "between"):
        table.add_column(heading, no_wrap=True)
    # in a circuit whose two ways are alike, each takes half of the round trip
    ways = ("there", "back") if any(it.there.expected_us != it.back.expected_us for it in outcome.probe) else ()
    for heading in ("configured", "expected", "measured", "error", *ways, "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for item in outcome.probe:
        row = [
            printable(item.id, 40) + (" (IPv6)" if item.family == 6 else ""),
            printable(f"{item.first} – {item.second}", 80),
            f"{item.configured_us / 1e3:.3f} ms",
            f"{item.expected_us / 1e3:.6f} ms",
            rtt_text(item.measured_us),
            "" if item.error_us is None else f"{item.error_us:+.3f} µs",
            *("" if way.measured_us is None else rtt_text(way.measured_us) for way in (item.there, item.back) if ways),
            str(item.lost) if item.lost else "",
        ]
        table.add_row(*(Text(cell) for cell in row))
    return table


def _clock(settings: RunSettings) -> str:
    kernel = settings.choice.kernel
    return f"{settings.choice.clock} clock, {'native kernel' if kernel is None else f'Linux {kernel.version}'}"
