"""`gtsdsl plan`: from a topology to the network that it becomes: addresses, routes, delays, queues."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gtsdsl.cli.compile import parse_settings
from gtsdsl.cli.output import print_diagnostics, write_output
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import check
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.plan import Circuit, Plan
    from gtsdsl.circuits import Circuits
    from gtsdsl.model.testbed import Testbed

_ROUTES_SHOWN = 4


_Command = TypeVar("_Command", bound=Callable[..., object])

_OPTIONS = (
    click.option("--rtt", "rtts", metavar="A-B=TIME", multiple=True, help="A circuit's round trip: AMS-MIL=40ms."),
    click.option(
        "--circuits",
        "circuits_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Own figures, as for `circuits`.",
    ),
    click.option(
        "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Give a parameter of the root type a value."
    ),
    click.option(
        "--switch", type=click.Choice(["ovs", "bridge"]), default="ovs", show_default=True, help="Kind of switch."
    ),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of jitter and loss."),
)


def plan_options(command: _Command) -> _Command:
    """The options that decide what network a topology becomes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_testbed(file: str, settings: Sequence[str]) -> Testbed:
    """The testbed of a file; one with errors is refused, with what is wrong on standard error (exit 1)."""
    checked = check(read_source(file), parse_settings(settings))
    print_diagnostics(checked.diagnostics)
    if checked.testbed is None or checked.has_errors:
        sys.exit(1)
    return checked.testbed


@click.command("plan")
@click.argument("file", type=click.Path())
@plan_options
@click.option("--ideal", is_flag=True, help="Without delay, jitter, loss and rate: as fast as the machine.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write to a file.")
def command(
    file: str,
    rtts: Sequence[str],
    circuits_file: Path | None,
    settings: Sequence[str],
    ideal: bool,
    switch: str,
    seed: int,
    form: str,
    output: Path | None,
) -> None:
    """Show the network that a topology becomes when it is emulated, without making it.

    A circuit's delay is the link's own, else that of --rtt, of --circuits, or what is known between its two sites.

    \b
    Example:
      gtsdsl plan examples/full_mesh.dsl
      gtsdsl plan examples/full_mesh.dsl --rtt AMS-MIL=40ms --format json
    """
    own = user_circuits(rtts, circuits_file)
    testbed = asked_testbed(file, settings)
    from emulator.plan import Options, PlanError, plan, to_json

    options = Options(circuits=own, impaired=not ideal, switch="bridge" if switch == "bridge" else "ovs", seed=seed)
    try:
        made = plan(testbed, options)
    except PlanError as error:
        raise click.ClickException(printable(str(error), limit=1000)) from None
    check_rtts(rtts, own, made)
    write_output(output, to_json(made) if form == "json" else _text(made))


def user_circuits(rtts: Sequence[str], path: Path | None) -> Circuits | None:
    """What the user gave with ``--rtt`` and ``--circuits``; the first goes before the second.

    Raises:
        click.BadParameter: an ``--rtt`` is none.
        GtsError: the file is none.
    """
    from gtsdsl.circuits import Circuit, Circuits, canonical, read_circuits
    from gtsdsl.model.units import parse_duration_us

    own = read_circuits(path) if path else Circuits()
    given = dict(own.circuits)
    seen = set()
    for text in rtts:
        sites, equals, value = text.partition("=")
        ends = [code.strip().upper() for code in sites.split("-")]
        if not equals or len(ends) != 2 or not all(ends):
            raise click.BadParameter(f"`{printable(text)}` is not A-B=TIME, as AMS-MIL=40ms", param_hint="--rtt")
        try:
            rtt_ms = parse_duration_us(value.strip()) / 1000
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--rtt") from None
        first, second = sorted(canonical(code, own) for code in ends)
        if (first, second) in seen:
            raise click.BadParameter(f"{printable(f'{first}-{second}')} is given twice", param_hint="--rtt")
        seen.add((first, second))
        given[first, second] = Circuit((first, second), rtt_ms, rtt_ms, rtt_ms, False, "given", "--rtt")
    return replace(own, circuits=given) if given or own.sites else None


def check_rtts(rtts: Sequence[str], own: Circuits | None, made: Plan) -> None:
    """See that each ``--rtt`` decides the delay of a circuit: else a slip of the pen would change nothing, unseen.

    Raises:
        click.BadParameter: no circuit joins its sites, or all that do have a delay of their own.
    """
    from gtsdsl.circuits import canonical

    sites = {host.name: host.site for host in made.hosts} | {switch.name: switch.site for switch in made.switches}
    joined: dict[str, list[Circuit]] = {}
    for circuit in made.circuits:
        ends = [sites[end.node] for end in circuit.ends]
        joined.setdefault("-".join(sorted(canonical(site, own) for site in ends if site)), []).append(circuit)
    for text in rtts:
        codes = text.partition("=")[0].split("-")
        asked = "-".join(sorted(canonical(code.strip().upper(), own) for code in codes))
        if asked not in joined:
            near = did_you_mean(asked, sorted(it for it in joined if "-" in it))
            hint = f"; {near}" if near else ": `gtsdsl plan` shows those that there are"
            raise click.BadParameter(f"no circuit of this topology is {printable(asked, 80)}{hint}", param_hint="--rtt")
        if all(circuit.source == "link" for circuit in joined[asked]):
            found = ", ".join(printable(circuit.id, 40) for circuit in joined[asked][:4])
            raise click.BadParameter(
                f"{printable(asked, 80)} would change nothing: the topology states the `delay` of {found} itself",
                param_hint="--rtt",
            )


def _text(plan: Plan) -> str:
    """Return the plan as tables for people."""
    nodes: list[Sequence[str]] = []
    for host in plan.hosts:
        routes = [f"{item} via {route.gateway}" for route in host.routes for item in route.destinations]
        more = f", {len(routes) - _ROUTES_SHOWN} more" if len(routes) > _ROUTES_SHOWN else ""
        words = (host.name, host.id, host.cls, host.site or "", host.loopback, ", ".join(routes[:_ROUTES_SHOWN]) + more)
        nodes.append([printable(word, 200) for word in words])
    for switch in plan.switches:
        obeys = ", ".join(f"{item.address}:{item.port}" for item in switch.controllers)
        tree = "spanning tree; " if switch.spanning_tree else ""
        does = tree + (f"obeys {obeys}" if obeys else "learns")
        words = (switch.name, switch.id, switch.cls, switch.site or "", "", does)
        nodes.append([printable(word, 200) for word in words])
    circuits: list[Sequence[str]] = []
    for circuit in plan.circuits:
        ends = [f"{end.name} {end.address or ''}".strip() for end in circuit.ends]
        egress = circuit.first.egress
        figures = ["", "", "", "", "", ""]
        if egress is not None:
            figures = [
                f"{circuit.rtt_ns / 1e6:.3f} ms",
                circuit.source,
                f"{egress.jitter_ns / 1e6:g} ms" if egress.jitter_ns else "",
                f"{egress.loss_percent:g} %" if egress.loss_percent else "",
                f"{egress.rate_bps / 1e6:g} Mbit/s",
                f"{egress.queue_packets} packets",
            ]
        circuits.append([printable(word, 100) for word in (circuit.id, *ends, *figures)])
    parts = (
        [printable(f"testbed {plan.testbed}, seed {plan.seed}")],
        _table(("node", "id", "class", "site", "address", "routes"), nodes),
        _table(("circuit", "from", "to", "round trip", "source", "jitter", "loss", "rate", "queue"), circuits),
    )
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


_FIGURES = frozenset({"round trip", "jitter", "loss", "rate", "queue"})


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table. rich's own table takes a millisecond a row, and a plan has up to 100,000."""
    from rich.cells import cell_len

    lines = [headings, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def cell(text: str, heading: str, width: int) -> str:
        space = " " * (width - cell_len(text))
        return space + text if heading in _FIGURES else text + space

    return ["  ".join(map(cell, line, headings, widths)).rstrip() for line in lines]
