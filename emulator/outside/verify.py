"""See that what a guest says came of a task can have come of it.

A stranger's topology, script or program may leave a forged result. So circuits, hosts and commands are compared with
those of the task, and each figure that follows from others is computed again.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator, Sequence

from emulator.measure.drops import BACKLOG, CIRCUIT, SOCKET, Drops
from emulator.measure.probe import CircuitProbe, circuit_probe
from emulator.outcome import Outcome
from emulator.overlays.model import OverlaySpec, first_containers
from emulator.overlays.outcome import OverlayOutcome
from emulator.overlays.pairs import joined, pair_probe
from emulator.plan import Plan
from emulator.system.errors import EmulationError
from emulator.task import Task
from gtsdsl.text import printable

_LONGEST_NAME = 200
_MOST_OVERHEAD_BYTES = 1000
_MOST_US = 1e12
_MOST_NS = 10**18
_MOST_STATUS = 2**31
_MOST_PACKETS = 2**63
_STATUSES = range(256)


def believed(task: Task, outcome: Outcome) -> Outcome:
    """The outcome, if it can have come of the task.

    Raises:
        EmulationError: it cannot have; the message says what is wrong with it.
    """
    for why in _faults(task, outcome):
        raise not_believed(why)
    return outcome


def believed_probe(plan: Plan, found: tuple[CircuitProbe, ...], count: int) -> tuple[CircuitProbe, ...]:
    """Measurements, if they can be of a plan's circuits, with ``count`` echoes each.

    Raises:
        EmulationError: they cannot be.
    """
    for why in _probe_faults(plan, found, count):
        raise not_believed(why)
    return found


def not_believed(why: str) -> EmulationError:
    """The error that a guest's word is not believed."""
    return EmulationError(f"the guest's result is not believed: {printable(why, 200)}")


def _faults(task: Task, outcome: Outcome) -> Iterator[str]:
    if task.probe_count or outcome.probe:
        yield from _probe_faults(task.plan, outcome.probe, task.probe_count)
    if (task.overlay is None) != (outcome.overlay is None):
        yield "it has an overlay that was not asked for, or lacks one that was"
    elif task.overlay is not None and outcome.overlay is not None:
        yield from _overlay_faults(task, task.overlay, outcome.overlay)
    yield from _command_faults(task, outcome)
    yield from _drop_faults(task, outcome.drops)


def _drop_faults(task: Task, found: Sequence[Drops]) -> Iterator[str]:
    plan = task.plan
    ends = {(end.node, circuit.id) for circuit in plan.circuits for end in circuit.ends}
    hosts = {host.name for host in plan.hosts}
    if task.overlay is not None:
        hosts |= {container.name for container in task.overlay.containers}
    seen = set()
    for item in found:
        place = (item.place, item.node, item.circuit)
        is_known = {
            CIRCUIT: (item.node, item.circuit) in ends,
            SOCKET: item.node in {*hosts, ""} and item.circuit is None,
            BACKLOG: item.node == "" and item.circuit is None,
        }.get(item.place, False)
        # a script may add hosts and circuits
        is_added = task.script is not None and item.place in {CIRCUIT, SOCKET}
        names = f"{item.node}{item.circuit or ''}"
        if place in seen or not (is_known or (is_added and names.isprintable() and len(names) <= _LONGEST_NAME)):
            yield "it has packets that were dropped at places that are not in the plan"
        elif not 0 < item.packets < _MOST_PACKETS:
            yield f"no place drops {item.packets} packets"
        seen.add(place)


def _command_faults(task: Task, outcome: Outcome) -> Iterator[str]:
    has_gaps = any(item.measured_us is None for item in outcome.probe)
    status = int(has_gaps or (outcome.overlay is not None and outcome.overlay.has_gaps))
    for item, asked in itertools.zip_longest(outcome.commands, task.commands):
        if item is None:
            if status == 0 or task.keep_going:
                yield "it lacks commands that were asked for"
            break
        if asked is None or (item.host, item.command) != (asked.host, asked.command):
            yield "it has commands that were not asked for"
        elif status != 0 and not task.keep_going:
            yield "it has commands that came after one that failed"
        elif item.exit_status not in _STATUSES or not 0 <= item.duration_ns < _MOST_NS:
            yield f"no command ends with {item.exit_status} after {item.duration_ns} ns"
        status = status or item.exit_status
    decides = task.script is not None and (status == 0 or task.keep_going)
    if not (decides and abs(outcome.exit_status) < _MOST_STATUS) and outcome.exit_status != status:
        yield f"it says that the run ended with {outcome.exit_status}, and what is in it says {status}"


def _probe_faults(plan: Plan, found: Sequence[CircuitProbe], count: int) -> Iterator[str]:
    if len(found) != len(plan.circuits):
        yield f"it has {len(found)} circuits, and the plan has {len(plan.circuits)}"
        return
    for circuit, item in zip(plan.circuits, found, strict=True):
        if not _are_samples(item.samples_us, count):
            yield f"circuit {circuit.id} has echoes that cannot be"
        elif item != circuit_probe(plan, circuit, item.samples_us, count):
            yield f"circuit {circuit.id} has figures that are not of the plan or of its echoes"


def _are_samples(samples_us: Sequence[float], count: int) -> bool:
    return len(samples_us) <= count and all(0 <= sample < _MOST_US for sample in samples_us)


def _overlay_faults(task: Task, spec: OverlaySpec, outcome: OverlayOutcome) -> Iterator[str]:
    for name in (outcome.agent, outcome.store or ""):
        if len(name) > _LONGEST_NAME or not name.isprintable():
            yield "its overlay has a name that is none"
    if not 0 <= outcome.overhead_bytes <= _MOST_OVERHEAD_BYTES:
        yield f"an overlay does not add {outcome.overhead_bytes} bytes to a packet"
    has_store = spec.store is not None
    if not ((outcome.store is not None) == (outcome.store_ns is not None) == has_store):
        yield "its overlay has a store that was not asked for, or lacks one that was"
    if outcome.store_ns is not None and not 0 <= outcome.store_ns < _MOST_NS:
        yield f"a store is not ready after {outcome.store_ns} ns"
    if {*outcome.addresses} != {item.name for item in spec.containers}:
        yield "its overlay has other containers than were asked for"
    for address in outcome.addresses.values():
        if not _is_address(address):
            yield f"{address} is no address of a container"
    if {*outcome.state} != {*spec.hosts}:
        yield "its overlay has the state of other hosts than were asked for"
    container_of = first_containers(spec)
    hosts = [host for host in spec.hosts if host in container_of]
    pairs = [(item.first, item.second) for item in outcome.first_packets]
    if pairs != list(itertools.combinations(hosts, 2)):
        yield "its overlay has other pairs of hosts than were asked for"
    if not all(item.after_ns is None or 0 <= item.after_ns < _MOST_NS for item in outcome.first_packets):
        yield "its overlay has first packets that cannot be"
    paths = {pair: path for pair, path in joined(task.plan).items() if {*pair} <= container_of.keys()}
    if [(item.first, item.second) for item in outcome.pairs] != (list(paths) if task.probe_count else []):
        yield "its overlay has other measurements than were asked for"
        return
    for item in outcome.pairs:
        machine = () if item.machine_us is None else (item.machine_us,)
        if not _are_samples(item.samples_us, task.probe_count) or not _are_samples(machine, 1):
            yield f"{item.first} and {item.second} have echoes that cannot be"
        elif item != pair_probe(
            (item.first, item.second),
            (container_of[item.first], container_of[item.second]),
            paths[item.first, item.second],
            outcome.overhead_bytes,
            item.machine_us,
            item.samples_us,
            task.probe_count,
        ):
            yield f"{item.first} and {item.second} have figures that are not of the plan or of their echoes"


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
