"""Writing an output: whole, or not at all and with one clear message."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import click
import pytest

from gtsdsl.cli.output import wants_color, write_output
from tests.power import without_power

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("data", "content"), [("é\n", b"\xc3\xa9\n"), (b"\x00\xff", b"\x00\xff"), ("\ud800", b"\\ud800")]
)
def test_a_file_holds_what_was_written(tmp_path: Path, data: str | bytes, content: bytes) -> None:
    write_output(tmp_path / "out", data)
    assert (tmp_path / "out").read_bytes() == content
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


@pytest.mark.parametrize("path", [None, Path("-")])
def test_no_path_is_standard_output(path: Path | None, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_output(path, "é\n")
    assert capfdbinary.readouterr().out == b"\xc3\xa9\n"


@posix
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_users_permissions(tmp_path: Path, umask: int, expected: int) -> None:
    before = os.umask(umask)
    try:
        write_output(tmp_path / "out", "x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "out") == expected


@posix
def test_an_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    path.chmod(0o750)
    write_output(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o750)


@posix
def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/out")
    for text in ("first", "second"):
        write_output(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "folder" / "out").read_text() == text


def test_without_force_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_output(path, "old", force=False)
    with pytest.raises(click.ClickException, match=r"out exists: --force overwrites it"):
        write_output(path, "new", force=False)
    assert path.read_text() == "old"


def test_when_writing_fails_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_text("old")

    def fail(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_output(path, "new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="is a folder: give the name of a file"):
        write_output(tmp_path, "x")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"cannot be written: the folder .* is missing"):
        write_output(tmp_path / "gone" / "out", "x")


@posix
def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(click.ClickException, match="cannot be written: Not a directory"):
        write_output(tmp_path / "file" / "out", "x")


@posix
def test_a_file_that_is_write_protected(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    (tmp_path / "out").chmod(0o444)
    with without_power(), pytest.raises(click.ClickException, match="cannot be written: it is write-protected"):
        write_output(tmp_path / "out", "new")


@posix
def test_a_folder_that_is_write_protected(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with without_power(), pytest.raises(click.ClickException, match="cannot be written: Permission denied"):
        write_output(tmp_path / "out", "new")


@posix
@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(click.ClickException, match="cannot be written"):
        write_output(Path(name), "x")


@posix
def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(click.ClickException, match="cannot be written"):
        write_output(tmp_path / "out", "x")


@posix
def test_a_name_is_shown_harmlessly(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException) as caught:
        write_output(tmp_path / "\x1b[31m\n::error::x" / "out", "x")
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message


@posix
def test_a_device_is_written_to_directly() -> None:
    write_output(Path("/dev/null"), "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk() -> None:
    with pytest.raises(click.ClickException, match="/dev/full cannot be written: No space left on device"):
        write_output(Path("/dev/full"), "x")


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colored"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (None, {"TERM": "xterm"}, False),
    ],
)
def test_color_is_for_terminals(
    stream: object, environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color(stream) == colored
