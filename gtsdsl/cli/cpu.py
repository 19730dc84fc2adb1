"""`gtsdsl cpu`: show the tables of what packets cost on a host's processors, and measure one."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from emulator.cpu.model import CpuModel, capacity_pps
from emulator.cpu.shipped import NONE, tables
from gtsdsl.cli.builds import build_progress
from gtsdsl.cli.errors import complain, emulating
from gtsdsl.cli.help import Choice, CommandGroup, format_option
from gtsdsl.cli.options import Number
from gtsdsl.cli.output import check_output, output_option, write_output, write_stdout
from gtsdsl.cli.text_table import text_table
from gtsdsl.model.units import MIN_CPUS, MTU_BYTES
from gtsdsl.text import printable, quantity

if TYPE_CHECKING:
    from emulator.cpu.table import Cost, CostTable, Interval, Stage

_VERSION = 1
_NOTHING = "packets cost nothing"
_SMALL_BYTES = 64
_HOST = "host"
_LONGEST = 2000
_MIN_REPETITIONS, _MAX_REPETITIONS = 10, 100_000


@click.group(cls=CommandGroup)
def command() -> None:
    """Show what packets cost on a host's processors, by cost tables, and measure a table on this machine.

    `gtsdsl emulate`, `plan` and `bench` take a table with --cpu-model.

    \b
    Example:
      gtsdsl cpu tables
      gtsdsl cpu show study-2016 --cpus 0.25
      gtsdsl cpu calibrate -o machine.toml
    """


@command.command("tables", short_help="List the cost tables that ship with gtsdsl.")
@format_option
def tables_(format_: str) -> None:
    """List the cost tables that ship with gtsdsl, with the machine that each describes.

    A table that has no cost for a stage cannot be used with the overlays that need the stage.

    \b
    Example:
      gtsdsl cpu tables
      gtsdsl cpu tables --format json
    """
    found = {name: _table(name) for name in (NONE, *tables())}
    if format_ == "json":
        listed = [
            {"name": name, "description": _description(table), "lacks": _lacking(table)}
            for name, table in found.items()
        ]
        _print_json({"tables": listed})
        return
    rows = [(name, _description(table)) for name, table in found.items()]
    write_stdout("".join(f"{line}\n" for line in text_table(("table", "describes"), rows)))


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    names = [CompletionItem(name) for name in (NONE, *tables()) if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


@command.command(short_help="Show a cost table, its sources, and what it gives.")
@click.argument("name", metavar="NAME|FILE", shell_complete=_complete)
@click.option(
    "--cpus", type=float, metavar="NUMBER", help="Processors of the host: 0.5 is half of one.  [default: all cores]"
)
@click.option(
    "--offload",
    type=Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Whether one packet may have many segments of TCP.",
)
@format_option
def show(name: str, cpus: float | None, offload: str, format_: str) -> None:
    """Show the costs of a table with their sources, and how many packets a host can take with them.

    For each kind of packet, show the time that a host works on a packet of 1,500 and of 64 bytes, and the most packets
    of 1,500 bytes that one core takes each second: above it, UDP loses packets. Where the table lacks a stage, the line
    names it.

    \b
    Example:
      gtsdsl cpu show study-2016
      gtsdsl cpu show examples/cost_table.toml --cpus 0.5 --offload off
    """
    table = _table(name)
    if table is None:
        if format_ == "json":
            _print_json({"table": NONE, "description": _NOTHING})
        else:
            write_stdout(f"{NONE}: {_NOTHING}\n")
        return
    share = float(table.cores) if cpus is None else cpus
    if not MIN_CPUS <= share <= table.cores:
        limits = f"{MIN_CPUS:g} to {table.cores}"
        raise click.BadParameter(
            f"a host of {printable(table.name, 200)} has {limits} processors, not {share:g}", param_hint="--cpus"
        )
    model = CpuModel.of(table, {_HOST: share}, offload=offload == "on")
    if format_ == "json":
        _print_json(_document(table, model))
    else:
        write_stdout("".join(f"{printable(line, _LONGEST)}\n" for line in _lines(table, model)))


@command.command(short_help="Measure the costs of packets on this machine.")
@output_option()
@click.option(
    "--repetitions",
    type=Number(_MIN_REPETITIONS, _MAX_REPETITIONS),
    default=300,
    show_default=True,
    metavar="NUMBER",
    help="How often each chain of stages is measured.",
)
@click.option(
    "--cpu",
    type=Number(0),
    metavar="NUMBER",
    help="Processor that does the work.  [default: the last one of the fastest kind]",
)
@click.option("--force", is_flag=True, help="Write the table of a busy machine, too; the table says so.")
def calibrate(output: Path | None, repetitions: int, cpu: int | None, force: bool) -> None:
    """Measure what packets cost at each stage on this machine's own kernel, and write a cost table.

    Packets go through namespaces that exist only meanwhile, without a guest. It takes half a minute of processor time.
    Stages that this machine lacks are named and left out, and a network card cannot be measured.

    The exit status is 3, and nothing is written, if other work disturbs the measurement too much, or if this machine
    does not let you make networks.

    \b
    Example:
      gtsdsl cpu calibrate -o machine.toml
      gtsdsl cpu show machine.toml
      gtsdsl plan examples/full_mesh.dsl --cpu-model machine.toml
    """
    check_output(output, "-o")
    with emulating():
        from emulator.calibration.document import table_text
        from emulator.calibration.measurement import measure, require_linux
        from emulator.system.user_namespace import enter

        require_linux()
        enter()
        with build_progress() as progress:
            measurement = measure(repetitions, cpu, progress)
        for stage, reason in measurement.missing.items():
            complain("warning", f"without the stage {stage}: {reason}")
        if not force:
            measurement.require_quiet()
        write_output(output, table_text(measurement, shlex.join(["gtsdsl", *sys.argv[1:]])))


def _table(name: str) -> CostTable | None:
    """Return a table by its name or file; None for `NONE`."""
    from emulator.plan.cpu import CpuError, cost_table

    try:
        return cost_table(name)
    except CpuError as error:
        raise click.BadParameter(str(error), param_hint="NAME|FILE") from None


def _description(table: CostTable | None) -> str:
    return _NOTHING if table is None else printable(table.description, _LONGEST)


def _lacking(table: CostTable | None) -> list[str]:
    """Return the stages that a table has no cost for, and that an overlay needs."""
    from emulator.overlays.catalog import stages_by_way

    if table is None:
        return []
    model = CpuModel.of(table, {}, offload=True)
    return sorted({stage for stages in stages_by_way().values() for stage in model.missing(stages)})


def _costs(model: CpuModel) -> Iterator[tuple[str, tuple[str, ...], Cost]]:
    """Yield each kind of packet, the stages that the table lacks for it, and its cost on the host."""
    from emulator.overlays.catalog import stages_by_way

    for way, stages in stages_by_way().items():
        yield way, model.missing(stages), model.on(_HOST, stages)


def _document(table: CostTable, model: CpuModel) -> dict[str, object]:
    stages = {
        name: {
            **_figures(stage.cost),
            "packet_ns_interval": stage.packet_ns_interval,
            "byte_ns_interval": stage.byte_ns_interval,
            "without_offload": stage.without_offload and _figures(stage.without_offload),
            "source": stage.source,
        }
        for name, stage in table.stages.items()
    }
    ways = [{"packets": way, "lacks": lacks, **({} if lacks else _given(cost))} for way, lacks, cost in _costs(model)]
    return {
        "table": table.name,
        "description": table.description,
        "sha256": table.sha256,
        "cores": table.cores,
        "rules": table.rules,
        "backlog_packets": table.backlog_packets,
        "cpus": model.cpus[_HOST],
        "queues": model.queues(_HOST),
        "offload": model.offload,
        "stages": stages,
        "ways": ways,
    }


def _figures(cost: Cost) -> dict[str, float]:
    return {"packet_ns": cost.packet_ns, "byte_ns": cost.byte_ns}


def _given(cost: Cost) -> dict[str, object]:
    """Return the cost of a packet, its time by the bytes of its frame, and the knee of UDP; None for no knee."""
    most_pps = capacity_pps(cost, MTU_BYTES)
    is_bounded = math.isfinite(most_pps)
    return {
        **_figures(cost),
        "service_ns": {str(size): cost.of(size) for size in (MTU_BYTES, _SMALL_BYTES)},
        "most_pps": most_pps if is_bounded else None,
        "most_bps": most_pps * MTU_BYTES * 8 if is_bounded else None,
    }


def _lines(table: CostTable, model: CpuModel) -> Iterator[str]:
    """Yield the lines of a table for people: its figures, what follows from them, and their sources."""
    yield f"{table.name}: {table.description}" if table.description else table.name
    host = f"{model.cpus[_HOST]:g} of {quantity(table.cores, 'core')}, {quantity(model.queues(_HOST), 'queue')}"
    rules = f"{quantity(table.rules, 'rule')} of a packet filter"
    yield f"{host}, {quantity(table.backlog_packets, 'packet')} wait; {rules}; digest {table.sha256[:12]}"
    yield ""
    offload = f"{'with' if model.offload else 'without'} offload"
    headings = (f"stage, {offload}, on a whole core", "a packet", "a byte")
    yield from text_table(
        headings, [_stage_row(name, stage, model) for name, stage in table.stages.items()], headings[1:]
    )
    yield ""
    limits = (f"packets of, {offload}", "1,500 bytes", "64 bytes", "UDP on one core", "as a rate", "")
    yield from text_table(limits, [*_way_rows(model)], limits[1:5])
    yield ""
    for name, stage in table.stages.items():
        yield f"{name}: {' '.join(stage.source.split())}"


def _stage_row(name: str, stage: Stage, model: CpuModel) -> tuple[str, str, str]:
    cost = stage.of(offload=model.offload)
    if cost is not stage.cost:  # the intervals are those of the figures with offload
        return name, _ns(cost.packet_ns, None), _ns(cost.byte_ns, None)
    return name, _ns(cost.packet_ns, stage.packet_ns_interval), _ns(cost.byte_ns, stage.byte_ns_interval)


def _ns(value: float, interval: Interval | None) -> str:
    """Return a time, and its interval if there is one: ``570 ns (561 to 583)``."""
    return f"{value:,.6g} ns" + ("" if interval is None else f" ({interval[0]:,.4g} to {interval[1]:,.4g})")


def _way_rows(model: CpuModel) -> Iterator[tuple[str, ...]]:
    """Yield a row for each kind of packet: its times, the knee of UDP, or what the table lacks."""
    for way, lacks, cost in _costs(model):
        if lacks:
            yield way, "", "", "", "", f"lacks {', '.join(lacks)}"
            continue
        most_pps = capacity_pps(cost, MTU_BYTES)
        times = (f"{cost.of(size) / 1000:,.4g} µs" for size in (MTU_BYTES, _SMALL_BYTES))
        most = (f"{most_pps:,.0f} /s", f"{most_pps * MTU_BYTES * 8 / 1e6:,.5g} Mbit/s")
        yield way, *times, *(most if math.isfinite(most_pps) else ("no limit", "")), ""


def _print_json(document: Mapping[str, object]) -> None:
    click.echo(json.dumps({"version": _VERSION, **document}, indent=2))
