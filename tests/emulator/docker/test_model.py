"""A container that runc runs: how a command enters it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.docker.model import RuncContainer
from emulator.system.errors import EmulationError
from emulator.system.run_folders import MARK


def test_a_command_enters_by_runc_with_the_runs_mark_only(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    container = RuncContainer(1, "abc", tmp_path)
    line = container.enter(["ls", "-l"], {MARK: "/run", "TERM": "xterm", "SECRET": "x"}, terminal=True)
    assert line[0].endswith("runc")
    assert line[1:] == [
        f"--root={tmp_path}", "exec", "--cap=CAP_NET_ADMIN", f"--env={MARK}=/run", "--env=TERM=xterm", "--tty", "abc",
        "ls", "-l",
    ]  # fmt: skip
    assert "--tty" not in container.enter(["ls"], {}, terminal=False)


def test_nothing_enters_a_container_that_has_ended(tmp_path: Path) -> None:
    container = RuncContainer(1, "abc", tmp_path)
    assert not container.is_there
    with pytest.raises(EmulationError, match="the container has ended"):
        container.enter(["ls"], {}, terminal=False)
