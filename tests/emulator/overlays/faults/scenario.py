"""The faults, one after the other, in a guest beside an overlay."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from emulator.mininet.impair import impair
from emulator.overlays.calico.overlay import Calico
from emulator.overlays.model import first_containers
from tests.emulator.overlays.faults.model import Fault, Figures
from tests.emulator.overlays.faults.watch import SAME_MS, Pair, Watch
from tests.emulator.overlays.inside import Stage, cut, kill, seconds_until

DEAD_S = 20.0
"""So long a program is dead."""
CUT_HOST, HUB_HOST, AGENT_HOST = "h4", "h1", "h2"
CIRCUIT = ("h1", "h2")
CIRCUIT_PAIR = ("c1", "c2")
"""The containers at the ends of `CIRCUIT`."""


def break_everything(stage: Stage, faults: list[str], cut_s: float) -> dict[str, object]:
    """Bring each of some faults about and return its figures, by the fault's name; cuts last for ``cut_s``."""
    breaks = _Break(stage, cut_s)
    return {fault: asdict(breaks.figures(Fault(fault))) for fault in faults}


class _Break:
    """One fault after another, and the pairs of containers that each is between."""

    def __init__(self, stage: Stage, cut_s: float) -> None:
        self._stage = stage
        self._cut_s = cut_s
        self._container = first_containers(stage.overlay.spec)
        self._pairs: list[Pair] = list(itertools.combinations(self._container.values(), 2))

    def figures(self, fault: Fault) -> Figures:
        """Bring a fault about, watch the containers, end the fault, and watch them until all is as before."""
        before_ms = self._before_ms()
        affected = self._affected(fault)
        others = [pair for pair in self._pairs if pair not in affected]
        with _brought_about(self._stage, fault):
            with Watch(self._stage, affected) as watch:
                mended_s = watch.watch(DEAD_S if fault in {Fault.STORE, Fault.HUB, Fault.AGENT} else self._cut_s)
                affected_ms = watch.last_ms()
            with Watch(self._stage, others) as watch:
                watch.watch(1.0)
                others_ms = watch.last_ms()
            ended_ns = time.time_ns()
        with Watch(self._stage, self._pairs) as watch:
            back_s = watch.until_as_before(before_ms, ended_ns)
        detour_ms = affected_ms.get(CIRCUIT_PAIR)
        is_detour = detour_ms is not None and abs(detour_ms - before_ms[CIRCUIT_PAIR]) > SAME_MS
        return Figures(
            others=(len(others_ms), len(others)),
            affected=(len(affected_ms), len(affected)),
            mended_s=mended_s,
            detour_ms=round(detour_ms, 1) if detour_ms is not None and is_detour else None,
            back_s=back_s,
        )

    def _before_ms(self) -> dict[Pair, float]:
        with Watch(self._stage, self._pairs) as watch:
            watch.watch(2.0)
            found = watch.last_ms()
        assert found.keys() == set(self._pairs), "some containers do not reach each other before the fault"
        return found

    def _affected(self, fault: Fault) -> list[Pair]:
        """Return the pairs that a fault is between; all, if the store fails."""
        if fault is Fault.STORE:
            return self._pairs
        if fault in {Fault.CIRCUIT, Fault.SILENCE}:
            return [CIRCUIT_PAIR]
        host = {Fault.HOST: CUT_HOST, Fault.HUB: HUB_HOST, Fault.AGENT: AGENT_HOST}[fault]
        return [pair for pair in self._pairs if self._container[host] in pair]


@contextmanager
def _brought_about(stage: Stage, fault: Fault) -> Iterator[None]:
    """Bring a fault about; end it at exit."""
    if fault is Fault.HOST:
        cut(stage.net, CUT_HOST, "down")
        yield
        cut(stage.net, CUT_HOST, "up")
    elif fault is Fault.CIRCUIT:
        stage.net.configLinkStatus(*CIRCUIT, "down")
        yield
        stage.net.configLinkStatus(*CIRCUIT, "up")
    elif fault is Fault.SILENCE:
        (circuit,) = (it.id for it in stage.net.plan.circuits if {end.node for end in it.ends} == set(CIRCUIT))
        impair(stage.net, circuit, ["loss", "100%"])
        yield
        impair(stage.net, circuit, ["loss", "0%"])
    elif fault is Fault.STORE:
        stage.store.daemon.stop(signal.SIGKILL)
        yield
        stage.store.start()
    else:
        host = HUB_HOST if fault is Fault.HUB else AGENT_HOST
        kill(stage.net, host)
        if isinstance(stage.overlay, Calico) and host in stage.overlay.birds:
            stage.overlay.birds[host].stop(signal.SIGKILL)
        yield
        _start_again(stage, host)


def _start_again(stage: Stage, host: str) -> None:
    """Start the agent of a host; containers of Docker have ended with it, and are attached when it is ready."""
    spec = stage.overlay.spec
    stage.overlay.start(host)
    if spec.runtime == "docker":
        seconds_until(lambda: bool(stage.overlay.is_ready(host)))
        for container in spec.containers:
            if container.host == host:
                stage.net.reattach(container.name)
