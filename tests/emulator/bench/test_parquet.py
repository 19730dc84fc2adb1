"""The Parquet files of a benchmark hold what its CSV and its JSON hold."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import polars
import pytest

from emulator.bench import parquet
from emulator.bench.results import CellResult
from emulator.bench.store import ResultStore
from emulator.workloads.model import Figure, Series, WorkloadResult
from tests.emulator.bench.samples import result, results_of

MEASURED = WorkloadResult(
    {},
    (Figure("rtt.mean", 0.1 + 0.2, "us"), Figure("rtt.lost", 0, "packets"), Figure("rtt.jitter", None, "us")),
    (Series("rtt", "us", (1.5, 2.5), 0.5), Series("start", "s", (3.0,)), Series("none", "s", ())),
)
CELLS: tuple[CellResult, ...] = (
    replace(result(), measured=MEASURED),
    replace(result(mean_us=None), error='it said "no",\nand ended'),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a benchmark with a measured cell and one that failed."""
    ResultStore(tmp_path, pytest.fail).put_all(results_of(*CELLS))
    return tmp_path


def test_parquet_and_csv_are_equal(folder: Path) -> None:
    from_parquet = polars.read_parquet(folder / "results.parquet")
    from_csv = polars.read_csv(folder / "results.csv", schema=from_parquet.schema, empty_string_is_null=False)
    assert from_parquet.equals(from_csv)
    assert from_parquet.schema["value"] == polars.Float64()
    assert from_parquet["value"].to_list() == [0.1 + 0.2, 0.0, None, None]
    assert from_parquet["error"].to_list()[-1] == CELLS[1].error


def test_samples_have_a_row_for_each_value(folder: Path) -> None:
    found = polars.read_parquet(folder / "samples.parquet").select("key", "series", "unit", "number", "time_s", "value")
    key = CELLS[0].key
    assert found.rows() == [
        (key, "rtt", "us", 0, 0.0, 1.5),
        (key, "rtt", "us", 1, 0.5, 2.5),
        (key, "start", "s", 0, None, 3.0),
    ]


def test_no_cells_are_empty_files() -> None:
    assert polars.read_parquet(io.BytesIO(parquet.samples(()))).is_empty()
    assert polars.read_parquet(io.BytesIO(parquet.figures(()))).is_empty()


def test_without_polars_all_other_files_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "has_polars", lambda: False)
    warnings: list[str] = []
    ResultStore(folder, warnings.append).put_all(results_of(*CELLS))
    assert warnings == [
        "results.parquet and samples.parquet are not written: the Python package polars is missing: "
        "pip install 'gtsdsl[bench]'"
    ]
    assert sorted(it.name for it in folder.iterdir()) == ["cells", "results.csv", "results.json"]
