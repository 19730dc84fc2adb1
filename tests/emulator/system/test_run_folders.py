"""A run's folder goes with it; what a dead run leaves is removed, and nothing of a live one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from emulator.system.errors import EmulationError
from emulator.system.run_folders import MARK, PLACE_VARIABLE, PREFIX, RunFolder, clean, runs_folder
from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.samples import Cli
from tests.emulator.users import WITHOUT_POWER
from tests.emulator.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def dead_run(place: Path) -> Path:
    result = subprocess.run(command_of(scenarios.die_in_a_run, place), capture_output=True, text=True, check=False)
    return Path(result.stdout.strip())


def test_a_run_leaves_nothing() -> None:
    with RunFolder("test") as run:
        (run.path / "file").touch()
        assert run.path.parent == runs_folder()
    assert not run.path.exists()


def test_a_run_that_fails_leaves_nothing() -> None:
    run = RunFolder("test")
    with pytest.raises(RuntimeError), run:
        raise RuntimeError
    assert not run.path.exists()


def test_a_run_that_is_ended_while_its_folder_is_made_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(_number: int, _frame: object) -> None:
        raise SystemExit

    def make(prefix: str, dir: Path) -> str:
        found = mkdtemp(prefix=prefix, dir=dir)
        signal.raise_signal(signal.SIGTERM)
        return found

    mkdtemp = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", make)
    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(SystemExit), RunFolder("test"):
            pytest.fail("the signal was lost")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [path for path in runs_folder().iterdir() if path.is_dir()] == []


def test_clean_removes_a_dead_run(place: Path) -> None:
    dead = dead_run(place)
    assert dead.is_dir()
    memory = [folder / f"{PREFIX}{os.getuid()}-{dead.name}" for folder in (Path("/dev/shm"), place)]
    assert tuple(clean()) == (*(f"folder {folder}" for folder in memory), f"folder {dead}")
    assert not any(folder.exists() for folder in (*memory, dead))
    assert tuple(clean()) == ()


def test_clean_beside_a_live_run_touches_nothing_of_it(place: Path) -> None:
    with RunFolder("test") as run:
        dead = dead_run(place)
        assert tuple(clean())[-1] == f"folder {dead}"
        assert run.path.is_dir()


def test_a_helper_that_holds_the_lock_keeps_a_run_alive() -> None:
    with RunFolder("test") as run:
        helper = subprocess.Popen(["sleep", "100"], pass_fds=[run.lock])
        path = run.path
        os.close(run.lock)
        run.lock = os.dup(0)
        assert tuple(clean()) == ()
        helper.kill()
        helper.wait()
        assert tuple(clean()) == (f"folder {path}",)
        path.mkdir()  # for the run's own end


def test_marked_processes_end_with_their_run() -> None:
    with RunFolder("test") as run:
        marked = subprocess.Popen(["sleep", "100"], env={**os.environ, MARK: str(run.path)})
        other = subprocess.Popen(["sleep", "100"], env={**os.environ, MARK: f"{run.path}x"})
    assert marked.wait(timeout=PATIENCE_S) == -9
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(timeout=0.5)
    other.kill()
    other.wait()


def test_nothing_that_is_written_in_a_runs_folder_says_what_is_removed(place: Path) -> None:
    precious = place / f"{PREFIX}{os.getuid()}-precious"
    precious.mkdir()
    with RunFolder("test") as run:
        (run.path / "record").write_text(f'["folder", "{precious}"]\n')
    assert precious.exists()
    assert not run.path.exists()


@pytest.mark.parametrize("trap", ["link", "file", "other's"])
def test_what_only_has_the_name_of_a_guests_memory_stays(place: Path, trap: str) -> None:
    precious = place / "precious"
    precious.mkdir()
    (precious / "file").touch()
    with RunFolder("test") as run:
        memory = run.memory_folders[-1]
        if trap == "link":
            memory.symlink_to(precious)
        elif trap == "file":
            memory.touch()
        else:
            if os.geteuid() != 0:
                pytest.skip("only root can make a folder of somebody else's")
            memory.mkdir()
            os.chown(memory, 65534, 65534)
    assert os.path.lexists(memory)
    assert (precious / "file").exists()
    assert not run.path.exists()


def test_links_in_a_runs_folder_are_not_followed(place: Path) -> None:
    (place / "precious").mkdir()
    (place / "precious" / "file").touch()
    with RunFolder("test") as run:
        (run.path / "link").symlink_to(place / "precious")
    assert (place / "precious" / "file").exists()


def test_folders_a_thousand_deep_are_removed() -> None:
    with RunFolder("test") as run:
        here = os.open(run.path, os.O_RDONLY)
        for _ in range(2000):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
    assert not run.path.exists()


def test_folders_that_are_closed_to_their_owner_are_removed(place: Path) -> None:
    precious = place / "precious"
    precious.touch(mode=0o400)
    subprocess.run([*WITHOUT_POWER, *command_of(scenarios.close_the_folders_of_a_run, place, precious)], check=True)
    assert precious.stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("trap", ["link", "file", "open"])
def test_a_folder_that_is_not_ours_is_refused(place: Path, trap: str) -> None:
    path = place / f"{PREFIX}{os.getuid()}"
    if trap == "link":
        (place / "elsewhere").mkdir(mode=0o700)
        path.symlink_to("elsewhere")
    elif trap == "file":
        path.touch(mode=0o600)
    else:
        path.mkdir()
        path.chmod(0o777)
    with pytest.raises(EmulationError, match="not a folder of this user alone"), RunFolder("test"):
        pass


def test_a_place_for_runs_that_is_not_there_is_one_line(gtsdsl: Cli) -> None:
    done = gtsdsl("clean", prefix=("env", f"{PLACE_VARIABLE}=/nowhere"))
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"error: /nowhere/gtsdsl-\d+: No such file or directory\n", done.stderr)


def dead_folders(count: int) -> list[Path]:
    """Make folders of runs whose other parts are gone, and return them."""
    paths = [runs_folder() / f"test-{number}" for number in range(count)]
    for path in paths:
        path.mkdir(mode=0o700)
    return paths


def test_a_folder_that_a_umask_has_closed_is_opened_and_removed(
    place: Path, gtsdsl: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))
    closed = dead_folders(2)
    for path in (closed[0] / "lock", closed[0].parent / "lock"):
        path.touch(mode=0)
    for path in (closed[0], closed[0].parent):
        path.chmod(0)
    done = gtsdsl("clean", prefix=WITHOUT_POWER)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) >= {f"removed folder {path}" for path in closed}
    assert list(closed[0].parent.glob("*/")) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder that another user cannot remove")
def test_clean_goes_on_after_a_folder_that_it_may_not_open(
    place: Path, gtsdsl: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))
    dead = dead_folders(3)
    for path in dead[:2]:
        (path / "file").touch()
        path.chmod(0)
        os.chown(path, 1, 1)
    done = gtsdsl("clean", prefix=WITHOUT_POWER)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == f"removed folder {dead[2]}"
    said = f"error: {dead[0]} cannot be removed: Permission denied; remove it as root: rm -r {dead[0]} (and 1 more)\n"
    assert done.stderr == said
    assert not dead[2].exists()
