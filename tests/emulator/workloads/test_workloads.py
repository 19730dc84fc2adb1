"""The workloads by their names."""

from __future__ import annotations

import pytest

from emulator.system.errors import EmulationError
from emulator.workloads import names, workload
from emulator.workloads.base import Workload


def test_the_workloads_are_the_modules_of_the_package() -> None:
    assert {"latency", "throughput"} <= set(names())
    assert all(isinstance(workload(name), Workload) for name in names())


def test_an_unknown_workload_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(EmulationError, match="unknown workload latenzy; did you mean `latency`"):
        workload("latenzy")
    with pytest.raises(EmulationError, match=r"unknown workload base; choose one of .*latency, .*streaming, "):
        workload("base")
