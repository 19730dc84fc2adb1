"""Checks of what a worker of a cluster sends as the report of a cell."""

from __future__ import annotations

from emulator.bench.cluster.messages import ClusterReport
from emulator.bench.worker import WorkerReport
from emulator.kernel.guest import RESULT_BYTES
from emulator.outside.verify import verify_workload
from emulator.system.decode import decode
from emulator.system.errors import EmulationError
from emulator.task import Task

_MOST_WALL_S = 1e7
_LONGEST = 20_000
"""The limit of an overlay's agents, of which each host may have another, and of an error."""


def read_report(task: Task, data: object) -> WorkerReport | None:
    """Return the report on a cell's task; None if the worker lacks files of the cell.

    Raises:
        EmulationError: the data are no report, or cannot be that of the task.
    """
    if not isinstance(data, bytes) or len(data) > RESULT_BYTES:
        raise EmulationError(f"its report is no text of at most {RESULT_BYTES // 2**20} MiB")
    report = decode(ClusterReport, data, "its report").report
    if report is None:
        return None
    texts = (report.agent, report.store or "", report.error or "", *report.misfits)
    if not all(text.isprintable() and len(text) <= _LONGEST for text in texts):
        raise EmulationError("its report has impossible texts")
    if not 0 <= report.wall_s < _MOST_WALL_S or (report.measured is None) == (report.error is None):
        raise EmulationError("its report is impossible")
    if report.measured is not None:
        verify_workload(task, report.measured)
    return report
