"""`gtsdsl circuits`: show the known round-trip times between sites, as a table or JSON."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from pathlib import Path

import click

from gtsdsl.circuits import SITES, Circuit, Circuits, Measurement, Site, canonical, find, read_circuits, site, to_json
from gtsdsl.circuits.environments import environments
from gtsdsl.cli.circuit_options import find_environment
from gtsdsl.cli.help import format_option
from gtsdsl.cli.text_table import print_table, table_console
from gtsdsl.text import printable

_STUDY_SITES = frozenset({"AMS", "BRA", "LJU", "MIL", "PRA"})


@click.command("circuits")
@click.argument("first", metavar="[A", required=False)
@click.argument("second", metavar="B]", required=False)
@format_option
@click.option(
    "--circuits",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='Your own figures, which replace the known ones, such as {"AMS-MIL": 40.0, "AMS-LAB": "1.5ms"}, or JSON as '
    "this command prints it.",
)
@click.option(
    "--environment",
    metavar="NAME|FILE",
    help=f"The circuits of another environment, and their sources: {', '.join(environments())}, or a file.",
)
def command(first: str | None, second: str | None, format_: str, path: Path | None, environment: str | None) -> None:
    """Show the round-trip time between sites A and B, with the source of each figure.

    With A alone, show all circuits of A; without sites, all circuits. Six circuits were measured; all others are
    estimated from the distance, and marked so. An unknown site ends with exit status 2.

    \b
    Example:
      gtsdsl circuits AMS MIL
      gtsdsl circuits AMS --format json
      gtsdsl circuits westeurope --environment azure-2024
    """
    if path is not None and environment is not None:
        raise click.UsageError("--circuits and --environment: give one of them")
    custom = read_circuits(path) if path else None
    if environment is not None:
        custom = find_environment(environment)
        if format_ == "text":
            _print_about(custom)
    circuits = _selected(first, second, custom)
    if format_ == "json":
        codes = {code for circuit in circuits for code in circuit.sites}
        click.echo(to_json(circuits, [item for item in _sites(custom) if item.code in codes]), nl=False)
    else:
        _print(circuits, custom)


def _print_about(circuits: Circuits) -> None:
    """Print what an environment is, what it does to all circuits, and where its figures come from."""
    every = circuits.every
    lines = [circuits.description] if circuits.description else []
    if every.added is not None:
        quantiles = zip(every.added.parts, every.added.delays_us, strict=True)
        shown = ", ".join(f"{100 * part:g} %: {delay_us / 1000:g}" for part, delay_us in quantiles)
        lines.append(f"Added to each round trip, in ms ({shown})")
    if every.loss_percent:
        lines.append(f"Lost in each direction: {every.loss_percent:g} %")
    if every.rate_share < 1:
        lines.append(f"Share of each rate: {100 * every.rate_share:g} %")
    lines += [f"Source: {source}" for source in circuits.sources]
    for line in lines:
        click.echo(printable(line, 2000))
    if lines:
        click.echo()


def _selected(first: str | None, second: str | None, custom: Circuits | None) -> list[Circuit]:
    codes = {item.code for item in _sites(custom)}
    if custom is not None:
        codes.update(code for pair in custom.circuits for code in pair)
    ends = [
        _known_code(code, metavar, codes, custom) for code, metavar in ((first, "A"), (second, "B")) if code is not None
    ]
    if len(ends) == 2:
        pairs = [(ends[0], ends[1])]
    elif ends:
        pairs = [(ends[0], code) for code in codes if code != ends[0]]
    else:
        pairs = list(itertools.combinations(sorted(codes), 2))
    found = [circuit for pair in pairs if (circuit := find(*pair, custom))]
    if len(ends) == 2 and not found:
        raise click.ClickException(
            f"no round-trip time is known between {printable(ends[0])} and {printable(ends[1])}: add it, or the "
            "coordinates of both sites, to your file"
        )
    # first the known figures, then the other circuits of the study's five sites
    return sorted(found, key=lambda item: (item.estimated, not _STUDY_SITES.issuperset(item.sites), item.sites))


def _known_code(code: str, metavar: str, codes: set[str], custom: Circuits | None) -> str:
    found = canonical(code, custom)
    if found in codes:
        return found
    cities = {name.upper(): item.code for item in _sites(custom) for name in (item.code, *item.aliases, item.city)}
    near = difflib.get_close_matches(code[:64].upper(), cities, n=1, cutoff=0.5)
    hint = f"; did you mean `{printable(cities[near[0]])}`?" if near else f"; the sites are {', '.join(sorted(codes))}"
    raise click.BadParameter(f"`{printable(code)}` is not a known site{hint}", param_hint=metavar)


def _sites(custom: Circuits | None) -> list[Site]:
    custom_sites = dict(custom.sites) if custom is not None else {}
    return [*custom_sites.values(), *(item for item in SITES if item.code not in custom_sites)]


def _print(circuits: Sequence[Circuit], custom: Circuits | None) -> None:
    from rich.table import Table
    from rich.text import Text

    overlays = list(dict.fromkeys(item.overlay for circuit in circuits for item in circuit.measurements))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("circuit", "cities", "round trip", "interval", "figure"):
        table.add_column(heading, justify="right" if heading in {"round trip", "interval"} else "left", no_wrap=True)
    for overlay in overlays:
        table.add_column(Text(f"{printable(overlay, 20)} min/mean/p99"), justify="right")
    for circuit in circuits:
        figures = {item.overlay: item for item in circuit.measurements}
        ends = [site(code, custom) for code in circuit.sites]
        kind = "estimated" if circuit.estimated else "measured" if figures else "given"
        row = [
            printable("–".join(circuit.sites), 40),
            " – ".join(printable(end.city or end.code, 20) if end else "?" for end in ends),
            f"{'≈ ' if circuit.estimated else ''}{circuit.rtt_ms:.1f} ms",
            f"{circuit.low_ms:.1f} – {circuit.high_ms:.1f} ms" if circuit.low_ms != circuit.high_ms else "",
            kind,
            *(_figures(figures.get(overlay)) for overlay in overlays),
        ]
        table.add_row(*(Text(cell) for cell in row))  # Text, so that a file cannot contain markup
    console = table_console()
    print_table(console, table)
    console.print()
    for text in _sources(circuits):
        console.print(Text(text))


def _figures(measurement: Measurement | None) -> str:
    if measurement is None:
        return ""
    return f"{measurement.min_ms:.1f} {measurement.mean_ms:.1f} {measurement.p99_ms:.1f}"


def _sources(circuits: Sequence[Circuit]) -> list[str]:
    """Return a line for each source, with the meaning of its figures; for a single estimate, with its distance."""
    lines: dict[str, None] = {}
    for circuit in circuits:
        detail = circuit.statistic if not circuit.estimated or len(circuits) == 1 else "estimates"
        lines[f"{printable(detail, 200)}: {printable(circuit.source, 400)}"] = None
    return list(lines)
