"""Results to Parquet, by polars: all figures, and all samples of all series."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from emulator.bench.results import CellResult
from emulator.bench.tables import Row, rows

if TYPE_CHECKING:
    import polars


def has_polars() -> bool:
    """Return whether polars is installed."""
    return importlib.util.find_spec("polars") is not None


def figures(results: Sequence[CellResult]) -> bytes:
    """Return the rows of `tables.rows` as Parquet; a figure without a value is null."""
    import polars

    types = {"float | None": polars.Float64(), "int": polars.Int64(), "str": polars.String()}
    schema = polars.Schema({item.name: types[str(item.type)] for item in fields(Row)})
    return _parquet(polars.DataFrame(list(rows(results)), schema=schema, orient="row"))


def samples(results: Sequence[CellResult]) -> bytes:
    """Return a row for each value of each series as Parquet, in the order in which they were measured.

    ``number`` counts the values of a series from 0. ``time_s`` is the number times the series' interval; null if that
    is not constant. ``key`` joins the rows with those of `figures`.
    """
    import polars

    schema = polars.Schema(
        {
            **dict.fromkeys(("key", "overlay", "circuit", "network", "workload", "level"), polars.String()),
            "repetition": polars.Int64(),
            **dict.fromkeys(("series", "unit"), polars.String()),
            "interval_s": polars.Float64(),
            "value": polars.List(polars.Float64()),
        }
    )
    found = [
        (
            it.key, it.overlay, it.circuit, it.network, it.workload, it.level, it.repetition,
            series.name, series.unit, series.interval_s, list(series.values),
        )
        for it in results if it.measured is not None for series in it.measured.series
    ]  # fmt: skip
    number = polars.int_ranges(polars.col("value").list.len()).alias("number")
    frame = polars.DataFrame(found, schema=schema, orient="row").filter(polars.col("value").list.len() > 0)
    values = frame.with_columns(number).explode("number", "value", empty_as_null=False)
    time = (polars.col("number") * polars.col("interval_s")).alias("time_s")
    return _parquet(values.with_columns(time).select(polars.exclude("interval_s", "value"), "value"))


def _parquet(frame: polars.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()
