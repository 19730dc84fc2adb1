"""The first process of a guest, of which the parts that need no guest run in processes of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.kernel import init
from tests.emulator import scenarios
from tests.emulator.play import command_of


def run(folder: Path, *command: str, directory: str = "/") -> tuple[int, str, str]:
    """Run a command as the first process does, and return its exit status and what it wrote to the shared files."""
    for name in ("stdout", "stderr"):
        (folder / name).touch()
    line = command_of(scenarios.run_as_the_first_process, folder, directory, *command)
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return int(done.stdout), (folder / "stdout").read_text(), (folder / "stderr").read_text()


def test_a_commands_output_goes_to_the_shared_files(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")


def test_a_command_that_a_signal_ended_has_the_status_that_a_shell_gives_it(tmp_path: Path) -> None:
    assert run(tmp_path, "sh", "-c", "kill -TERM $$") == (128 + 15, "", "")


def test_a_command_that_cannot_be_run_is_named_with_the_reason(tmp_path: Path) -> None:
    assert run(tmp_path, "/no/program") == (127, "", "gtsdsl guest: /no/program: command not found\n")
    (tmp_path / "stderr").unlink()
    assert run(tmp_path, str(tmp_path)) == (126, "", f"gtsdsl guest: {tmp_path}: Permission denied\n")


def test_a_command_whose_folder_is_missing_runs_in_the_root(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert run(tmp_path, "pwd", "-P", directory=f"{tmp_path}/folder")[1] == f"{(tmp_path / 'folder').resolve()}\n"
    (tmp_path / "stdout").unlink()
    assert run(tmp_path, "pwd", "-P", directory=f"{tmp_path}/gone")[1] == "/\n"


def test_limits_hold_for_the_processs_children() -> None:
    line = command_of(scenarios.limit_open_files, 100, 200)
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "100\n200\n"


def test_a_mount_that_the_kernel_refuses_names_its_target(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=rf"mount of tmpfs on {tmp_path}/gone: No such file or directory"):
        init.mount("none", f"{tmp_path}/gone", "tmpfs")


@pytest.mark.networks
def test_an_own_address_answers_once_the_loopback_is_up() -> None:
    done = subprocess.run(command_of(scenarios.raise_the_loopback), capture_output=True, text=True, check=True)
    assert done.stdout == "Network is unreachable\nhello\n"
