"""Reading an input: its text, or one finding that says why there is none."""

from __future__ import annotations

import io
import os
import socket
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import MAX_BYTES, read_source
from gtsdsl.source import Position
from tests.power import without_power

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def refusal(path: str | os.PathLike[str]) -> Diagnostic:
    with pytest.raises(GtsError) as caught:
        read_source(path)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.dsl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"type A {}\n", "type A {}\n"),
        (b"", ""),
        (b"\xef\xbb\xbftype A {}", "type A {}"),
        (b"a\r\nb\r\n", "a\r\nb\r\n"),
        ("šķīpšņa 日本 😀".encode(), "šķīpšņa 日本 😀"),
    ],
)
def test_text_is_read_as_it_is(tmp_path: Path, data: bytes, text: str) -> None:
    path = written(tmp_path, data)
    source = read_source(path)
    assert (source.name, source.text) == (str(path), text)


def test_the_name_is_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, b"x")
    monkeypatch.chdir(tmp_path)
    assert read_source("./a.dsl").name == "./a.dsl"


@pytest.mark.parametrize(
    ("data", "message", "position"),
    [
        (b"ab\ncd\xff", "byte 0xFF is not UTF-8", Position(2, 3)),
        (b"\xef\xbb\xbfa\xff", "byte 0xFF is not UTF-8", Position(1, 2)),
        (b"\xc3\xa9\xe9", "byte 0xE9 is not UTF-8", Position(1, 2)),
        (b"a\xed\xa0\x80", "byte 0xED is not UTF-8", Position(1, 2)),  # a surrogate
        (b"a\nb\0c", "a NUL byte: this is not text", Position(2, 2)),
        (b"\x7fELF\x02\x01\x01\0", "a NUL byte: this is not text", Position(1, 8)),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(
    tmp_path: Path, data: bytes, message: str, position: Position
) -> None:
    diagnostic = refusal(written(tmp_path, data))
    assert (diagnostic.code, diagnostic.message) == ("GTS003", message)
    assert diagnostic.place is not None
    assert diagnostic.source.position(diagnostic.source.span(diagnostic.place).start) == position


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    diagnostic = refusal(written(tmp_path, "type A {}".encode(encoding)))
    assert diagnostic.code == "GTS003"
    assert diagnostic.message == f"the text is {encoding[:6].upper()}"
    assert diagnostic.hint == "save it as UTF-8"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    diagnostic = refusal(tmp_path / "a.dsl")
    assert (diagnostic.code, diagnostic.message, diagnostic.hint) == ("GTS002", "no such file", None)


def test_a_file_that_is_not_there_has_a_near_one(tmp_path: Path) -> None:
    written(tmp_path, b"")
    assert refusal(tmp_path / "a.dsk").hint == "did you mean `a.dsl`?"


@posix
def test_a_file_in_a_folder_that_is_a_file(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, b"") / "b").message == "cannot be read: Not a directory"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path).message == "a folder, not a file"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have(name: str) -> None:
    assert refusal(name).code == "GTS002"


@posix
def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.dsl").symlink_to("gone\x1b[31m.dsl")
    message = "a symbolic link to `gone\\x1b[31m.dsl`, which does not exist"
    assert refusal(tmp_path / "a.dsl").message == message


@posix
def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.dsl").symlink_to("a.dsl")
    assert refusal(tmp_path / "a.dsl").code == "GTS002"


@posix
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = written(tmp_path, b"x")
    path.chmod(0)
    with without_power():
        assert refusal(path).message == "no permission to read this file"


@posix
@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_what_takes_a_file_s_place_is_not_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the file and its opening, another program can put a pipe or a device in its place."""
    path = written(tmp_path, b"T { }")
    found = path.stat()
    path.unlink()
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    monkeypatch.setattr(Path, "stat", lambda _: found)
    assert refusal(path).message == "not a regular file"


@posix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_not_opened(device: str) -> None:
    assert refusal(device).message == "not a regular file"


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.dsl")
    assert stat.S_ISFIFO((tmp_path / "a.dsl").stat().st_mode)
    diagnostic = refusal(tmp_path / "a.dsl")
    assert diagnostic.hint == "a pipe's text is read from standard input: give `-` as the file"


@posix
def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.dsl")
        assert refusal("a.dsl").message == "not a regular file"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = written(tmp_path, b"")
    os.truncate(path, 2**40)  # sparse: what is beyond the bound must not be read
    assert (refusal(path).code, refusal(path).message) == ("GTS005", "the input has more than 16 MiB")


def test_a_file_as_large_as_may_be(tmp_path: Path) -> None:
    assert len(read_source(written(tmp_path, b" " * MAX_BYTES)).text) == MAX_BYTES


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xef\xbb\xbftype A {}")))
    source = read_source("-")
    assert (source.name, source.text) == ("<stdin>", "type A {}")


def test_standard_input_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull if os.name == "nt" else "/dev/zero").open("rb") as endless:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless))
        if os.name != "nt":
            assert refusal("-").code == "GTS005"


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-").message == "standard input is closed"


def test_standard_input_is_one_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (b"type A {}", b""):  # an empty input is read, too
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        assert read_source("-").text == text.decode()
        found = refusal("-")
        assert (found.code, found.message) == ("GTS002", "standard input is read already")
        assert found.hint == "give `-` for one file only"
