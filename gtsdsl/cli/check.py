"""`gtsdsl check`: report what is wrong with topologies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from gtsdsl.cli.help import Choice
from gtsdsl.cli.inputs import INPUT, find_inputs
from gtsdsl.cli.options import options
from gtsdsl.cli.output import wants_color, write_output, write_stdout
from gtsdsl.cli.overlay_fit import OverlayFit, fit_findings, require_known
from gtsdsl.cli.settings import parse_settings, set_option
from gtsdsl.diagnostics import Findings, GtsError
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.diagnostics.text import render
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import check
from gtsdsl.model.values import Value
from gtsdsl.text import quantity

_FORMATS = ("text", "json", "sarif", "github", "junit")


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=INPUT)
@click.option(
    "--format", "format_", type=Choice(_FORMATS), default="text", show_default=True, help="Format of the report."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File for the report; without it, standard output.",
)
@set_option
@click.option("--scenario", metavar="FILE.toml", help="Check this scenario, too, against the one topology FILE.")
@click.option("--address-plan", metavar="FILE.toml", help="Check these addresses, too, against the one topology FILE.")
@options(OverlayFit, "overlay")
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
def command(
    files: Sequence[str],
    format_: str,
    output: Path | None,
    settings: Sequence[str],
    scenario: str | None,
    address_plan: str | None,
    overlay: OverlayFit | None,
    strict: bool,
) -> None:
    """Report what is wrong with topologies.

    FILE is a file, a folder, or `-` for standard input. In a folder, all *.dsl and *.gts are checked; hidden
    folders and links to folders are skipped. The content of a file says whether it is DSL, GTS JSON or editor JSON.

    Exit status: 0 without errors; 1 with errors, also if FILE is missing, and with --strict also with warnings; 2 for
    wrong usage.

    \b
    Example:
      gtsdsl check examples/full_mesh.dsl
      gtsdsl check --strict --format sarif -o gtsdsl.sarif topologies/
      gtsdsl check examples/full_mesh.dsl --scenario examples/storm.toml
      gtsdsl check examples/full_mesh.dsl --address-plan examples/addresses.toml
      gtsdsl check examples/path_mtu.dsl --overlay flannel --overlay-mtu 1350
      gtsdsl check examples/mesh_of_n.dsl --set n=8
    """
    given_options = {
        "--set": settings or None,
        "--scenario": scenario,
        "--address-plan": address_plan,
        "--overlay": overlay,
    }
    parameters = parse_settings(settings)
    for option, given in given_options.items():
        if given is not None and len(files) != 1:
            raise click.UsageError(f"{option} is for one topology: give one FILE")
    if overlay is not None:
        require_known(overlay)
    reports: list[FileReport] = []
    shown = False
    is_alone = not any(given_options.values())
    checked = _check_all(files) if is_alone else _check_with(files[0], parameters, scenario, address_plan, overlay)
    for name, diagnostics in checked:
        reports.append(report(name, diagnostics))
        if diagnostics and format_ == "text" and output is None:  # at once, because a folder can take long
            write_stdout("\n" * shown + render(diagnostics, color=wants_color(sys.stdout)))
            shown = True
    if format_ != "text" or output is not None:
        write_output(output, _report_text(reports, format_, strict))
    errors, warnings = sum(item.errors for item in reports), sum(item.warnings for item in reports)
    totals = (quantity(len(reports), "file") + " checked", quantity(errors, "error"), quantity(warnings, "warning"))
    click.echo(", ".join(totals), err=True)
    if errors or (strict and warnings):
        sys.exit(1)


def _report_text(reports: Sequence[FileReport], format_: str, strict: bool) -> str:
    match format_:
        case "json":
            from gtsdsl.diagnostics import json

            return json.write(reports)
        case "sarif":
            from gtsdsl.diagnostics import sarif

            return sarif.write(reports)
        case "github":
            from gtsdsl.diagnostics import github

            return github.write(reports)
        case "junit":
            from gtsdsl.diagnostics import junit

            return junit.write(reports, strict=strict)
        case _:
            return "\n".join(item.text for item in reports if item.text)


def _check_all(files: Sequence[str]) -> Iterator[tuple[str, Findings]]:
    for name, problem in find_inputs(files):
        yield ("<stdin>" if name == "-" else name), (Findings([problem]) if problem else _check_one(name))


def _check_with(
    topology: str,
    parameters: Mapping[str, Value],
    scenario: str | None,
    address_plan: str | None,
    overlay: OverlayFit | None,
) -> Iterator[tuple[str, Findings]]:
    """Check a topology with values of its parameters, and what is given for it.

    If the topology is too broken, the names of a scenario and an address plan are not checked. If it has errors, the
    packets of an overlay are not checked.
    """
    from gtsdsl.scenario import load_scenario
    from gtsdsl.topology.address_plan import load_address_plan

    testbed = None
    try:
        source = read_source(topology)
        checked = check(source, parameters)
        testbed, found = checked.testbed, checked.diagnostics
        if overlay is not None and testbed is not None and not checked.has_errors:
            found = Findings.of((*found, *fit_findings(source, testbed, overlay)))
        yield ("<stdin>" if topology == "-" else topology), found
    except GtsError as error:
        yield topology, error.diagnostics
    if scenario is not None:
        yield scenario, _findings(partial(load_scenario, scenario, testbed))
    if address_plan is not None and testbed is not None:
        yield address_plan, _findings(partial(load_address_plan, address_plan, testbed))


def _findings(load: Callable[[], object]) -> Findings:
    try:
        load()
    except GtsError as error:
        return error.diagnostics
    return Findings()


def _check_one(name: str) -> Findings:
    try:
        return check(read_source(name)).diagnostics
    except GtsError as error:
        return error.diagnostics
