"""A benchmark with a cost table of processors: what its cells depend on, and what its file may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.bench.cells import Cell, Matrix, cells_of
from emulator.bench.fingerprint import sha256_of_task
from emulator.options import OverlayOptions
from emulator.plan import Options
from emulator.plan.cpu import cpu_choice
from gtsdsl.cli.bench.matrix_file import read_matrix
from gtsdsl.diagnostics import GtsError
from gtsdsl.loading import load
from gtsdsl.source import Source
from tests.emulator.samples import MESH

TABLE = str(Path(__file__).parents[3] / "examples" / "cost_table.toml")


def cell(model: str, *cpus: str, offload: bool = True) -> Cell:
    options = Options(cpu=cpu_choice(model, cpus, offload=offload))
    found = cells_of(
        load(MESH), options, Matrix((OverlayOptions("none"),), ("latency",), ("AMS-MIL",), point_to_point=True)
    )
    return found.cells[0]


def test_a_cell_depends_on_the_table_the_shares_and_the_offload() -> None:
    cells = [cell("none"), cell(TABLE), cell(TABLE, "1"), cell(TABLE, "h1=0.5"), cell(TABLE, offload=False)]
    assert len({sha256_of_task(it.task) for it in cells}) == len(cells)
    assert sha256_of_task(cell(TABLE).task) == sha256_of_task(cells[1].task)


def test_a_share_of_a_host_outside_a_pair_leaves_the_pair_as_it_is() -> None:
    cpu = cell(TABLE, "h1=0.5", "h5=1").task.plan.cpu
    assert cpu is not None
    assert sorted(cpu.cpus.values()) == [0.5, 2.0]


def test_a_file_names_a_shipped_table_or_one_below_its_folder(tmp_path: Path) -> None:
    source = str(tmp_path / "bench.toml")
    assert read_matrix(Source(source, 'cpu-model = "study-2016"')).values["cpu-model"] == "study-2016"
    assert read_matrix(Source(source, 'cpu-model = "t.toml"')).values["cpu-model"] == str(tmp_path / "t.toml")
    with pytest.raises(GtsError, match="not below the folder"):
        read_matrix(Source(source, 'cpu-model = "../t.toml"'))
