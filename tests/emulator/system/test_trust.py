"""Nothing runs from a folder in which others can put something: no kernel of a cache, no run in a temporary folder."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.system.errors import EmulationError, UntrustedError
from emulator.system.folders import cache_folder, state_folder
from emulator.system.run_folders import RunFolder
from emulator.system.trust import require_own
from tests import hijack
from tests.emulator.kernel.standins import a_kernel
from tests.emulator.samples import PAIR

IS_ROOT = os.geteuid() == 0
pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are those of Unix")

STRANGER = 4321


def untrusted(path: Path) -> str:
    with pytest.raises(UntrustedError) as caught:
        require_own(path, "set XDG_CACHE_HOME to a folder of your own")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A file of one's own, two folders below the test's."""
    path = tmp_path / "parent" / "folder" / "file"
    path.parent.mkdir(parents=True)
    path.touch()
    for each in (path, *path.parents):
        if each.is_relative_to(tmp_path):
            each.chmod(0o755)
    return path


def test_what_is_ones_own_is_believed(chain: Path) -> None:
    assert require_own(chain, "X") == chain
    assert require_own(chain.parent / "missing" / "file", "X") == chain.parent / "missing" / "file"
    assert require_own(Path("/usr/bin/env"), "X")


def test_a_file_in_place_of_a_folder_is_left_to_the_first_use(chain: Path) -> None:
    chain.chmod(0o666)
    assert require_own(chain / "below", "X") == chain / "below"
    with pytest.raises(NotADirectoryError):
        (chain / "below").read_bytes()


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o702, 0o722])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_others_may_write_is_not(chain: Path, level: int, mode: int) -> None:
    bad = (chain, *chain.parents)[level]
    bad.chmod(mode)
    what_mends = f"{bad} may be written by others: chmod go-w {bad}, or set XDG_CACHE_HOME to a folder of your own"
    assert untrusted(chain) == what_mends
    subprocess.run(["chmod", "go-w", str(bad)], check=True)
    assert require_own(chain, "X")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file away")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_belongs_to_somebody_else_is_not(chain: Path, level: int) -> None:
    bad = (chain, *chain.parents)[level]
    os.chown(bad, STRANGER, -1)
    assert untrusted(chain).startswith(f"{bad} belongs to user {STRANGER}, neither to you nor to root: set XDG")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file away")
def test_a_group_of_others_may_not_write_and_ones_own_may(chain: Path) -> None:
    chain.parent.chmod(0o775)
    own = grp.getgrgid(pwd.getpwuid(os.geteuid()).pw_gid).gr_gid
    os.chown(chain.parent, -1, own)
    assert require_own(chain, "X")
    os.chown(chain.parent, -1, STRANGER)
    assert "may be written by others" in untrusted(chain)


def test_in_a_folder_with_the_sticky_bit_ones_own_is_believed(chain: Path) -> None:
    chain.parents[1].chmod(0o1777)
    assert require_own(chain, "X")
    chain.chmod(0o1777)  # the bit means nothing on a file
    assert "may be written by others" in untrusted(chain)


def test_a_link_leads_to_what_must_be_ones_own_too(chain: Path) -> None:
    link = chain.parents[1] / "link"
    link.symlink_to("folder")
    assert require_own(link / "file", "X")
    chain.parent.chmod(0o777)
    assert str(chain.parent) in untrusted(link / "file")
    chain.parent.chmod(0o755)
    (chain.parents[1] / "again").symlink_to(link)
    assert require_own(chain.parents[1] / "again" / "file", "X")
    (chain.parents[1] / "loop").symlink_to("loop")
    assert require_own(chain.parents[1] / "loop" / "file", "X")  # which nobody can open


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file away")
def test_a_link_of_somebody_else_is_not_believed(chain: Path) -> None:
    link = chain.parents[1] / "link"
    link.symlink_to("folder")
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    assert f"{link} belongs to user {STRANGER}" in untrusted(link / "file")


def test_a_name_with_blanks_is_quoted_in_the_command(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b").chmod(0o777)
    assert f"chmod go-w '{tmp_path}/a b'" in untrusted(tmp_path / "a b")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The executable of a built kernel in a cache, which says so if it runs."""
    if os.uname().machine != "x86_64":
        pytest.skip("a guest kernel runs on x86-64 only")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    executable = a_kernel(tmp_path / "cache" / "gtsdsl" / "kernels", "7.3.4").executable
    executable.write_text(f"#!/bin/sh\n: > {tmp_path}/{hijack.RAN}\n")
    for path in (tmp_path / "cache").rglob("*"):
        path.chmod(0o755)
    return executable


def opened(path: Path) -> None:
    path.chmod(0o777)


def linked(path: Path) -> None:
    """Move it to where others may write, and put a link in its place."""
    elsewhere = path.with_name("elsewhere")
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    path.symlink_to(shutil.move(path, elsewhere / path.name))


def given_away(path: Path) -> None:
    os.chown(path, STRANGER, STRANGER)


@pytest.mark.slow("runs the command line three times for each of many cases")
@pytest.mark.parametrize("spoil", [opened, linked, *([given_away] if IS_ROOT else [])])
@pytest.mark.parametrize("what", ["cache", "cache/gtsdsl", "cache/gtsdsl/kernels", "its folder", "linux", "info.json"])
def test_a_planted_kernel_does_not_run(tmp_path: Path, planted: Path, what: str, spoil: Callable[[Path], None]) -> None:
    beside = {"its folder": planted.parent, "linux": planted, "info.json": planted.with_name("info.json")}
    spoil(beside.get(what, tmp_path / what))
    (tmp_path / "pair.dsl").write_text(PAIR)
    for command in ("emulate pair.dsl --exec h1:true", "guest -- true", "kernel path", "kernel info"):
        done = hijack.run(tmp_path, hijack.console_script(), *command.split())
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert "XDG_CACHE_HOME" in done.stderr
    doctor = hijack.run(tmp_path, hijack.console_script(), "doctor", "--format", "json")
    finding = json.loads(doctor.stdout)["findings"][0]
    assert (doctor.stderr, finding["works"]) == ("", False)
    assert re.fullmatch(r"(chmod go-w .*, or )?set XDG_CACHE_HOME to a folder of your own", finding["mend"])
    assert not (tmp_path / hijack.RAN).exists()


def test_runs_are_not_kept_where_others_may_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o777)
    with pytest.raises(UntrustedError, match="set TMPDIR to a folder of your own"), RunFolder("test"):
        pass
    tmp_path.chmod(0o1777)
    with RunFolder("test") as run:
        assert stat.S_IMODE(run.path.stat().st_mode) == 0o700


def test_in_a_user_namespace_the_machines_root_is_believed(tmp_path: Path) -> None:
    line = ["unshare", "--user", "--map-root-user", hijack.console_script(), "clean"]
    done = hijack.run(tmp_path, *line, TMPDIR=str(tmp_path))
    if "unshare" in done.stderr:
        pytest.skip("this machine lets nobody have a user namespace")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("home", [".", "work", "./.."])
def test_a_home_that_is_relative_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """It would be in the working folder, and so would the kernel that is run."""
    shutil.move(tmp_path / "cache", tmp_path / "work" / ".cache")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(tmp_path / "work")
    for folder in (cache_folder, state_folder):
        with pytest.raises(EmulationError, match=r"^HOME is no absolute path: set it, or set XDG_\w+_HOME to a folder"):
            folder()


def test_a_relative_variable_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, ".")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gtsdsl"
    assert state_folder() == tmp_path / ".local" / "state" / "gtsdsl"
