"""The cost of cells in wall time: from cells that were measured, else from figures of how long each overlay takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from emulator.bench.cells import Cell
from emulator.bench.results import CellResult

_START_S = {"none": 0.15, "geneve": 0.2, "nebula": 0.6, "flannel": 0.8, "weave": 0.7, "calico": 1.0, "libnetwork": 7.0}
"""Seconds of wall time in which an overlay starts on a host, on a processor of 2026 that is otherwise idle."""
_OTHER_START_S = 1.0
_BOOT_S = 1.0
"""Seconds until a guest has a network, with the start of Python."""
_IDLE_S = {"libnetwork": 0.2}
"""Seconds of wall time that the daemons of an overlay take for a second of the virtual clock."""
_OTHER_IDLE_S = 0.01
_WORKLOAD_S = {
    "latency": 0.5, "throughput": 9.0, "streaming": 15.0, "convergence": 10.0, "store": 0.0, "encapsulation": 1.0,
}  # fmt: skip
"""Seconds of wall time for ten seconds of a workload, beside what the daemons take."""
_OTHER_WORKLOAD_S = 5.0
_SLOW = {"flannel:udp": 5.0}
"""The factor by which an overlay is slower that forwards each packet in a program of its own."""

_Kind = tuple[str, str, str]


class Costs:
    """Estimates of the wall time of cells, which get better with each cell that was measured."""

    def __init__(self, *, is_virtual: bool) -> None:
        """``is_virtual``: waiting takes no time, because the clock is virtual or skips."""
        self._is_virtual = is_virtual
        self._measured: dict[_Kind, tuple[int, float]] = {}
        self._took_s = self._usually_s = 0.0

    def add(self, cell: Cell, result: CellResult) -> None:
        """Count the result of a cell; that of a cell which failed says nothing."""
        if result.error is None and result.wall_s > 0:
            count, total_s = self._measured.get(_kind(cell), (0, 0.0))
            self._measured[_kind(cell)] = count + 1, total_s + result.wall_s
            self._took_s += result.wall_s
            self._usually_s += _usual_s(cell, self._is_virtual)

    def estimate_s(self, cell: Cell) -> float:
        """Return the wall time that a cell will take, in seconds: as such cells took, or on a machine as slow."""
        count, total_s = self._measured.get(_kind(cell), (0, 0.0))
        if count:
            return total_s / count
        slowness = self._took_s / self._usually_s if self._usually_s else 1.0
        return slowness * _usual_s(cell, self._is_virtual)


class Remaining:
    """The cells that have not ended, and how long each has run, for the time that they will still take."""

    def __init__(self, costs: Costs, cells: Sequence[Cell]) -> None:
        self._costs = costs
        self._waiting = {id(cell): cell for cell in cells}
        self._began_s: dict[int, float] = {}
        self._waiting_s: list[float] | None = None
        self._workers = 1

    def end(self, cell: Cell, result: CellResult) -> None:
        """Count a cell that has ended."""
        self._waiting.pop(id(cell), None)
        self._began_s.pop(id(cell), None)
        self._costs.add(cell, result)
        self._waiting_s = None

    def left_s(self, running: Sequence[Cell]) -> float:
        """Return the wall time until all cells have ended, if as many run at a time as so far."""
        now_s = time.monotonic()
        self._workers = max(self._workers, len(running))
        for cell in running:
            if self._waiting.pop(id(cell), None) is not None:
                self._began_s[id(cell)] = now_s
                self._waiting_s = None
        if self._waiting_s is None:  # all cells are counted anew only if one has started or ended
            self._waiting_s = [self._costs.estimate_s(cell) for cell in self._waiting.values()]
        rests_s = [max(0.0, self._costs.estimate_s(it) - (now_s - self._began_s[id(it)])) for it in running]
        total_s = sum(self._waiting_s) + sum(rests_s)
        return max(total_s / self._workers, max(self._waiting_s, default=0.0), max(rests_s, default=0.0))


def _usual_s(cell: Cell, is_virtual: bool) -> float:
    """Return the wall time that a cell takes on a machine that is otherwise idle."""
    overlay = cell.overlay.partition(":")[0]
    duration_s = 10.0 if cell.task.workload is None else cell.task.workload.duration_s
    start_s = _BOOT_S + _START_S.get(overlay, _OTHER_START_S) * len(cell.task.plan.hosts)
    each_s = _WORKLOAD_S.get(cell.workload, _OTHER_WORKLOAD_S) / 10 * _SLOW.get(cell.overlay, 1.0)
    return start_s + duration_s * (each_s + (_IDLE_S.get(overlay, _OTHER_IDLE_S) if is_virtual else 1.0))


def _kind(cell: Cell) -> _Kind:
    return cell.overlay, cell.workload, cell.network
