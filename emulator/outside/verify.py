"""Checks that a result can be the outcome of its task. A program in a guest can forge a result.

Circuits, hosts and commands must be those of the task, and each figure that follows from others is computed again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from emulator.measure.drops import BACKLOG, CIRCUIT, PROCESSOR, SOCKET, Drops
from emulator.measure.probe import CircuitProbe, Family, circuit_probe, circuits_by_family
from emulator.outcome import Outcome
from emulator.outside.verify_scenario import scenario_faults
from emulator.overlays.model import OverlaySpec, first_containers
from emulator.overlays.outcome import OverlayOutcome
from emulator.overlays.pairs import pair_probe, routed
from emulator.overlays.ways import echo_work_us
from emulator.plan import Plan
from emulator.system.errors import EmulationError
from emulator.task import Task
from emulator.workloads.model import WorkloadResult
from gtsdsl.text import printable

_LONGEST_NAME = 200
_LONGEST_REMARK = 1000
_LONGEST_AGENT = 20_000
"""The limit of an overlay's agents, of which each host may have another: a hundred hosts with a title each."""
_MOST_OVERHEAD_BYTES = 1000
_MOST_US = 1e12
_MOST_NS = 10**18
_MOST_STATUS = 2**31
_MOST_PACKETS = 2**63
_STATUSES = range(256)


def verify_outcome(task: Task, outcome: Outcome) -> Outcome:
    """Return the outcome of a task.

    Raises:
        EmulationError: the task cannot have this outcome; the message says what is wrong with it.
    """
    for fault in _faults(task, outcome):
        raise refusal(fault)
    return outcome


def verify_probes(
    plan: Plan, probes: tuple[CircuitProbe, ...], count: int, families: tuple[Family, ...]
) -> tuple[CircuitProbe, ...]:
    """Return the measurements of a plan's circuits.

    Raises:
        EmulationError: ``count`` echoes over each circuit in each of ``families`` cannot give these measurements.
    """
    for fault in _probe_faults(plan, probes, count, families):
        raise refusal(fault)
    return probes


def verify_workload(task: Task, result: WorkloadResult) -> WorkloadResult:
    """Return the measurement of a task's workload.

    Raises:
        EmulationError: no workload can give this measurement.
    """
    for fault in _workload_faults(task, result):
        raise refusal(fault)
    return result


def refusal(fault: str) -> EmulationError:
    """Return the error that refuses a guest's result; ``fault`` says what is wrong with it."""
    return EmulationError(f"the guest's result is refused: {printable(fault, 200)}")


def _faults(task: Task, outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with an outcome."""
    if task.probe_count or outcome.probe:
        yield from _probe_faults(task.plan, outcome.probe, task.probe_count, task.probe_families)
    if (task.overlay is None) != (outcome.overlay is None):
        yield "the task has no overlay and the result has one, or the other way round"
    elif task.overlay is not None and outcome.overlay is not None:
        yield from _overlay_faults(task, task.overlay, outcome.overlay)
    yield from _command_faults(task, outcome)
    yield from scenario_faults(task, outcome.scenario)
    yield from _drop_faults(task, outcome.drops)
    if outcome.workload is not None:
        yield from _workload_faults(task, outcome.workload)


def _workload_faults(task: Task, result: WorkloadResult) -> Iterator[str]:
    """Yield what is wrong with a measurement: what it is called, because its figures follow from no others."""
    if task.workload is None:
        yield "the task has no workload and the result has one"
    names = [figure.name for figure in result.figures]
    texts = [*names, *(it.unit for it in result.figures), *(f"{it.name} {it.unit}" for it in result.series)]
    texts += [text for tool in result.tools.items() for text in tool]
    if any(len(text) > _LONGEST_NAME or not text.isprintable() for text in texts) or len(names) != len(set(names)):
        yield "its workload has impossible names, or two figures of one name"
    if any(len(text) > _LONGEST_REMARK or not text.isprintable() for text in result.remarks):
        yield "its workload has impossible remarks"


def _drop_faults(task: Task, drops: Sequence[Drops]) -> Iterator[str]:
    plan = task.plan
    ends = {(end.node, circuit.id) for circuit in plan.circuits for end in circuit.ends}
    hosts = {host.name for host in plan.hosts}
    if task.overlay is not None:
        hosts |= {container.name for container in task.overlay.containers}
    processors = set() if plan.cpu is None else plan.cpu.cpus.keys() | plan.cpu.limits.keys()
    seen = set()
    for item in drops:
        place = (item.place, item.node, item.circuit)
        is_known = {
            CIRCUIT: (item.node, item.circuit) in ends,
            SOCKET: item.node in {*hosts, ""} and item.circuit is None,
            BACKLOG: item.node == "" and item.circuit is None,
            PROCESSOR: item.node in processors and item.circuit is None,
        }.get(item.place, False)
        # a script may add hosts and circuits
        is_added = task.script is not None and item.place in {CIRCUIT, SOCKET}
        names = f"{item.node}{item.circuit or ''}"
        if place in seen or not (is_known or (is_added and names.isprintable() and len(names) <= _LONGEST_NAME)):
            yield "it has dropped packets at places that the plan does not have, or at one place twice"
        elif not 0 < item.packets < _MOST_PACKETS:
            yield f"a place cannot drop {item.packets} packets"
        seen.add(place)


def _command_faults(task: Task, outcome: Outcome) -> Iterator[str]:
    has_gaps = any(item.measured_us is None for item in outcome.probe)
    status = int(has_gaps or (outcome.overlay is not None and outcome.overlay.has_gaps))
    for item, command in itertools.zip_longest(outcome.commands, task.commands):
        if item is None:
            if status == 0 or task.keep_going:
                yield "it lacks commands of the task"
            break
        if command is None or (item.host, item.command) != (command.host, command.command):
            yield "it has commands that the task does not have"
        elif status != 0 and not task.keep_going:
            yield "it has commands after one that failed"
        elif item.exit_status not in _STATUSES or not 0 <= item.duration_ns < _MOST_NS:
            yield f"a command cannot end with {item.exit_status} after {item.duration_ns} ns"
        status = status or item.exit_status
    script_ran = task.script is not None and (status == 0 or task.keep_going)
    if outcome.scenario is not None:
        status = status or outcome.scenario.exit_status
    if not (script_ran and abs(outcome.exit_status) < _MOST_STATUS) and outcome.exit_status != status:
        yield f"its exit status is {outcome.exit_status}, and follows from its steps as {status}"


def _probe_faults(
    plan: Plan, probes: Sequence[CircuitProbe], count: int, families: tuple[Family, ...]
) -> Iterator[str]:
    asked = list(circuits_by_family(plan, families))
    if len(probes) != len(asked):
        yield f"it has {len(probes)} circuits, and the task has {len(asked)}"
        return
    for (circuit, family), item in zip(asked, probes, strict=True):
        parts_us = item.there_samples_us
        if (
            not _are_samples(item.samples_us, count)
            or len(parts_us) != len(item.samples_us)
            or not all(0 <= part <= whole for part, whole in zip(parts_us, item.samples_us, strict=True))
        ):
            yield f"circuit {circuit.id} has impossible round trips"
        elif item != circuit_probe(circuit, family, item.samples_us, parts_us, count, plan.cpu):
            yield f"circuit {circuit.id} has figures that do not follow from the plan and the round trips"


def _are_samples(samples_us: Sequence[float], count: int) -> bool:
    return len(samples_us) <= count and all(0 <= sample < _MOST_US for sample in samples_us)


def _overlay_faults(task: Task, spec: OverlaySpec, outcome: OverlayOutcome) -> Iterator[str]:
    for name, longest in ((outcome.agent, _LONGEST_AGENT), (outcome.store or "", _LONGEST_NAME)):
        if len(name) > longest or not name.isprintable():
            yield "its overlay or store has an impossible name"
    if any(program.title not in outcome.agent for program in spec.programs.values()):
        yield "its overlay names other agents than the task has"
    if not 0 <= outcome.overhead_bytes <= _MOST_OVERHEAD_BYTES:
        yield f"an overlay cannot add {outcome.overhead_bytes} bytes to a packet"
    has_store = spec.store is not None
    if not ((outcome.store is not None) == (outcome.store_ns is not None) == has_store):
        yield "the task has no store and the result has one, or the other way round"
    if outcome.store_ns is not None and not 0 <= outcome.store_ns < _MOST_NS:
        yield f"a store cannot be ready after {outcome.store_ns} ns"
    if {*outcome.addresses} != {item.name for item in spec.containers}:
        yield "its overlay has other containers than the task"
    if {*outcome.ipv6_addresses} != ({*outcome.addresses} if spec.ipv6_pool is not None else set()):
        yield "its overlay has IPv6 and the task has not, or the other way round"
    if not 0 <= outcome.overhead_bytes_of(6) <= _MOST_OVERHEAD_BYTES:
        yield f"an overlay cannot add {outcome.ipv6_overhead_bytes} bytes to a packet"
    for family, addresses in ((IPv4Address, outcome.addresses), (IPv6Address, outcome.ipv6_addresses)):
        for address in addresses.values():
            if not _is_address(address, family):
                yield f"a container cannot have the address {address}"
    if {*outcome.state} != {*spec.hosts}:
        yield "its overlay has the state of other hosts than the task's"
    container_of = first_containers(spec)
    hosts = [host for host in spec.hosts if host in container_of]
    pairs = [(item.family, item.first, item.second) for item in outcome.first_packets]
    if pairs != [(family, *pair) for family in spec.families for pair in itertools.combinations(hosts, 2)]:
        yield "its overlay has other pairs of hosts than the task"
    if not all(item.after_ns is None or 0 <= item.after_ns < _MOST_NS for item in outcome.first_packets):
        yield "its overlay has impossible times of first packets"
    denied = [item.is_denied for item in outcome.first_packets] + [item.is_denied for item in outcome.pairs]
    if spec.policy is None and any(denied):
        yield "its overlay has denied packets, and the task has no policies"
    for connection in outcome.connections:
        method = connection.method
        if not {connection.first, connection.second} <= {*spec.hosts} or not method.isprintable() or method[80:]:
            yield "its overlay has an impossible connection"
    paths = {pair: path for pair, path in routed(task.plan).items() if {*pair} <= container_of.keys()}
    wanted = [(family, *pair) for pair in paths for family in task.probe_families] if task.probe_count else []
    if [(item.family, item.first, item.second) for item in outcome.pairs] != wanted:
        yield "its overlay has other measurements than the task asks for"
        return
    for item in outcome.pairs:
        machine = () if item.machine_us is None else (item.machine_us,)
        if not _are_samples(item.samples_us, task.probe_count) or not _are_samples(machine, 1):
            yield f"{item.first} and {item.second} have impossible round trips"
        elif item != pair_probe(
            (item.first, item.second),
            (container_of[item.first], container_of[item.second]),
            paths[item.first, item.second],
            outcome.overhead_bytes_of(item.family),
            item.machine_us,
            item.samples_us,
            task.probe_count,
            work_us=echo_work_us(
                task.plan,
                spec,
                (item.first, item.second),
                outcome.overhead_bytes_of(item.family),
                item.family,
            ),
            is_denied=item.is_denied,
            family=item.family,
        ):
            yield f"{item.first} and {item.second} have figures that do not follow from the plan and the round trips"


def _is_address(text: str, family: type[IPv4Address | IPv6Address]) -> bool:
    try:
        family(text)
    except ValueError:
        return False
    return True
