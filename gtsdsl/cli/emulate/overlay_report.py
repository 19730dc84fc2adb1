"""The report of an overlay for people: round trips of its containers beside those of hosts and of the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gtsdsl.circuits import measurement
from gtsdsl.cli.text_table import print_table
from gtsdsl.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from emulator.overlays.model import OverlaySpec, PairProbe
    from emulator.overlays.outcome import OverlayOutcome
    from emulator.plan import Plan


def print_overlay(console: Console, plan: Plan, spec: OverlaySpec, outcome: OverlayOutcome) -> None:
    """Print the table of an overlay's round trips, a line about the overlay, and one about the study's figures."""
    from rich.table import Table
    from rich.text import Text

    from emulator.measure.probe import rtt_text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("circuit", "between"):
        table.add_column(heading, no_wrap=True)
    numbers = ["expected", "hosts", "containers", "error", "lost"]
    site_of = {host.name: host.site for host in plan.hosts}
    figures = {(item.first, item.second): _study(spec.name, site_of, item) for item in outcome.pairs}
    has_study = any(figures.values())
    if has_study:
        numbers += ["study: min", "mean", "p99"]
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    for item in outcome.pairs:
        row = [
            printable(", ".join(item.circuits) or "several ways", 40) + (" (IPv6)" if item.family == 6 else ""),
            printable(f"{item.containers[0]} on {item.first} – {item.containers[1]} on {item.second}", 80),
            "" if item.expected_us is None else f"{item.expected_us / 1e3:.6f} ms",
            rtt_text(item.machine_us),
            rtt_text(item.container_us),
            "" if item.error_us is None else f"{item.error_us:+.3f} µs",
            "denied" if item.is_denied and item.container_us is None else str(item.lost) if item.lost else "",
        ]
        if has_study:
            row += [f"{figure:.1f} ms" for figure in figures[item.first, item.second]]
        table.add_row(*(Text(cell) for cell in row))
    print_table(console, table)
    console.print(overlay_line(spec, outcome))
    if has_study:
        console.print(
            f"study: containers over {spec.name} between the same sites in 2016; its circuits were not the same for"
            " each overlay"
        )


def gaps(outcome: OverlayOutcome) -> Iterator[str]:
    """Yield a sentence for each pair of hosts whose containers reached each other otherwise than asked, or never."""
    for item in outcome.first_packets:
        if item.after_ns is None and not item.is_denied:
            over = " over IPv6" if item.family == 6 else ""
            yield f"the containers of {item.first} and {item.second} do not reach each other{over}"
    for pair in outcome.pairs:
        if pair.is_denied and pair.container_us is not None:
            yield f"{pair.containers[0]} reaches {pair.containers[1]}, which the policies deny"
    for connection in outcome.connections:
        if not connection.is_wanted:
            ends = f"{connection.first} and {connection.second}"
            yield f"the method between {ends} is {connection.method}, not the one that the variant asks for"


def overlay_line(spec: OverlaySpec, outcome: OverlayOutcome) -> Text:
    """Return a line with an overlay's name, its agent, its store, and the time until the first packets."""
    from rich.text import Text

    return Text(printable("; ".join(_parts(spec, outcome)), 1000))


def _parts(spec: OverlaySpec, outcome: OverlayOutcome) -> Iterator[str]:
    yield f"{spec.name} {spec.variant}, {outcome.agent}"
    if outcome.store is not None and outcome.store_ns is not None and spec.store is not None:
        location = spec.store.host or spec.store.address
        yield f"{outcome.store} on {location}, ready after {outcome.store_ns / 1e9:.3f} s"
    if outcome.connections:
        counts = Counter(item.method for item in outcome.connections)
        yield "connections: " + ", ".join(f"{count} {method}" for method, count in counts.items())
    times = [item.after_ns / 1e9 for item in outcome.first_packets if item.after_ns is not None]
    if times:
        yield f"first packets {min(times):.3f} to {max(times):.3f} s after the overlay’s start"


def _study(overlay: str, site_of: dict[str, str | None], item: PairProbe) -> tuple[float, ...]:
    """Return the study's round trips between the sites of two hosts in ms: least, mean, 99th percentile."""
    found = measurement(site_of.get(item.first), site_of.get(item.second), overlay)
    return () if found is None else (found.min_ms, found.mean_ms, found.p99_ms)
