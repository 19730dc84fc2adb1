"""The options of `gtsdsl emulate` that are about overlays, and how what came of one is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from gtsdsl.circuits import measurement
from gtsdsl.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from emulator.overlays.model import OverlaySpec, PairProbe
    from emulator.overlays.outcome import OverlayOutcome
    from emulator.plan import Plan

_Command = TypeVar("_Command", bound=Callable[..., object])

OVERLAY_ONLY = ("containers", "runtime", "store", "overlay_network", "image")
"""The options that mean nothing without ``--overlay``."""

_OPTIONS = (
    click.option(
        "--overlay",
        metavar="NAME[:FORM]",
        help="Join containers on all hosts: flannel, flannel:udp, libnetwork:swarm, none, …",
    ),
    click.option(
        "--containers",
        type=click.IntRange(min=0),
        default=1,
        show_default=True,
        help="On each host: c1, c2, …",
    ),
    click.option(
        "--runtime",
        type=click.Choice(["process", "docker"]),
        help="What a container is: processes in a network of their own, or one of a `dockerd` in its host.",
    ),
    click.option(
        "--store", metavar="HOST|SITE|ADDRESS", help="Where the overlay's etcd is.  [default: the first host]"
    ),
    click.option("--overlay-network", metavar="CIDR", help="The containers' addresses.  [default: 10.244.0.0/16]"),
    click.option(
        "--image",
        metavar="IMAGE",
        help="Of Docker's containers: an archive (`docker save`, a root file system), or a name that your Docker has.",
    ),
    click.option("--flavors", is_flag=True, help="A container has as much of the machine as its host's flavorId says."),
)


def overlay_options(command: _Command) -> _Command:
    """The options about overlays."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def overlay_table(plan: Plan, spec: OverlaySpec, outcome: OverlayOutcome) -> Iterator[RenderableType]:
    """What `--probe` shows of an overlay: its round trips beside the machines' and the study's, and what it is."""
    from rich.table import Table
    from rich.text import Text

    from emulator.measure.probe import rtt_text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("circuit", "between"):
        table.add_column(heading, no_wrap=True)
    numbers = ["expected", "machines", "containers", "error", "lost"]
    site_of = {host.name: host.site for host in plan.hosts}
    figures = {(item.first, item.second): _study(spec.name, site_of, item) for item in outcome.pairs}
    has_study = any(figures.values())
    if has_study:
        numbers += ["study: min", "mean", "p99"]
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    for item in outcome.pairs:
        row = [
            printable(", ".join(item.circuits) or "several ways", 40),
            printable(f"{item.containers[0]} on {item.first} – {item.containers[1]} on {item.second}", 80),
            "" if item.expected_us is None else f"{item.expected_us / 1e3:.6f} ms",
            rtt_text(item.machine_us),
            rtt_text(item.container_us),
            "" if item.error_us is None else f"{item.error_us:+.3f} µs",
            str(item.lost) if item.lost else "",
        ]
        if has_study:
            row += [f"{figure:.1f} ms" for figure in figures[item.first, item.second]]
        table.add_row(*(Text(cell) for cell in row))
    yield table
    yield about(spec, outcome)
    if has_study:
        yield Text(
            f"study: containers over {spec.name} between the same sites in 2016; its circuits were not the same for"
            " each overlay"
        )


def gaps(outcome: OverlayOutcome) -> Iterator[str]:
    """The pairs of hosts whose containers never reached each other, a sentence each."""
    for item in outcome.first_packets:
        if item.after_ns is None:
            yield f"the containers of {item.first} and {item.second} do not reach each other"


def about(spec: OverlaySpec, outcome: OverlayOutcome) -> Text:
    """What an overlay is, who brought it up, and how long that took, in a line."""
    from rich.text import Text

    return Text(printable("; ".join(_about(spec, outcome)), 1000))


def _about(spec: OverlaySpec, outcome: OverlayOutcome) -> Iterator[str]:
    yield f"{spec.name} {spec.variant}, {outcome.agent}"
    if outcome.store is not None and outcome.store_ns is not None and spec.store is not None:
        where = spec.store.host or spec.store.address
        yield f"{outcome.store} on {where}, ready after {outcome.store_ns / 1e9:.3f} s"
    times = [item.after_ns / 1e9 for item in outcome.first_packets if item.after_ns is not None]
    if times:
        yield f"first packets {min(times):.3f} to {max(times):.3f} s after the overlay’s start"


def _study(overlay: str, site_of: dict[str, str | None], item: PairProbe) -> tuple[float, ...]:
    found = measurement(site_of.get(item.first), site_of.get(item.second), overlay)
    return () if found is None else (found.min_ms, found.mean_ms, found.p99_ms)
