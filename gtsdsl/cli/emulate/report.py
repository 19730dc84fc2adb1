"""A run of `gtsdsl emulate` to what is seen of it: what it does now, and the tables of its measurements."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gtsdsl.cli.emulate.overlay_report import about, overlay_table
from gtsdsl.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from emulator.outcome import Outcome
    from emulator.outside.runner import Where
    from emulator.task import Task


@contextmanager
def notice() -> Iterator[Callable[[str | None], None] | None]:
    """Shows what is being done on a terminal, for as long as nothing else is shown."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    status = Status("", console=Console(stderr=True))

    def say(what: str | None) -> None:
        if what is None:
            status.stop()
        else:
            status.update(Text(what))
            status.start()

    try:
        yield say
    finally:
        status.stop()


def show(task: Task, outcome: Outcome, where: Where, *, beside: bool) -> None:
    """The table of `--probe`; on standard error if it is ``beside`` something else."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True, stderr=beside)
    if not console.is_terminal:
        console.width = 200
    if task.overlay is not None and outcome.overlay is not None and outcome.overlay.pairs:
        for part in overlay_table(task.plan, task.overlay, outcome.overlay):
            console.print(part)
    elif outcome.probe:
        console.print(_circuits_table(outcome))
        if task.overlay is not None and outcome.overlay is not None:  # no two hosts with a container share a circuit
            console.print(about(task.overlay, outcome.overlay))
    else:
        return
    if dropped := _dropped_by_circuits(outcome):
        console.print(Text(dropped))
    console.print(Text(f"{_clock(where)}; measured is the median of the echoes, there and back"))


def losses(outcome: Outcome) -> Iterator[str]:
    """What to say of packets that were dropped by a host and not by the network: a sentence for each place."""
    from emulator.measure.drops import BACKLOG, SOCKET

    for item in outcome.drops:
        if item.place == SOCKET:
            yield f"{item.node}: {item.packets} UDP datagrams were dropped: a socket's receive buffer was full"
        elif item.place == BACKLOG:
            yield f"{item.packets} packets were dropped between interfaces: more than net.core.netdev_max_backlog"


def _dropped_by_circuits(outcome: Outcome) -> str:
    """Who dropped packets on the circuits that lost echoes; empty if none did."""
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
    for heading in ("configured", "expected", "measured", "error", "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for item in outcome.probe:
        row = [
            printable(item.id, 40),
            printable(f"{item.first} – {item.second}", 80),
            f"{item.configured_us / 1e3:.3f} ms",
            f"{item.expected_us / 1e3:.6f} ms",
            rtt_text(item.measured_us),
            "" if item.error_us is None else f"{item.error_us:+.3f} µs",
            str(item.lost) if item.lost else "",
        ]
        table.add_row(*(Text(cell) for cell in row))
    return table


def _clock(where: Where) -> str:
    kernel = where.choice.kernel
    return f"{where.choice.clock} clock, {'this machine’s kernel' if kernel is None else f'Linux {kernel.version}'}"
