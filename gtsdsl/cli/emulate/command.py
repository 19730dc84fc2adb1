"""`gtsdsl emulate`: bring a topology up as a real network, and work in it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gtsdsl.cli.emulate.arguments import parse_captures, parse_command, parse_image_map
from gtsdsl.cli.emulate.overlay_report import OVERLAY_ONLY, gaps, overlay_options
from gtsdsl.cli.emulate.report import losses, notice, show
from gtsdsl.cli.errors import (
    complain,
    emulating,
    guest_options,
    is_person,
    parse_memory,
    parse_output_limit,
    warn_if_unconfined,
)
from gtsdsl.cli.help import GroupedCommand
from gtsdsl.cli.output import check_output, write_output
from gtsdsl.cli.plan import asked_testbed, check_rtts, plan_options, user_circuits
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.outside.runner import Where
    from emulator.overlays.model import Runtime
    from emulator.plan import Plan
    from emulator.plan.model import SwitchKind


_GROUPS = {
    "Where it runs": ("kernel", "clock", "memory", "timeout", "patience", "output_limit"),
    "What runs in it": ("commands", "script", "probe", "count", "captures", "keep_going", "output"),
    "The network": ("rtts", "circuits_file", "settings", "switch", "seed", "hosts", "image_map"),
    "Containers and overlays": ("overlay", *OVERLAY_ONLY, "flavors"),
}


@click.command(cls=GroupedCommand, groups=_GROUPS)
@click.argument("file", type=click.Path())
@click.option(
    "--kernel",
    type=click.Choice(["auto", "native", "uml", "uml-packaged", "host"]),
    default="auto",
    show_default=True,
    help="Kernel to run in: this machine's own, the built guest kernel, Debian's packaged guest kernel.",
)
@click.option(
    "--clock",
    type=click.Choice(["auto", "virtual", "skip", "real"]),
    default="auto",
    show_default=True,
    help="virtual: work takes no time, waiting is skipped. skip: waiting is skipped. real: neither.",
)
@click.option("--exec", "commands", metavar="HOST: COMMAND", multiple=True, help="Run a command in a host's shell.")
@click.option(
    "--script",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
    metavar="FILE.py",
    help="Run a Python file, to which the network is known as `net`, with Mininet's API.",
)
@click.option("--probe", is_flag=True, help="Measure the round trip over each circuit, beside what is expected.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="Echoes a circuit.")
@click.option(
    "--capture", "captures", metavar="LINK=FILE.pcap", multiple=True, help="Keep a circuit's packets, for Wireshark."
)
@click.option("--json", "output", type=click.Path(path_type=Path), metavar="OUT", help="Write the result and samples.")
@plan_options
@click.option(
    "--hosts",
    type=click.Choice(["process", "docker"]),
    default="process",
    show_default=True,
    help="What a host is: processes in a network of their own, or a container of Docker, as in Containernet.",
)
@click.option(
    "--image-map",
    "image_map",
    metavar="IMAGEID=IMAGE",
    multiple=True,
    help="For --hosts docker: the image (an archive, or a name that your Docker has) for an imageId.",
)
@overlay_options
@guest_options
@click.option("--keep-going", is_flag=True, help="Go on after a command that fails.")
def command(
    file: str,
    kernel: str,
    clock: str,
    commands: Sequence[str],
    script: Path | None,
    probe: bool,
    count: int,
    captures: Sequence[str],
    output: Path | None,
    rtts: Sequence[str],
    circuits_file: Path | None,
    settings: Sequence[str],
    switch: SwitchKind,
    seed: int,
    overlay: str | None,
    containers: int,
    runtime: Runtime | None,
    store: str | None,
    overlay_network: str | None,
    image: str | None,
    flavors: bool,
    hosts: str,
    image_map: Sequence[str],
    timeout: float | None,
    patience: float,
    memory: str | None,
    output_limit: str | None,
    keep_going: bool,
) -> None:
    """Run the topology FILE as a real network with its circuits' delays, and a shell, commands or measurements in it.

    With --exec, --script or --probe, or with lines for the shell on standard input, the clock is virtual unless said
    otherwise, and the exit status is that of the first command that failed. Else it opens a shell, in the real clock.
    Hosts know each other by name. --probe comes first, then each --exec in its order, then --script.

    \b
    Example:
      gtsdsl emulate examples/full_mesh.dsl --probe
      gtsdsl emulate examples/full_mesh.dsl --exec 'h1: ping -c 3 h2' --rtt AMS-MIL=40ms
      gtsdsl emulate examples/full_mesh.dsl
      gtsdsl emulate examples/full_mesh.dsl --overlay flannel --probe --exec 'c1: ping -c 3 c4'
    """
    _check_options(overlay, flavors=flavors, hosts=hosts, image_map=image_map)
    size, most = parse_memory(memory), parse_output_limit(output_limit)
    began = datetime.now(UTC)
    from emulator.kernel.choose import choose
    from emulator.kernel.guest import OUTPUT_BYTES
    from emulator.kernel.kinds import Clock, KernelKind
    from emulator.outside.request import ask
    from emulator.outside.run_task import run_task, write_to
    from emulator.outside.runner import Where
    from emulator.plan import Options
    from emulator.task import Task

    with emulating():
        circuits = user_circuits(rtts, circuits_file)
        asked = ask(
            asked_testbed(file, settings),
            Options(circuits=circuits, switch=switch, seed=seed),
            overlay=overlay,
            containers=containers,
            runtime=runtime,
            store=store,
            overlay_network=overlay_network,
            image=image,
            flavors=flavors,
            image_map=parse_image_map(image_map) if hosts == "docker" else None,
        )
        check_rtts(rtts, circuits, asked.plan)
        parsed = tuple(parse_command(text, asked.plan, asked.overlay) for text in commands)
        captured = parse_captures(captures, asked.plan)
        has_actions = bool(parsed or script or probe)
        interactive = not has_actions and is_person()
        if output is not None and not has_actions:
            raise click.UsageError("--json keeps the result of --probe, --exec and --script: give one of them")
        check_output(output, "--json")
        where = Where(
            choose(kernel, clock, interactive=interactive),
            memory_bytes=size or asked.memory_bytes,
            timeout_s=timeout,
            patience_s=patience,
            output_bytes=most or OUTPUT_BYTES,
        )
        _tell(asked.plan, where)
        has_daemons = asked.overlay is not None or asked.machines
        if has_daemons and where.choice.kernel is not None and where.memory_bytes < asked.memory_bytes:
            usual = f"{asked.memory_bytes // 2**20}M"
            complain("warning", f"with less --memory than {usual}, the default here, programs may die or hang")
        sizeless = [host.name for host in asked.plan.hosts if host.flavor_id is None and not host.is_store]
        if flavors and sizeless:
            complain("warning", f"no flavorId, so no limit, is said for {_listed(sizeless)}")
        if flavors and where.choice.clock is Clock.VIRTUAL:
            complain("warning", "in a virtual clock computing takes no time: flavors limit memory, and no processors")
        if where.choice.kind is not KernelKind.NATIVE:
            warn_if_unconfined()
        if interactive:
            from emulator.outside.prompt import run_prompt

            sys.exit(run_prompt(where, asked.plan, asked.overlay, captured, asked.machines))
        if has_actions:
            task = Task(
                asked.plan,
                "actions",
                overlay=asked.overlay,
                machines=asked.machines,
                probe_count=count if probe else 0,
                commands=parsed,
                script=str(script) if script else None,
                keep_going=keep_going,
                captures=captured,
            )
        else:
            typed = sys.stdin.buffer.read() if sys.stdin is not None else b""  # None: it has been closed
            lines = tuple(typed.decode(errors="surrogateescape").splitlines())
            task = Task(
                asked.plan, "shell", overlay=asked.overlay, machines=asked.machines, lines=lines, captures=captured
            )
        beside = output is not None and str(output) == "-"  # standard output is the result's alone
        with notice() as say:
            outcome = run_task(where, task, write_to(2 if beside else 1), write_to(2), say)
        if outcome.probe or outcome.overlay is not None:
            show(task, outcome, where, beside=beside)
        for loss in losses(outcome):
            complain("warning", loss)
        for gap in gaps(outcome.overlay) if outcome.overlay is not None else ():
            complain("error", gap)
        if output is not None:
            from emulator.outside.results import result_json

            write_output(output, result_json(where, task, outcome, sys.argv[1:], began))
        sys.exit(outcome.exit_status)


def _check_options(overlay: str | None, *, flavors: bool, hosts: str, image_map: Sequence[str]) -> None:
    """See that the options about overlays come with one, and those about containers with such."""
    context = click.get_current_context()
    for option in OVERLAY_ONLY:
        if overlay is None and context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            flag = option.replace("_", "-")
            raise click.UsageError(f"--{flag} is about an overlay: say which, as with --overlay flannel")
    if flavors and overlay is None and hosts != "docker":
        raise click.UsageError("--flavors limits containers: add --overlay, or --hosts docker")
    if image_map and hosts != "docker":
        raise click.UsageError("--image-map is for hosts that are containers: add --hosts docker")
    if overlay is not None and hosts == "docker":
        raise click.UsageError("--hosts docker has no containers in its hosts: leave --overlay out, or take --runtime")


def _tell(plan: Plan, where: Where) -> None:
    """What a user should know before believing what comes out."""
    unknown = [circuit.id for circuit in plan.circuits if circuit.source == "unknown"]
    if unknown:
        how = "set one with --rtt, `delay`, or a `location` at each end"
        complain("warning", f"no delay is known for {_listed(unknown)}: {how}")
    if where.choice.kernel is not None and where.is_virtual and not where.choice.kernel.seeded:
        complain("warning", "this kernel's random numbers differ from run to run: gtsdsl kernel build")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(name, 40) for name in names[:5]) + (", …" if len(names) > 5 else "")
