"""`gtsdsl fmt` as a process: what it changes, shows and exits with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.inputs import CLEAN, gtsdsl

UGLY = CLEAN.replace("  host", "host").replace("; ", " ")
BROKEN = "T { host { id = } }\n"


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.dsl"
    path.write_bytes(UGLY.encode())
    return path


def test_a_file_is_laid_out(ugly: Path) -> None:
    result = gtsdsl("fmt", str(ugly))
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr.decode() == f"formatted {ugly}\n"
    assert ugly.read_text() == CLEAN
    assert gtsdsl("fmt", str(ugly)).stderr == b""


@pytest.mark.parametrize(("text", "status"), [(UGLY, 1), (CLEAN, 0), (UGLY.replace("\n", "\r\n"), 1)])
def test_check_changes_nothing(tmp_path: Path, text: str, status: int) -> None:
    path = tmp_path / "x.dsl"
    path.write_bytes(text.encode())
    result = gtsdsl("fmt", "--check", str(path))
    assert (result.returncode, result.stdout) == (status, b"")
    assert result.stderr.decode() == (f"would format {path}\n" if status else "")
    assert path.read_bytes() == text.encode()


def test_diff_shows_and_changes_nothing(ugly: Path) -> None:
    result = gtsdsl("fmt", "--diff", str(ugly))
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 0
    assert lines[:2] == [f"--- {ugly}", f"+++ {ugly} (formatted)"]
    assert '-host { id = "h1" location = "AMS" port { id = "p" } }' in lines
    assert '+  host { id = "h1"; location = "AMS"; port { id = "p" } }' in lines
    assert ugly.read_text() == UGLY
    assert gtsdsl("fmt", "--check", "--diff", str(ugly)).returncode == 1


def test_a_diff_holds_no_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.dsl"
    path.write_text("T {\n// \x1b[31m red \u202e\na=1\n}\n")
    assert b"\x1b" not in gtsdsl("fmt", "--diff", str(path)).stdout


def test_standard_input_is_laid_out_to_standard_output() -> None:
    result = gtsdsl("fmt", "-", stdin=UGLY.encode())
    assert (result.returncode, result.stdout.decode(), result.stderr) == (0, CLEAN, b"")
    assert gtsdsl("fmt", "--check", "-", stdin=UGLY.encode()).returncode == 1


def test_line_ends_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.dsl"
    path.write_bytes(UGLY.replace("\n", "\r\n").encode())
    gtsdsl("fmt", str(path))
    assert path.read_bytes() == CLEAN.replace("\n", "\r\n").encode()


def test_a_file_with_errors_stays_and_the_others_are_laid_out(tmp_path: Path, ugly: Path) -> None:
    broken = tmp_path / "broken.dsl"
    broken.write_text(BROKEN)
    result = gtsdsl("fmt", str(tmp_path))
    assert result.returncode == 1
    assert "GTS001" in result.stderr.decode()
    assert broken.read_text() == BROKEN
    assert ugly.read_text() == CLEAN


@pytest.mark.parametrize(("name", "code"), [("missing.dsl", "GTS002"), ("", "GTS002"), ("empty", "GTS002")])
def test_what_cannot_be_read(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    result = gtsdsl("fmt", name, cwd=tmp_path)
    assert result.returncode == 1
    assert code in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_json_is_no_dsl(tmp_path: Path) -> None:
    path = tmp_path / "x.dsl"
    path.write_text('{"gts": "2.0"}')
    assert gtsdsl("fmt", str(path)).returncode == 1
    assert path.read_text() == '{"gts": "2.0"}'


def test_a_link_that_is_found_in_a_folder_changes_nothing_where_it_leads(tmp_path: Path, ugly: Path) -> None:
    """The folder may be a stranger's, and the file that the link leads to the user's own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "own.dsl").write_text(UGLY)
    (folder / "link.dsl").symlink_to(ugly)
    assert gtsdsl("fmt", str(folder)).returncode == 0
    assert (ugly.read_text(), (folder / "own.dsl").read_text()) == (UGLY, CLEAN)
    gtsdsl("fmt", str(folder / "link.dsl"))  # which the user names
    assert ugly.read_text() == CLEAN
