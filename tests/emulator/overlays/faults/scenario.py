"""The faults, one after the other, in a guest beside an overlay."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Literal

from emulator.measure.watch import SAME_MS, Pair, Watch
from emulator.overlays.faults import agent_killed, circuit_down, circuit_silent, store_killed
from emulator.overlays.model import first_containers
from tests.emulator.overlays.faults.model import Fault, Figures
from tests.emulator.overlays.inside import Stage

DEAD_S = 20.0
"""So long a program is dead."""
LONGEST_S = 200.0
"""The longest time until all is as before."""
CUT_HOST, HUB_HOST, AGENT_HOST = "h4", "h1", "h2"
CIRCUIT = ("h1", "h2")
CIRCUIT_PAIR = ("c1", "c2")
"""The containers at the ends of `CIRCUIT`."""


def break_everything(
    stage: Stage, faults: list[str], cut_s: float, settle_s: float, family: Literal[4, 6]
) -> dict[str, object]:
    """Bring each of some faults about and return its figures, by the fault's name.

    Cuts last for ``cut_s``. From one fault to the next ``settle_s`` pass. The echoes are those of a ``family`` of
    addresses.
    """
    breaks = _Break(stage, cut_s, family)
    figures: dict[str, object] = {}
    for fault in faults:
        figures[fault] = asdict(breaks.figures(Fault(fault)))
        time.sleep(settle_s)
    return figures


class _Break:
    """One fault after another, and the pairs of containers that each is between."""

    def __init__(self, stage: Stage, cut_s: float, family: Literal[4, 6]) -> None:
        self._stage = stage
        self._addresses = stage.deployment.addresses_of(family)
        self._cut_s = cut_s
        self._container = first_containers(stage.overlay.spec)
        self._pairs: list[Pair] = list(itertools.combinations(self._container.values(), 2))

    def figures(self, fault: Fault) -> Figures:
        """Bring a fault about, watch the containers, end the fault, and watch them until all is as before."""
        before_ms = self._before_ms(fault)
        affected = self._affected(fault)
        others = [pair for pair in self._pairs if pair not in affected]
        with _brought_about(self._stage, fault):
            with self._watch(affected) as watch:
                mended_s = watch.watch(DEAD_S if fault in {Fault.STORE, Fault.HUB, Fault.AGENT} else self._cut_s)
                affected_ms = watch.last_ms()
            with self._watch(others) as watch:
                watch.watch(1.0)
                others_ms = watch.last_ms()
            ended_ns = time.time_ns()
        with self._watch(self._pairs) as watch:
            back_s = watch.until_as_before(before_ms, ended_ns, LONGEST_S)
            assert back_s is not None, f"after {LONGEST_S:g} s not as before: {watch.last_ms()}"
        detour_ms = affected_ms.get(CIRCUIT_PAIR)
        is_detour = detour_ms is not None and abs(detour_ms - before_ms[CIRCUIT_PAIR]) > SAME_MS
        return Figures(
            others=(len(others_ms), len(others)),
            affected=(len(affected_ms), len(affected)),
            mended_s=None if mended_s is None else round(mended_s, 1),
            detour_ms=round(detour_ms, 1) if detour_ms is not None and is_detour else None,
            back_s=round(back_s, 1),
        )

    def _watch(self, pairs: Iterable[Pair]) -> Watch:
        return Watch(self._stage.net.lab, self._addresses, pairs)

    def _before_ms(self, fault: Fault) -> dict[Pair, float]:
        with self._watch(self._pairs) as watch:
            watch.watch(2.0)
            found = watch.last_ms()
        silent = sorted(set(self._pairs) - found.keys())
        assert not silent, f"these do not reach each other before the fault {fault}: {silent}"
        return found

    def _affected(self, fault: Fault) -> list[Pair]:
        """Return the pairs that a fault is between; all, if the store fails."""
        if fault is Fault.STORE:
            return self._pairs
        if fault in {Fault.CIRCUIT, Fault.SILENCE}:
            return [CIRCUIT_PAIR]
        host = {Fault.HOST: CUT_HOST, Fault.HUB: HUB_HOST, Fault.AGENT: AGENT_HOST}[fault]
        return [pair for pair in self._pairs if self._container[host] in pair]


def _brought_about(stage: Stage, fault: Fault) -> AbstractContextManager[None]:
    """Return the fault, which is brought about at entry and ended at exit."""
    lab = stage.net.lab
    if fault is Fault.HOST:
        return circuit_down(lab, *(it for it in lab.plan.circuits if CUT_HOST in {end.node for end in it.ends}))
    if fault is Fault.STORE:
        return store_killed(stage.deployment)
    if fault in {Fault.HUB, Fault.AGENT}:
        return agent_killed(stage.deployment, HUB_HOST if fault is Fault.HUB else AGENT_HOST)
    (circuit,) = (it for it in lab.plan.circuits if {end.node for end in it.ends} == set(CIRCUIT))
    return circuit_down(lab, circuit) if fault is Fault.CIRCUIT else circuit_silent(lab, circuit)
