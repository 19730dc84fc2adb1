"""The folder of results: what is kept, what is damaged, and what cannot be written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.bench.results import VERSION
from emulator.bench.store import ResultStore, read_results
from emulator.system.errors import EmulationError
from tests.emulator.bench.samples import KEY, result, results_of

REPORT = Path(__file__).parents[3] / "docs" / "report"


@pytest.fixture
def warnings() -> list[str]:
    """The warnings of the test's store."""
    return []


@pytest.fixture
def store(tmp_path: Path, warnings: list[str]) -> ResultStore:
    """A new, empty store."""
    return ResultStore(tmp_path / "report", warnings.append)


def test_a_result_comes_back_as_it_was(store: ResultStore, warnings: list[str]) -> None:
    assert store.get(KEY) is None
    store.put(result())
    assert store.get(KEY) == result()
    assert warnings == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_named_and_kept(
    store: ResultStore, warnings: list[str], tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "report" / "cells" / f"{KEY}.json"
    path.write_bytes(content)
    assert store.get(KEY) is None
    (warning,) = warnings
    assert str(path) in warning
    assert f"it is kept as {KEY}.json.damaged, and its cell runs again" in warning
    assert path.with_name(f"{KEY}.json.damaged").read_bytes() == content
    store.put(result())
    assert store.get(KEY) == result()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            replace(result(), version=VERSION - 1),
            f"is of version {VERSION - 1}, and this gtsdsl reads version {VERSION}",
        ),
        (replace(result(), key="1" * 32), "is of another cell"),
    ],
    ids=["version", "cell"],
)
def test_a_file_of_another_version_or_cell_is_set_aside(
    store: ResultStore, warnings: list[str], tmp_path: Path, wrong: object, why: str
) -> None:
    store.put(result())
    path = tmp_path / "report" / "cells" / f"{KEY}.json"
    other = ResultStore(tmp_path / "other", warnings.append)
    other.put(wrong)  # type: ignore[arg-type]
    (written,) = (tmp_path / "other" / "cells").iterdir()
    path.write_bytes(written.read_bytes())
    assert store.get(KEY) is None
    assert warnings == [f"{path} {why}; it is kept as {path.name}.damaged, and its cell runs again"]


def test_the_results_of_a_run_are_read_by_the_folder_or_the_file(store: ResultStore, tmp_path: Path) -> None:
    results = results_of(result(), result(mean_us=None))
    store.put_all(results)
    assert read_results(tmp_path / "report") == results
    assert read_results(tmp_path / "report" / "results.json") == results


def test_the_results_of_the_published_report_are_of_this_version() -> None:
    assert read_results(REPORT).cells


@pytest.mark.parametrize("version", [1, VERSION - 1])
def test_results_of_an_older_version_are_named_whatever_fields_they_had(tmp_path: Path, version: int) -> None:
    (tmp_path / "results.json").write_text(f'{{"version": {version}, "testbed": "Mesh", "cells": [{{"cpu": "t"}}]}}')
    message = f"results.json is of version {version}, and this gtsdsl reads version {VERSION}"
    with pytest.raises(EmulationError, match=message):
        read_results(tmp_path)


def test_missing_results_name_the_command_that_writes_them(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="No such file or directory; `gtsdsl bench FILE -o DIR` writes it"):
        read_results(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EmulationError, match="pipe is a pipe, not a file"):
        read_results(tmp_path / "pipe")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmulationError, match="file/report cannot be made: Not a directory"):
        ResultStore(tmp_path / "file" / "report", lambda _: None)
