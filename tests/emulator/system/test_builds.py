"""Builds in the cache folder: the lock of their folder, the end of their programs, and what is removed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from emulator.system.builds import building, clean, error_in, kept_folders, plain_folder, running
from emulator.system.errors import EmulationError
from emulator.system.run_folders import runs_folder
from tests.emulator.waiting import is_running, wait_for


def test_a_folder_is_for_one_build_at_a_time_and_empty_at_its_start(tmp_path: Path) -> None:
    left = tmp_path / "kept" / "building-x" / "folder" / "file"
    left.parent.mkdir(parents=True)
    left.touch()
    with building(tmp_path / "kept", "x", "thing") as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]
        with pytest.raises(EmulationError, match="another gtsdsl builds this thing right now"):
            building(tmp_path / "kept", "x", "thing").__enter__()
        with building(tmp_path / "kept", "y", "thing") as other:
            assert other != folder
    assert kept_folders(tmp_path / "kept") == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(
            EmulationError, match=rf"no room to build this thing in {tmp_path}/building-x: make room, or set X"
        ),
        building(tmp_path, "x", "thing"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_clean_leaves_a_build_that_runs_and_what_a_link_leads_to(tmp_path: Path) -> None:
    kept, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with building(kept, "x", "thing") as folder:
        (kept / "whole").mkdir()
        (kept / "link").symlink_to(elsewhere)
        assert list(clean(kept_folders(kept))) == [kept / "link", kept / "whole"]
        assert folder.is_dir()
    assert elsewhere.is_dir()


def test_folders_that_cannot_be_made_or_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with (
        pytest.raises(EmulationError, match=r"kept/building-x: .*; set XDG_CACHE_HOME to a folder you may write"),
        building(tmp_path / "kept", "x", "thing"),
    ):
        pass
    with pytest.raises(EmulationError, match="kept: Not a directory"):
        kept_folders(tmp_path / "kept")
    assert kept_folders(tmp_path / "missing") == []


def test_a_program_of_a_build_ends_with_it_and_its_children_too(tmp_path: Path) -> None:
    pids: list[int] = []

    def build_until_interrupted() -> None:
        with running(["sh", "-c", "sleep 300 & echo $!; wait"], tmp_path, os.environ, None) as process:
            assert process.stdout is not None
            pids.extend([process.pid, int(process.stdout.readline())])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_until_interrupted()
    wait_for(lambda: not any(is_running(pid) for pid in pids))


def test_errors_of_a_program_go_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(["sh", "-c", "echo wrong >&2; exit 3"], tmp_path, os.environ, log) as process:
        pass
    assert (process.returncode, log.read_text()) == (3, "wrong\n")


@pytest.mark.parametrize("name", ["with a blank", "with:a:colon", "with\ttab"])
def test_linux_is_compiled_elsewhere_where_its_makefiles_would_take_the_path_apart(tmp_path: Path, name: str) -> None:
    plain = tmp_path / "plain"
    with plain_folder(plain, "Linux") as work:
        assert work == plain
    with plain_folder(tmp_path / name, "Linux") as work:
        assert work.is_dir()
        assert work.parent == runs_folder()
    assert not work.exists()


def test_a_temporary_folder_with_a_blank_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    with pytest.raises(EmulationError, match="set TMPDIR to a folder without"), plain_folder(tmp_path / "a b", "Linux"):
        pass
    assert [path.name for path in runs_folder().iterdir()] == ["lock"]


def test_of_a_log_the_first_error_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "a.h:1:2: warning: error is compared\n 1799 |   if (error == error)\n      |   ^~~~\na.c:3:4: error: no x\n"
    )
    assert error_in(log) == "a.c:3:4: error: no x"
    log.write_text("")
    assert error_in(log) == "make says nothing"
