"""Files that a guest leaves are not trusted."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from emulator.kernel.job import put_input, read_result, step_text
from emulator.system.errors import EmulationError


def test_a_result(tmp_path: Path) -> None:
    (tmp_path / "result").write_bytes(b"42\n")
    assert read_result(tmp_path, "result", 100) == b"42\n"
    assert read_result(tmp_path, "missing", 100) is None


def test_a_result_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "result").symlink_to("/etc/passwd")
    with pytest.raises(EmulationError, match="result cannot be read"):
        read_result(tmp_path, "result", 10**6)


def test_a_result_in_a_folder_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(EmulationError, match=r"Not a directory|symbolic"):
        read_result(tmp_path / "link", "passwd", 10**6)


def test_a_result_that_is_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "result")
    with pytest.raises(EmulationError, match="no regular file"):
        read_result(tmp_path, "result", 10**6)


def test_a_result_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "result").mkdir()
    with pytest.raises(EmulationError, match="no regular file"):
        read_result(tmp_path, "result", 10**6)


def test_a_result_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "result").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(EmulationError, match="1000000000000 bytes"):
        read_result(tmp_path, "result", 10**6)


@pytest.mark.parametrize("name", ["request-1", "request-1.part"])
def test_an_input_in_whose_place_is_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(EmulationError, match="input request-1 cannot be written"):
        put_input(tmp_path, "request-1", b"")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_input_for_which_there_is_no_room_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(EmulationError, match=f"init cannot be written: {tmp_path}: {os.strerror(number)}: make room"):
        put_input(tmp_path, "init", b"")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../x"])
def test_only_names_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        read_result(tmp_path, name, 100)


def test_words_are_fit_for_a_terminal() -> None:
    text = step_text(["ping", "\x1b[31mred", "a\nb", "\u202egnp", "x" * 1000], None)
    assert text.isprintable()
    assert len(text) == 200


def test_what_the_guest_says_itself_comes_first() -> None:
    assert step_text(["python3", "run.py"], b"h1: ping -c 3 h2\n") == "h1: ping -c 3 h2"
