"""The time that cells will take, and the order that it gives them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

import gtsdsl
from emulator.bench.cells import Cell, Matrix, cells_of
from emulator.bench.costs import Costs, Remaining
from emulator.options import OverlayOptions
from emulator.plan import Options
from tests.emulator.bench.samples import result
from tests.emulator.samples import MESH


@pytest.fixture
def cells() -> list[Cell]:
    """Cells of latency over the mesh: none, flannel and libnetwork."""
    overlays = tuple(map(OverlayOptions, ("none", "flannel", "libnetwork:swarm")))
    return list(cells_of(gtsdsl.load(MESH), Options(), Matrix(overlays, ("latency",), ("AMS-MIL",))).cells)


def test_a_cell_takes_what_such_cells_took_or_else_what_is_usual_on_a_machine_as_slow(cells: list[Cell]) -> None:
    known = Costs(is_virtual=True)
    usual_s = [known.estimate_s(cell) for cell in cells]
    assert usual_s == sorted(usual_s)
    known.add(cells[0], replace(result("none"), wall_s=9 * usual_s[0]))
    known.add(cells[0], replace(result("none"), wall_s=11 * usual_s[0]))
    known.add(cells[1], replace(result("none", None), wall_s=1000.0))
    assert [known.estimate_s(cell) for cell in cells] == pytest.approx([10 * it for it in usual_s])


def test_waiting_takes_its_time_in_the_real_clock(cells: list[Cell]) -> None:
    assert Costs(is_virtual=False).estimate_s(cells[0]) > Costs(is_virtual=True).estimate_s(cells[0]) + 9


def test_the_time_left_is_shared_by_the_workers(cells: list[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    known = Costs(is_virtual=True)
    for cell in cells:
        known.add(cell, replace(result(cell.overlay), wall_s=10.0))
    none, flannel, libnetwork = cells
    remaining = Remaining(known, cells)
    assert remaining.left_s([none, flannel]) == 15
    now_s = 104.0
    assert remaining.left_s([none, flannel]) == 11
    remaining.end(none, replace(result("none"), wall_s=4.0))
    assert remaining.left_s([flannel, libnetwork]) == 10
    now_s = 200.0
    assert remaining.left_s([flannel, libnetwork]) == 0
