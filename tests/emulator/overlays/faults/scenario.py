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
    stage: Stage, faults: list[str], cut_s: float, settle_s: float, renewal_s: float, family: Literal[4, 6]
) -> dict[str, object]:
    """Bring each of some faults about and return its figures, by the fault's name.

    Cuts last for ``cut_s``. From one fault to the next ``settle_s`` pass. A pair may lose its echoes for ``renewal_s``
    at any time, whatever the fault. The echoes are those of a ``family`` of addresses.
    """
    breaks = _Break(stage, cut_s, renewal_s, family)
    figures: dict[str, object] = {}
    for fault in faults:
        figures[fault] = asdict(breaks.figures(Fault(fault)))
        time.sleep(settle_s)
    return figures


class _Echoes(Watch):
    """A watch that tells what its pairs did in all of its time."""

    def longest_loss_s(self) -> float:
        """Return the most seconds for which a pair lost its echoes, all together."""
        return max(self.lost.values(), default=0) * self._interval_s


class _Break:
    """One fault after another, and the pairs of containers that each is between."""

    def __init__(self, stage: Stage, cut_s: float, renewal_s: float, family: Literal[4, 6]) -> None:
        self._stage = stage
        self._addresses = stage.deployment.addresses_of(family)
        self._cut_s = cut_s
        self._renewal_s = renewal_s
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
                if (lost_s := watch.longest_loss_s()) <= self._renewal_s:
                    mended_s = lost_s  # whenever it was
            during_ms = self._answered_ms(1.0)
            ended_ns = time.time_ns()
        with self._watch(self._pairs) as watch:
            back_s = watch.until_as_before(before_ms, ended_ns, LONGEST_S)
            assert back_s is not None, f"after {LONGEST_S:g} s not as before: {watch.last_ms()}"
        detour_ms = during_ms.get(CIRCUIT_PAIR) if CIRCUIT_PAIR in affected else None
        is_detour = detour_ms is not None and abs(detour_ms - before_ms[CIRCUIT_PAIR]) > SAME_MS
        return Figures(
            others=(len(during_ms.keys() & set(others)), len(others)),
            affected=(len(during_ms.keys() & set(affected)), len(affected)),
            mended_s=None if mended_s is None else round(mended_s, 1),
            detour_ms=round(detour_ms, 1) if detour_ms is not None and is_detour else None,
            back_s=round(back_s, 1),
        )

    def _watch(self, pairs: Iterable[Pair]) -> _Echoes:
        return _Echoes(self._stage.net.lab, self._addresses, pairs)

    def _answered_ms(self, duration_s: float) -> dict[Pair, float]:
        """Watch all pairs for some time, and longer than a renewal takes; return the round trips of those that answer.

        One lost echo, whatever the fault, is not taken for the fault's effect.
        """
        with self._watch(self._pairs) as watch:
            watch.watch(duration_s + self._renewal_s)
            return watch.answered_ms()

    def _before_ms(self, fault: Fault) -> dict[Pair, float]:
        found = self._answered_ms(2.0)
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
