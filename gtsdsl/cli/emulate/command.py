"""`gtsdsl emulate`: run a topology as a real network, and work in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emulator.options import HostOptions, OverlayOptions, RunOptions
from gtsdsl.cli.circuit_options import custom_circuits, require_effect
from gtsdsl.cli.emulate.arguments import parse_captures, parse_command
from gtsdsl.cli.emulate.machine import is_person, warn_if_unconfined
from gtsdsl.cli.emulate.report import progress, report
from gtsdsl.cli.errors import complain, emulating
from gtsdsl.cli.help import Choice, GroupedCommand
from gtsdsl.cli.inputs import INPUT
from gtsdsl.cli.network import NetworkOptions, read_scenario_of, read_testbed
from gtsdsl.cli.options import Number, options, variables
from gtsdsl.cli.output import check_output, write_output
from gtsdsl.cli.plan_options import plan_options
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.measure.probe import Family
    from emulator.outside.request import RunRequest
    from emulator.outside.runner import RunSettings

_FAMILIES: Mapping[str, tuple[Family, ...]] = {"4": (4,), "6": (6,), "both": (4, 6)}
"""The IP versions of each value of --family."""
_GROUPS = {
    "Where it runs": variables(RunOptions),
    "What runs in it": (
        *("commands", "script", "probe", "count", "family", "captures", "keep_going", "allow_programs", "output"),
    ),
    "The network": (*variables(NetworkOptions), *variables(HostOptions)),
    # --image is for hosts and for containers
    "Containers and overlays": tuple(it for it in variables(OverlayOptions) if it not in variables(HostOptions)),
}


@click.command(cls=GroupedCommand, groups=_GROUPS)
@click.argument("file", type=INPUT)
@options(RunOptions, "run")
@click.option(
    "--exec",
    "commands",
    metavar="'HOST: COMMAND'",
    multiple=True,
    help="Run a command in the shell of a host. Repeatable.",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
    metavar="FILE.py",
    help="Run a Python file, in which `net` is the network, with Mininet's API.",
)
@click.option(
    "--probe", is_flag=True, help="Measure the round trip over each circuit, and show it beside the expected one."
)
@click.option("--count", type=Number(1, 1_000_000), default=10, show_default=True, help="Echoes over each circuit.")
@click.option(
    "--family",
    type=Choice(list(_FAMILIES)),
    default="4",
    show_default=True,
    help="IP version of --probe's echoes. An echo by IPv6 has 20 bytes more.",
)
@click.option(
    "--capture",
    "captures",
    metavar="LINK=FILE.pcap",
    multiple=True,
    help="Write the packets of a circuit to a file for Wireshark. Repeatable.",
)
@click.option("--keep-going", is_flag=True, help="Go on after a command that fails.")
@click.option("--allow-programs", is_flag=True, help="Let the file of --scenario start commands on hosts.")
@click.option(
    "--json",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File for the result with all samples; needs --probe, --exec, --script or --scenario.",
)
@options(NetworkOptions, "network")
@options(HostOptions, "hosts")
@options(OverlayOptions, "overlay")
def command(
    file: str,
    run: RunOptions,
    commands: Sequence[str],
    script: Path | None,
    probe: bool,
    count: int,
    family: str,
    captures: Sequence[str],
    keep_going: bool,
    allow_programs: bool,
    output: Path | None,
    network: NetworkOptions,
    hosts: HostOptions,
    overlay: OverlayOptions | None,
) -> None:
    """Run the topology FILE as a real network with the delays of its circuits.

    Without --exec, --script and --probe, a shell opens, in which you run commands on hosts. Without a terminal, the
    shell runs the lines of standard input. The shell's exit status is 0. With --exec, --script or --probe, the exit
    status is that of the first command that failed. --probe runs first, then each --exec in order, then --script. Hosts
    resolve each other's names. For the clock of a run, see --clock.

    With --scenario, events happen meanwhile, each at its time after the start of the network. With nothing else to do,
    the run lasts until the scenario's end.

    \b
    Example:
      gtsdsl emulate examples/full_mesh.dsl --probe
      gtsdsl emulate examples/full_mesh.dsl --exec 'h1: ping -c 3 h2'
      gtsdsl emulate examples/full_mesh.dsl --rtt AMS-MIL=40ms --probe
      gtsdsl emulate examples/full_mesh.dsl --probe --family both
      gtsdsl emulate examples/full_mesh.dsl --overlay flannel --probe
      gtsdsl emulate mesh.dsl --routing ospf --exec 'h1: birdc show route'
      gtsdsl emulate mesh.dsl --hosts docker --image debian:12 --probe
      gtsdsl emulate mesh.dsl --scenario storm.toml --allow-programs
      gtsdsl emulate examples/full_mesh.dsl
    """
    began = datetime.now(UTC)
    from emulator.kernel.choose import choose
    from emulator.outside.request import request_run
    from emulator.outside.run_task import run_task, write_to
    from emulator.outside.runner import settle
    from emulator.plan.cpu import check_names, check_scenario

    with emulating():
        testbed = read_testbed(file, network)
        circuits = custom_circuits(network)
        chosen = plan_options(network, circuits)
        scenario = read_scenario_of(testbed, network, allow_programs=allow_programs)
        request = request_run(testbed, chosen, overlay, hosts)
        require_effect(network, circuits, request.task.plan)
        check_names(request.task.plan, chosen.cpu, request.task.container_names)
        check_scenario(request.task.plan, scenario)
        parsed = tuple(parse_command(text, request.task) for text in commands)
        captured = parse_captures(captures, request.task.plan)
        has_actions = bool(parsed or script or probe)
        interactive = not has_actions and scenario is None and is_person()
        if family != "4" and network.ipv4_only:
            raise click.UsageError(f"--family {family} needs IPv6: omit --ipv4-only")
        if family != "4" and request.task.overlay is not None and request.task.overlay.ipv6_pool is None:
            raise click.UsageError(
                f"--family {family} measures containers too, which have IPv4 only: add --overlay-ipv6"
            )
        if output is not None and not has_actions and scenario is None:
            raise click.UsageError(
                "--json writes the result of --probe, --exec, --script and --scenario: add one of them"
            )
        check_output(output, "--json")
        settings = settle(run, choose(run.kernel, run.clock, interactive=interactive), request.memory_bytes)
        for warning in _warnings(request, settings, flavors=hosts.flavors):
            complain("warning", warning)
        if settings.choice.kernel is not None:
            warn_if_unconfined()
        if interactive:
            from emulator.outside.prompt import run_prompt

            task = replace(request.task, kind="shell", captures=captured)
            sys.exit(run_prompt(settings, task))
        lines = () if has_actions else _typed_lines()
        task = replace(
            request.task,
            kind="actions" if has_actions or (scenario is not None and not lines) else "shell",
            probe_count=count if probe else 0,
            probe_families=_FAMILIES[family],
            commands=parsed,
            script=str(script) if script else None,
            lines=lines,
            keep_going=keep_going,
            captures=captured,
            scenario=scenario,
        )
        json_on_stdout = output is not None and str(output) == "-"
        with progress() as show_progress:
            outcome = run_task(settings, task, write_to(2 if json_on_stdout else 1), write_to(2), show_progress)
        report(task, outcome, settings, to_stderr=json_on_stdout)
        if output is not None:
            from emulator.outside.results import result_json

            write_output(output, result_json(settings, task, outcome, sys.argv[1:], began))
        sys.exit(outcome.exit_status)


def _typed_lines() -> tuple[str, ...]:
    """Return the lines for the shell on standard input; none from a terminal, or if the user's shell closed it."""
    if sys.stdin is None or sys.stdin.isatty():
        return ()
    return tuple(sys.stdin.buffer.read().decode(errors="surrogateescape").splitlines())


def _warnings(request: RunRequest, settings: RunSettings, *, flavors: bool) -> Iterator[str]:
    """Yield warnings about a run, for the user to read before its results."""
    from emulator.kernel.kinds import Clock

    kernel = settings.choice.kernel
    if unknown := [circuit.id for circuit in request.task.plan.circuits if circuit.source == "unknown"]:
        yield f"no delay is known for {_listed(unknown)}: set one with --rtt, `delay`, or a `location` at each end"
    if kernel is not None and settings.is_virtual and not kernel.seeded:
        yield "this kernel's random numbers differ from run to run: gtsdsl kernel build"
    if request.task.overlay is not None:
        from emulator.overlays.mtu import misfits

        yield from (f"{it.message}; {it.hint}" for it in misfits(request.task.overlay, request.task.plan))
    has_daemons = request.task.overlay is not None or request.task.docker_hosts
    if has_daemons and kernel is not None and settings.memory_bytes < request.memory_bytes:
        usual = f"{request.memory_bytes // 2**20}M"
        yield f"with less --memory than {usual}, the default of this run, programs may die or hang"
    if flavors and (
        unlimited := [host.name for host in request.task.plan.hosts if host.flavor_id is None and not host.is_store]
    ):
        yield f"{_listed(unlimited)}: no flavorId, so no limit"
    if flavors and settings.choice.clock is Clock.VIRTUAL and request.task.plan.cpu is None:
        yield "in a virtual clock computing takes no time, so flavors limit memory and no processors"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(name, 40) for name in names[:5]) + (", …" if len(names) > 5 else "")
