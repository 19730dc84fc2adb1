"""Reports of workers are read as those of strangers."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gtsdsl
from emulator.bench.cells import Matrix, cells_of
from emulator.bench.cluster.messages import ClusterReport
from emulator.bench.cluster.reports import read_report
from emulator.bench.worker import WorkerReport
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.system.decode import encode
from emulator.system.errors import EmulationError
from emulator.task import Task
from emulator.workloads.model import Figure, WorkloadResult
from tests.emulator.samples import MESH

MEASURED = WorkloadResult({}, (Figure("rtt.mean", 1.0, "us"),))
REPORT = WorkerReport(MEASURED, "none", None, None, 1.5)


@pytest.fixture(scope="module")
def task() -> Task:
    """The task of a cell."""
    matrix = Matrix((OverlayOptions("none"),), ("latency",), ("AMS-MIL",))
    return cells_of(gtsdsl.load(MESH), Options(), matrix).cells[0].task


def test_a_report_is_read(task: Task) -> None:
    assert read_report(task, encode(ClusterReport(REPORT))) == REPORT
    assert read_report(task, encode(ClusterReport(None))) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"report": None}, "its report is no text"),
        (b"x" * (2**26 + 1), "its report is no text of at most 64 MiB"),
        (b"{}", "its report is malformed"),
        (b"[" * 2_000_000, "its report is malformed"),
        (encode(ClusterReport(replace(REPORT, wall_s=-1.0))), "its report is impossible"),
        (encode(ClusterReport(replace(REPORT, error="failed"))), "its report is impossible"),
        (encode(ClusterReport(replace(REPORT, measured=None))), "its report is impossible"),
        (encode(ClusterReport(replace(REPORT, agent="\x1b[2J"))), "its report has impossible texts"),
        (encode(ClusterReport(replace(REPORT, store="x" * 20_001))), "its report has impossible texts"),
        (
            encode(ClusterReport(replace(REPORT, measured=WorkloadResult({}, MEASURED.figures * 2)))),
            "its workload has impossible names, or two figures of one name",
        ),
    ],
)  # fmt: skip
def test_an_impossible_report_is_refused(task: Task, data: object, message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        read_report(task, data)
