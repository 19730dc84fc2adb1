"""The size of what a guest leaves: files, folders, hidden and unlinked ones."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.kernel.quota import LEAST_BYTES, size_below, size_unlinked
from tests.power import without_power

PLENTY = 2**40


def test_a_small_file_and_a_folder_count_the_least(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    assert size_below([str(tmp_path)], PLENTY) == 2 * LEAST_BYTES


def test_a_file_with_holes_counts_its_length(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10 * LEAST_BYTES)
    assert size_below([str(tmp_path)], PLENTY) == 10 * LEAST_BYTES


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    assert size_below([str(tmp_path)], PLENTY) == LEAST_BYTES


def test_the_count_ends_at_enough(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert size_below([str(tmp_path)], 3 * LEAST_BYTES) == 3 * LEAST_BYTES


def test_a_folder_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    assert size_below([str(tmp_path / "gone")], PLENTY) == 0


def test_a_folder_that_its_owner_may_not_read_counts_as_enough(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o300)
    with without_power():
        assert size_below([str(tmp_path)], PLENTY) == PLENTY


def test_an_open_file_without_a_name_counts(tmp_path: Path) -> None:
    before = size_unlinked(os.getpid())
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(LEAST_BYTES))
        file.flush()
        assert size_unlinked(os.getpid()) == before
        (tmp_path / "file").unlink()
        assert size_unlinked(os.getpid()) - before == LEAST_BYTES


def test_a_process_that_has_ended_has_no_files() -> None:
    assert size_unlinked(2**22 + 1) == 0
