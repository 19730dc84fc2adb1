"""`gtsdsl bench`: measure overlays side by side, and show and compare the results."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emulator.bench.options import BenchOptions
from emulator.options import RunOptions
from gtsdsl.cli.bench.keys import CIRCUITS_FILE
from gtsdsl.cli.errors import complain, emulating
from gtsdsl.cli.help import Choice, CommandGroup, GroupedCommand
from gtsdsl.cli.inputs import INPUT
from gtsdsl.cli.network import NetworkOptions
from gtsdsl.cli.options import options, variables
from gtsdsl.text import printable, quantity

if TYPE_CHECKING:
    from emulator.bench.cells import Cell
    from emulator.bench.pool import Pool
    from emulator.bench.results import CellResult, Results

_RUN = "run"
_ARGUMENTS = "gtsdsl.bench.arguments"
_GROUPS = {
    "What is measured": (*variables(BenchOptions), "matrix", "init", "output"),
    "Where it runs": variables(RunOptions),
    "The network": variables(NetworkOptions, circuits_file=CIRCUITS_FILE),
}


class _OutputFolder(click.Path):
    """A folder for results, whose name is not empty, because `Path` takes an empty name for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the folder's path.

        Raises:
            click.BadParameter: the name is empty, or that of a file.
        """
        if not os.fspath(value):
            self.fail("the name of the folder is empty", param, ctx)
        return super().convert(value, param, ctx)


class _BenchGroup(CommandGroup):
    """A group whose command `run` is meant where the first argument names no command: ``gtsdsl bench mesh.dsl``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the name of the command that is meant."""
        run_options = {name for param in self.commands[_RUN].params for name in param.opts}
        first = args[0].partition("=")[0] if args else ""
        if first in run_options or (first and not first.startswith("-") and first not in self.commands):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_BenchGroup, invoke_without_command=False)
def command() -> None:
    """Measure overlays on a topology, side by side: `gtsdsl bench FILE` is `gtsdsl bench run FILE`.

    \b
    Example:
      gtsdsl bench examples/full_mesh.dsl --overlays none,flannel,weave -o report
      gtsdsl bench show report
      gtsdsl bench diff report newer
    """


class _RunCommand(GroupedCommand):
    """The command `run`, which can return its own arguments in one form."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments for `given`."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


def given() -> tuple[str, ...]:
    """Return the running command as `Results.command` has it."""
    context = click.get_current_context()
    values, _, _ = context.command.make_parser(context).parse_args(list(context.meta[_ARGUMENTS]))
    found = ["bench", _RUN]
    for param in context.command.params:
        value = values.get(str(param.name))
        if isinstance(param, click.Argument):
            found += [value] if isinstance(value, str) else []  # a missing one is None or, from click 8.3, a mark
        elif isinstance(param, click.Option) and value is not None:
            name = max(param.opts, key=len)
            found += [name] if param.is_flag else [f"{name}={it}" for it in (value if param.multiple else [value])]
    return tuple(found)


@command.command(_RUN, cls=_RunCommand, groups=_GROUPS, short_help="Measure overlays on a topology.")
@click.argument("file", type=INPUT, required=False)
@options(BenchOptions, "bench")
@click.option("--matrix", type=INPUT, metavar="FILE.toml", help="Options of a benchmark of the topology FILE.")
@click.option("--init", is_flag=True, help="Write bench.toml beside the topology FILE, with all options, and end.")
@click.option(
    "-o",
    "--output",
    type=_OutputFolder(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    metavar="DIR",
    help="Folder of the results.",
)
@options(RunOptions, "run")
@options(NetworkOptions, "network", circuits_file=CIRCUITS_FILE)
def run(
    file: str | None,
    bench: BenchOptions,
    matrix: str | None,
    init: bool,
    output: Path,
    run: RunOptions,
    network: NetworkOptions,
) -> None:
    """Measure each overlay with each workload between each two hosts that a circuit of the topology FILE joins.

    FILE is a topology, or a TOML file with the options of a benchmark and the name of its topology; --init writes such
    a file. A benchmark can have parts, each with its own topology. An option on the command line replaces that of the
    file. --like measures as a study did, without a FILE.

    Each measurement is a cell, and has its own network. Results are kept in --output. A benchmark that was stopped
    goes on where it was: a cell whose topology, overlay, workload, kernel and programs have not changed does not run
    again. Other cells go on when a cell fails; the exit status is then 1.

    \b
    Example:
      gtsdsl bench run examples/full_mesh.dsl --overlays none,flannel -o report
      gtsdsl bench run examples/full_mesh.dsl --circuits AMS-BRA -o report
      gtsdsl bench run --init examples/mesh_of_n.dsl --set n=4
      gtsdsl bench run bench.toml --repetitions 3
      gtsdsl bench run --like seed-2016 --as-measured -o study
    """
    import sys

    from emulator.bench.origin import origin
    from emulator.bench.results import VERSION, Results
    from gtsdsl.cli.bench.choice import chosen_parts, find_parts, overridden
    from gtsdsl.cli.bench.init import write_matrix
    from gtsdsl.cli.bench.measure import measure
    from gtsdsl.cli.bench.parts import benchmark_of
    from gtsdsl.cli.bench.report import write_report
    from gtsdsl.cli.bench.text import tables

    with emulating():
        if init:
            write_matrix(file, network.settings)
            return
        parts = chosen_parts(find_parts(file, matrix, bench.like, allow_programs=bench.allow_programs), bench.parts)
        measured = benchmark_of(parts, bench, network)
        bench, run = overridden(bench, parts[0]), overridden(run, parts[0])  # in what follows, all parts are alike
        for sentence in measured.left_out:
            complain("warning", sentence)
        pool = _pool(bench, run, measured.cells)
        results_of = partial(Results, VERSION, given(), origin(), measured.topologies, cost_tables=measured.cost_tables)
        results = measure(measured.cells, run, output, pool, results_of, fail_fast=bench.fail_fast)
    tables(results.cells)
    click.echo(f"the report: {write_report(results, output, anew=False)}")
    sys.exit(any(result.error is not None for result in results.cells))


def _pool(bench: BenchOptions, run: RunOptions, cells: Sequence[Cell]) -> Pool:
    from emulator.bench.pool import LocalPool
    from gtsdsl.cli.bench.measure import fitting_workers

    if bench.scheduler is not None:
        from emulator.bench.cluster.pool import ClusterPool

        return ClusterPool(bench.scheduler, lambda message: complain("warning", message), bench.workers)
    return LocalPool(fitting_workers(bench.workers, run, cells))


@command.command(short_help="Print the tables of a benchmark.")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("report"))
@click.option(
    "--format",
    "format_",
    type=Choice(["text", "markdown", "csv", "json"]),
    default="text",
    show_default=True,
    help="Tables for people, or all figures as CSV or JSON.",
)
@click.option(
    "--cell",
    "key",
    metavar="KEY",
    help="Print all of one cell, and the command that repeats it. A part of the key does.",
)
def show(folder: Path, format_: str, key: str | None) -> None:
    """Print the tables of the benchmark in FOLDER, without measuring anything.

    Cells that failed are named on standard error.

    \b
    Example:
      gtsdsl bench show report
      gtsdsl bench show report --format markdown
      gtsdsl bench show report --cell 3f9a
    """
    from emulator.bench.store import read_results
    from emulator.bench.tables import to_csv
    from emulator.system.decode import encode
    from gtsdsl.cli.bench.text import details, markdown, tables
    from gtsdsl.cli.output import write_stdout

    with emulating():
        results = read_results(folder)
    if key is not None:
        results = replace(results, cells=(_cell(results, key),))
    match format_:
        case "json":
            write_stdout(encode(results) + b"\n")
        case "csv":
            write_stdout(to_csv(results.cells))
        case "markdown":
            write_stdout(markdown(results.cells))
        case _ if key is not None:
            write_stdout(details(results, results.cells[0]))
        case _:
            tables(results.cells)
    for it in results.cells if key is None else ():
        if it.error is not None:
            complain("error", f"{it.overlay} {it.where} {it.workload} {it.level} {it.repetition}: {it.error}")


def _cell(results: Results, key: str) -> CellResult:
    """Return the only cell whose key begins so.

    Raises:
        click.BadParameter: no cell has such a key, or several have.
    """
    found = {it.key: it for it in results.cells if it.key.startswith(key)}
    if len(found) == 1:
        return next(iter(found.values()))
    said = f"{quantity(len(found), 'cell')} have a key that begins with" if found else "no cell has the key"
    raise click.BadParameter(f"{said} `{printable(key)}`: results.csv has the keys", param_hint="--cell")


@command.command(short_help="Write the report of a benchmark.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("report"))
def report(folder: Path) -> None:
    """Write the report of the benchmark in FOLDER anew, without measuring anything.

    The report is a page (index.html), a text (report.md), and each plot as SVG, PDF and PNG (plots/).

    \b
    Plots need an extra:
      pip install 'gtsdsl[bench]'

    \b
    Example:
      gtsdsl bench report report
    """
    from emulator.bench.store import read_results
    from gtsdsl.cli.bench.report import write_report

    with emulating():
        results = read_results(folder)
    click.echo(f"the report: {write_report(results, folder, anew=True)}")


def _require_number(_context: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


@command.command(short_help="Show what differs between two benchmarks.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--fail-on",
    type=click.FloatRange(min=0),
    callback=_require_number,
    metavar="PERCENT",
    help="Exit with status 1 if a figure differs by more than its spread, and by more than this.",
)
def diff(before: Path, after: Path, fail_on: float | None) -> None:
    """Show the figures of AFTER that differ from those of BEFORE by more than their spread.

    The spread is that of the repetitions: a 95 % bootstrap interval of the difference of the means. Where repetitions
    are the same, as in the virtual clock, each difference is shown that is more than the measurement resolves. With one
    repetition of the real clock, the spread is unknown, and each difference is shown.

    \b
    Example:
      gtsdsl bench diff report newer
      gtsdsl bench diff report newer --fail-on 1
    """
    import sys

    from emulator.bench.diff import compare
    from emulator.bench.store import read_results
    from gtsdsl.cli.bench.text import differences

    with emulating():
        comparison = compare(read_results(before), read_results(after))
    differences(comparison)
    if not comparison.compared:
        complain("error", "the two benchmarks have no figure in common")
        sys.exit(1)
    if fail_on is not None and any(item.is_beyond(fail_on) for item in comparison.differences):
        sys.exit(1)
