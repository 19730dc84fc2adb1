"""The user's folders, made for the user alone, and removed as far as possible."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from emulator.system.errors import EmulationError
from emulator.system.folders import make_folder, removing_all, state_folder, umask, usable_umask, working_folder


def test_a_folder_and_its_parents_are_the_users_alone(tmp_path: Path) -> None:
    with umask(0):
        make_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]
    make_folder(tmp_path / "a" / "b")  # it is there already


@pytest.mark.parametrize(("own", "mask"), [(0o777, 0o077), (0o022, 0o022), (0, 0)])
def test_a_usable_umask_leaves_the_owner_all_rights(own: int, mask: int) -> None:
    with umask(own):
        with usable_umask():
            assert os.umask(mask) == mask
        assert os.umask(own) == own


def test_the_state_folder_is_the_variables_or_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert state_folder() == Path("/somewhere/gtsdsl")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder() == Path("/home/somebody/.local/state/gtsdsl")


def test_what_cannot_be_removed_is_named_after_the_rest_is_gone() -> None:
    removed = []

    def remove_all() -> None:
        with removing_all() as removing:
            for name in ("/a b", "/c", "/d"):
                with removing(Path(name)):
                    if name != "/c":
                        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
                    removed.append(name)

    message = r"^/a b cannot be removed: Permission denied; remove it as root: rm -r '/a b' \(and 1 more\)$"
    with pytest.raises(EmulationError, match=message):
        remove_all()
    assert removed == ["/c"]


def test_a_working_folder_that_is_gone_is_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert working_folder() == tmp_path
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert working_folder() == Path("/")
