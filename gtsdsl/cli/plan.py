"""`gtsdsl plan`: show the network that a topology becomes: addresses, routes, delays, queues."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emulator.cpu.model import capacity_pps, limit_texts
from gtsdsl.cli.circuit_options import custom_circuits, require_effect
from gtsdsl.cli.errors import complain, emulating
from gtsdsl.cli.help import format_option
from gtsdsl.cli.inputs import INPUT
from gtsdsl.cli.network import NetworkOptions, read_scenario_of, read_testbed
from gtsdsl.cli.options import options
from gtsdsl.cli.output import output_option, write_output
from gtsdsl.cli.overlay_fit import OverlayFit, spec_of
from gtsdsl.cli.plan_options import plan_options
from gtsdsl.cli.text_table import text_table
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.text import both, printable, quantity
from gtsdsl.topology.effect_texts import effect_texts

if TYPE_CHECKING:
    from emulator.cpu.model import CpuModel
    from emulator.plan import Circuit, Plan, Route

_ROUTES_SHOWN = 4
_HOSTS_SHOWN = 4


@click.command("plan")
@click.argument("file", type=INPUT)
@options(NetworkOptions, "network")
@options(OverlayFit, "overlay")
@click.option("--ideal", is_flag=True, help="Leave out delay, jitter, loss and rate.")
@format_option
@output_option()
def command(
    file: str,
    network: NetworkOptions,
    overlay: OverlayFit | None,
    ideal: bool,
    format_: str,
    output: Path | None,
) -> None:
    """Show the network that `gtsdsl emulate` makes of a topology, without making it.

    A circuit's delay is that of the link, else of --delay or --rtt, else of --circuits, else the known one between its
    two sites. Where the two directions differ, a slash divides the values there and back.

    \b
    Example:
      gtsdsl plan examples/full_mesh.dsl
      gtsdsl plan examples/full_mesh.dsl --rtt AMS-MIL=40ms --format json
      gtsdsl plan examples/full_mesh.dsl --scenario examples/storm.toml
      gtsdsl plan examples/path_mtu.dsl --overlay flannel --overlay-mtu 1450
    """
    testbed = read_testbed(file, network)
    custom = custom_circuits(network)
    chosen = replace(plan_options(network, custom), impaired=not ideal)
    from emulator.plan import PlanError, plan, to_json
    from emulator.plan.cpu import CpuError, check_names, check_scenario

    try:
        network_plan = plan(testbed, chosen)
    except (PlanError, CpuError) as error:
        raise click.ClickException(printable(str(error), limit=1000)) from None
    require_effect(network, custom, network_plan)
    with emulating():
        spec = None if overlay is None else spec_of(overlay, network_plan)
        containers = () if spec is None else spec.container_names
        check_names(network_plan, chosen.cpu, containers)
        if spec is not None:
            from emulator.overlays.mtu import misfits
            from emulator.overlays.ways import limited

            network_plan = limited(network_plan, spec, chosen.cpu)
            for misfit in misfits(spec, network_plan):
                complain("warning", f"{misfit.message}; {misfit.hint}")
    scenario = read_scenario_of(testbed, network)
    with emulating():
        check_scenario(network_plan, scenario)
    if format_ == "json":
        write_output(output, to_json(network_plan, scenario))
        return
    text = _text(network_plan)
    if scenario is not None:
        from gtsdsl.scenario.text import timeline_lines

        text += "".join(f"{line}\n" for line in ("", f"scenario {scenario.file}", *timeline_lines(scenario)))
    write_output(output, text)


def _text(plan: Plan) -> str:
    """Return the plan as tables for people."""
    nodes: list[Sequence[str]] = []
    for host in plan.hosts:
        words = (host.name, host.id, host.cls, host.site or "", host.loopback, _routes(plan, host.routes))
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
        there, back = (end.egress for end in circuit.ends)
        figures = [*[""] * 6, _size(circuit), ""]
        if there is not None and back is not None:
            delays = both(there.delay_ns / 1e6, back.delay_ns / 1e6)
            texts = {text.name: str(text) for text in effect_texts(there, back)}
            figures = [
                f"{circuit.rtt_ns / 1e6:.3f} ms" + (f" ({delays})" if "/" in delays else ""),
                circuit.source,
                texts.pop("jitter", ""),
                texts.pop("loss", ""),
                both(there.rate_bps / 1e6, back.rate_bps / 1e6, "Mbit/s"),
                both(there.queue_packets, back.queue_packets, "packets"),
                _size(circuit),
                ", ".join(f"{name} {text}" for name, text in texts.items()),
            ]
        circuits.append([printable(word, 100) for word in (circuit.id, *ends, *figures)])
    routing = "" if plan.routing is None else f", routing {plan.routing}"
    parts = [
        [printable(f"testbed {plan.testbed}, seed {plan.seed}{routing}")],
        _table(("node", "id", "class", "site", "address", "routes"), nodes),
        _table(
            ("circuit", "from", "to", "round trip", "source", "jitter", "loss", "rate", "queue", "MTU", "more"),
            circuits,
        ),
    ]
    if plan.has_ipv6:
        parts.append(_table(("node", "IPv6 address", "routes"), [*_ipv6_nodes(plan)]))
        parts.append(_table(("circuit", "IPv6 from", "IPv6 to"), [*_ipv6_circuits(plan)]))
    text = "\n\n".join("\n".join(lines) for lines in parts) + "\n"
    return text if plan.cpu is None else text + "\n" + _costs(plan, plan.cpu)


def _costs(plan: Plan, cpu: CpuModel) -> str:
    """Return the cost of a packet on each kind of host, over each overlay that the table has all costs for."""
    from emulator.overlays.catalog import stages_by_way

    ways_of = {way: stages for way, stages in stages_by_way().items() if not cpu.missing(stages)}
    shares: dict[float, list[str]] = {}
    for host in plan.hosts:
        shares.setdefault(cpu.cpus[host.name], []).append(host.name)
    rows: list[Sequence[str]] = []
    for cpus, hosts in shares.items():
        names = ", ".join(hosts[:_HOSTS_SHOWN]) + (", …" if hosts[_HOSTS_SHOWN:] else "")
        for way, stages in ways_of.items():
            cost = cpu.on(hosts[0], stages)
            most = capacity_pps(cost, MTU_BYTES)
            rate = "" if math.isinf(most) else f"{most * MTU_BYTES * 8 / 1e6:.5g} Mbit/s"
            figures = f"{cost.packet_ns:.6g} ns", f"{cost.byte_ns:.4g} ns", rate
            rows.append([printable(names, 100), f"{cpus:g}", str(cpu.queues(hosts[0])), way, *figures])
    words = f"cost table {printable(cpu.table, 200)}", f"offload {'on' if cpu.offload else 'off'}"
    head = ", ".join((*words, f"{quantity(cpu.backlog_packets, 'packet')} wait", *limit_texts(cpu.limits)))
    headings = ("host", "cpus", "queues", "packets of", "a packet", "a byte", "most on one core")
    return "\n".join([head, *_table(headings, rows)]) + "\n"


def _routes(plan: Plan, routes: Sequence[Route]) -> str:
    if plan.routing is not None:
        return f"by {plan.routing.protocol}"
    found = [f"{item} via {route.gateway}" for route in routes for item in route.destinations]
    more = f", {len(found) - _ROUTES_SHOWN} more" if len(found) > _ROUTES_SHOWN else ""
    return ", ".join(found[:_ROUTES_SHOWN]) + more


def _ipv6_nodes(plan: Plan) -> Iterator[Sequence[str]]:
    for host in plan.hosts:
        yield printable(host.name, 200), host.ipv6_loopback or "", _routes(plan, host.ipv6_routes)


def _ipv6_circuits(plan: Plan) -> Iterator[Sequence[str]]:
    for circuit in plan.circuits:
        yield printable(circuit.id, 100), *(f"{end.name} {end.ipv6_address or ''}".strip() for end in circuit.ends)


def _size(circuit: Circuit) -> str:
    return f"{circuit.mtu_bytes} bytes" + (", black hole" if circuit.is_black_hole else "")


_FIGURES = frozenset({"round trip", "jitter", "loss", "rate", "queue", "MTU", "a packet", "a byte", "most on one core"})


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return text_table(headings, rows, _FIGURES)
