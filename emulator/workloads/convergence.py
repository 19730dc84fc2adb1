"""Convergence: the time until packets pass between all hosts, after the start, a cut, or the death of an agent."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from emulator.lab.containers import Container
from emulator.measure.watch import SAME_MS, Pair, Watch
from emulator.overlays.faults import agent_killed, circuit_down, circuit_silent, store_unreachable
from emulator.plan import Circuit, Plan
from emulator.system.errors import EmulationError, UnknownNameError
from emulator.workloads.base import Stage, Subject, Workload
from emulator.workloads.model import Figure, WorkloadRequest, WorkloadResult
from emulator.workloads.settings import parse, setting
from emulator.workloads.starts import start_result
from gtsdsl.model.losses import NO_LOSS
from gtsdsl.text import did_you_mean, printable

Fault: TypeAlias = Literal["start", "cut", "silent_cut", "store_cut", "agent_killed"]
_OF_OVERLAY: frozenset[Fault] = frozenset({"start", "store_cut", "agent_killed"})
"""The faults that the hosts' own network does not have."""
_BEFORE_S = 2.0
_LEAST_ECHOES = 3
_PATIENCE_S = 0.5
_LONGEST_PATIENCE_S = 5.0
_RANDOM_DELAYS = 4
"""The random delays in a round trip over two circuits."""
_LOSSY = "circuits lose packets by themselves, and these losses count too"
_DECIMALS = 3
_MOST_NAMED = 4
_JOIN_STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class ConvergenceSettings:
    """The faults, their places and durations. Times are in the network's clock."""

    faults: tuple[Fault, ...] = setting(
        ("start", "cut", "silent_cut", "store_cut", "agent_killed"), "What is measured, in this order."
    )
    circuit: str = setting("", "Circuit that is cut: its id, or its two ends, such as AMS-MIL; empty is the first.")
    host: str = setting("", "Host whose agent is killed; empty is the second host.")
    interval_s: float = setting(0.1, "Seconds between two echoes of a pair.", least=0.01, most=10)
    fault_s: float = setting(70.0, "Seconds for which a fault lasts.", least=1, most=3600)
    wait_s: float = setting(100.0, "Seconds after a fault in which all must be as before.", least=1, most=3600)


class Convergence(Workload):
    """Echoes between all pairs of hosts, before, during and after each fault."""

    subject: ClassVar[Subject] = "network"
    settings = ConvergenceSettings

    def check(self, request: WorkloadRequest, plan: Plan) -> None:
        """Check that the topology has the circuit and the host that the settings name."""
        settings = parse(ConvergenceSettings, request.settings, request.name)
        find_circuit(plan, settings.circuit)
        find_host([host.name for host in plan.hosts if not host.is_store], settings.host)

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Report the start, then bring each fault about and watch the pairs."""
        settings = parse(ConvergenceSettings, request.settings, request.name)
        found = WorkloadResult({}, ())
        for fault in settings.faults:
            if request.level == "hosts" and fault in _OF_OVERLAY:
                found = _joined(found, _left_out(fault, "the network between the hosts does not depend on the overlay"))
            elif fault == "start":
                found = _joined(found, start_result(stage.deployment))
            else:
                found = _joined(found, _Breaking(stage, request, settings).result(fault))
        return found


def _joined(first: WorkloadResult, second: WorkloadResult) -> WorkloadResult:
    return WorkloadResult(
        first.tools, first.figures + second.figures, first.series + second.series, first.remarks + second.remarks
    )


def _left_out(fault: Fault, why: str) -> WorkloadResult:
    return WorkloadResult({}, (), (), (f"{fault} is not measured: {why}",))


class _Breaking:
    """The pairs of hosts or containers of a network, and faults between them."""

    def __init__(self, stage: Stage, request: WorkloadRequest, settings: ConvergenceSettings) -> None:
        self._stage = stage
        self._request = request
        self._settings = settings
        rtt_s = sum(circuit.rtt_ns for circuit in stage.lab.plan.circuits) / 1e9
        self._patience_s = min(_LONGEST_PATIENCE_S, _PATIENCE_S + rtt_s)
        self._same_ms = SAME_MS + _RANDOM_DELAYS * random_delay_ms(stage.lab.plan)

    def result(self, fault: Fault) -> WorkloadResult:
        """Bring a fault about and return what came of it."""
        deployment, lab, settings = self._stage.deployment, self._stage.lab, self._settings
        if fault == "store_cut":
            if deployment.store is None:
                return _left_out(fault, f"{deployment.spec.name} has no store")
            if deployment.store.daemon is None:
                return _left_out(fault, "the store runs outside of the network")
            return self._watched(fault, lambda: store_unreachable(deployment), _Joining(self._stage))
        if fault == "agent_killed":
            host = find_host(deployment.spec.hosts, settings.host)
            if host not in deployment.overlay.agents:
                return _left_out(fault, f"{deployment.spec.name} has no agent on {host}")
            return self._watched(fault, lambda: agent_killed(deployment, host))
        circuit = find_circuit(lab.plan, settings.circuit)
        if fault == "cut":
            return self._watched(fault, lambda: circuit_down(lab, circuit))
        return self._watched(fault, lambda: circuit_silent(lab, circuit))

    def _watched(
        self, fault: Fault, bring_about: Callable[[], AbstractContextManager[None]], joining: _Joining | None = None
    ) -> WorkloadResult:
        """Watch all pairs before, during and after a fault."""
        settings = self._settings
        with self._watch(self._pairs()) as watch:
            watch.watch(max(_BEFORE_S, _LEAST_ECHOES * settings.interval_s))
            before_ms = watch.answered_ms()  # a circuit may lose the last echo
        pairs = [pair for pair in self._pairs() if pair in before_ms]
        remarks = [f"{fault}: {_LOSSY}"] if _is_lossy(self._stage.lab.plan) else []
        if silent := [pair for pair in self._pairs() if pair not in before_ms]:
            remarks.append(f"{fault}: {_named(silent)} did not reach each other before, and are left out")
        if not pairs:
            return WorkloadResult({}, (), (), tuple(remarks))
        with bring_about():
            with self._watch(pairs) as during:
                mended_s = during.watch(settings.fault_s)
                during_ms = during.last_ms()
            if joining is not None:
                joining.during(settings.fault_s)
            ended_ns = time.time_ns()
        with self._watch(pairs) as after:
            back_s = after.until_as_before(before_ms, ended_ns, settings.wait_s, self._same_ms)
            last_ms = after.last_ms()
        if joining is not None:
            joining.after(settings.wait_s)
        if mended_s is None:
            cut_off = [pair for pair in pairs if pair not in during_ms]
            remarks.append(f"{fault}: {_named(cut_off)} did not reach each other until it ended")
        if back_s is None:
            missing = [pair for pair in pairs if pair not in last_ms]
            state = f"{_named(missing)} do not reach each other" if missing else "some round trips differ"
            remarks.append(f"{fault}: {settings.wait_s:g} s after it ended, {state}")
        figures = [
            Figure(f"{fault}.mended", _rounded(mended_s), "s"),
            Figure(f"{fault}.back", _rounded(back_s), "s"),
            Figure(f"{fault}.lost", sum(during.lost.values()) + sum(after.lost.values()), "packets"),
            Figure(f"{fault}.sent", during.sent + after.sent, "packets"),
            Figure(f"{fault}.pairs", len(during.lost.keys() | after.lost.keys()), "pairs"),
        ]
        if detours_ms := [ms for pair, ms in during_ms.items() if abs(ms - before_ms[pair]) >= self._same_ms]:
            figures.append(Figure(f"{fault}.detour", _rounded(max(detours_ms)), "ms"))
        if joining is not None:
            figures += [
                Figure(f"{fault}.join", _rounded(joining.during_s), "s"),
                Figure(f"{fault}.join_after", _rounded(joining.after_s), "s"),
            ]
            remarks += [f"{fault}: {remark}" for remark in joining.remarks]
        return WorkloadResult({}, tuple(figures), (), tuple(remarks))

    def _pairs(self) -> Iterator[Pair]:
        """Yield each pair of ends, the first of which may send echoes to the second."""
        ends = self._stage.all_ends(self._request)
        for first, second in itertools.combinations(ends, 2):
            if self._request.level == "hosts" or self._stage.deployment.overlay.lets_through(first.name, second.name):
                yield first.name, second.name

    def _watch(self, pairs: Iterable[Pair]) -> Watch:
        # the ends are looked up anew, because a container of Docker that was started again may have another address
        addresses = {end.name: end.address for end in self._stage.all_ends(self._request)}
        return Watch(self._stage.lab, addresses, pairs, self._settings.interval_s, self._patience_s)


class _Joining:
    """Containers that join the network while the store is cut, and after it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.during_s: float | None = None
        self.after_s: float | None = None
        self.remarks: list[str] = []

    def during(self, longest_s: float) -> None:
        """Let a container join during the fault."""
        self.during_s = self._join("during", longest_s)

    def after(self, longest_s: float) -> None:
        """Let another container join after the fault."""
        self.after_s = self._join("after", longest_s)

    def _join(self, when: str, longest_s: float) -> float | None:
        """Start a container on the last host; return the seconds until the first host's container has answered it.

        None means that it did not start, or that no answer came.
        """
        began_ns = time.time_ns()
        deployment, lab = self._stage.deployment, self._stage.lab
        *_, last = deployment.spec.containers
        first = deployment.spec.containers[0]
        name = f"{last.name}-{when}"
        try:
            attachment = deployment.overlay.attach(Container(name, last.host))
            lab.add_container(Container(name, last.host), attachment)
        except EmulationError as error:
            self.remarks.append(f"a container that joins {when} the cut does not start: {error}")
            return None
        addresses = {name: attachment.address, first.name: deployment.addresses[first.name]}
        with Watch(lab, addresses, [(name, first.name)], _JOIN_STEP_S) as watch:
            answered_ns = watch.first_answer_ns(longest_s)
        if answered_ns is None:
            self.remarks.append(f"a container that joins {when} the cut reaches nobody within {longest_s:g} s")
            return None
        return (answered_ns - began_ns) / 1e9


def random_delay_ms(plan: Plan) -> float:
    """Return the widest range of the random delays of a plan's interfaces, in ms."""
    widest_ms = 0.0
    for egress in (end.egress for circuit in plan.circuits for end in circuit.ends if end.egress is not None):
        added_us = 0.0 if egress.added is None else egress.added.delays_us[-1] - egress.added.delays_us[0]
        widest_ms = max(widest_ms, 2 * egress.jitter_ns / 1e6, added_us / 1e3)
    return widest_ms


def _is_lossy(plan: Plan) -> bool:
    egresses = (end.egress for circuit in plan.circuits for end in circuit.ends if end.egress is not None)
    return any(egress.loss != NO_LOSS for egress in egresses)


def find_host(hosts: Sequence[str], wanted: str) -> str:
    """Return the host that a setting names; without a name, the second one.

    Raises:
        UnknownNameError: there is no such host.
    """
    if not wanted:
        return hosts[:2][-1]
    if wanted not in hosts:
        near = did_you_mean(wanted, list(hosts)) or f"the hosts are {', '.join(hosts[:_MOST_NAMED])}"
        raise UnknownNameError(f"convergence.host: the topology has no host {printable(wanted, 80)}; {near}")
    return wanted


def find_circuit(plan: Plan, wanted: str) -> Circuit:
    """Return the circuit that a setting names by its id or by its two ends; without a name, the first.

    Raises:
        UnknownNameError: there is no such circuit.
    """
    stores = {host.name for host in plan.hosts if host.is_store}
    circuits = [circuit for circuit in plan.circuits if not stores & {end.node for end in circuit.ends}]
    names_of = {host.name: {it.casefold() for it in (host.name, host.id, host.site or "")} for host in plan.hosts}
    first, _, second = (part.casefold() for part in wanted.partition("-"))
    for circuit in circuits:
        near, far = (names_of.get(end.node, {end.node.casefold()}) for end in circuit.ends)
        ends = (first in near and second in far) or (second in near and first in far)
        if not wanted or wanted == circuit.id or ends:
            return circuit
    near_name = did_you_mean(wanted, [it.id for it in circuits])
    known = near_name or f"name a link, such as {circuits[0].id}, or its two hosts or sites"
    raise UnknownNameError(f"convergence.circuit: the topology has no circuit {printable(wanted, 80)}; {known}")


def _named(pairs: Sequence[Pair]) -> str:
    shown = ", ".join("-".join(pair) for pair in pairs[:_MOST_NAMED])
    return f"{shown} and {len(pairs) - _MOST_NAMED} more pairs" if len(pairs) > _MOST_NAMED else shown


def _rounded(time: float | None) -> float | None:
    return None if time is None else round(time, _DECIMALS)


WORKLOAD = Convergence()
"""The workload ``convergence``."""
