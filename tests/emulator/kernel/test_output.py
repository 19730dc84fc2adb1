"""The folders that a guest may write, and how much it may leave in them."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import emulator
from emulator.kernel.confine import landlock_version
from emulator.kernel.guest import Boot
from emulator.kernel.output import check_output, open_output
from emulator.kernel.quota import LEAST_BYTES, size_below, size_unlinked
from emulator.system.errors import EmulationError, GuestFailedError
from emulator.system.folders import cache_folder
from emulator.system.run_folders import remove_tree, runs_folder
from tests.emulator.kernel.guests import MOUNT_HOSTFS, run
from tests.emulator.leftovers import Leftovers
from tests.emulator.samples import Cli

PACKAGE = Path(emulator.__file__).parent


def test_the_output_folder_is_made(tmp_path: Path) -> None:
    assert check_output(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


def test_the_output_folder_is_where_its_link_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert check_output(tmp_path / "link") == tmp_path / "real"


@pytest.mark.parametrize("path", ["/", "~", "~/.."])
def test_all_the_users_files_are_no_output_folder(path: str) -> None:
    with pytest.raises(EmulationError, match="a folder of its own"):
        check_output(Path(path).expanduser())


def test_a_user_without_a_home_folder_has_an_output_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", has_none)
    assert check_output(tmp_path) == tmp_path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder and a cache folder of the test's own, and a folder of the user's beside them."""
    for name in ("temporary", "cache", "own"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("path", ["/tmp", "/var/tmp", "/dev/shm"])
def test_the_machines_temporary_files_are_no_output_folder(path: str) -> None:
    with pytest.raises(EmulationError, match="a folder of its own"):
        check_output(Path(path))


@pytest.mark.usefixtures("place")
def test_nor_is_what_holds_or_lies_in_a_folder_of_ours(tmp_path: Path) -> None:
    for folder in (
        runs_folder(),
        runs_folder().parent,
        runs_folder() / "guest-1" / "shared",
        cache_folder(),
        cache_folder().parent,
        cache_folder() / "kernels" / "new",
        tmp_path,
        PACKAGE,
        PACKAGE.parent,
        PACKAGE / "kernel",
        Path(sys.executable).parent,
        Path(os.__file__).parent,
    ):
        there = set(tmp_path.rglob("*"))
        with pytest.raises(EmulationError, match=r" (holds|lies in) .*: name a folder of its own for the output$"):
            check_output(folder)
        assert set(tmp_path.rglob("*")) == there
    assert check_output(tmp_path / "own" / "new") == tmp_path / "own" / "new"


def test_nor_is_a_folder_in_which_programs_or_modules_are_looked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("programs", "modules", "site"):
        (place / "own" / name / "in it").mkdir(parents=True)
    (place / "own" / "archive.zip").touch()
    monkeypatch.setenv("PATH", f"{place}/own/programs:{place}/own/archive.zip:{place}/missing:{os.environ['PATH']}")
    monkeypatch.setattr(sys, "path", [*sys.path, f"{place}/own/modules", f"{place}/own/archive.zip", ""])
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: f"{place}/own/site")
    for folder in ("programs", "modules", "site", "site/in it", "."):
        with pytest.raises(EmulationError, match=r" (holds|lies in) .*: name a folder of its own for the output$"):
            check_output(place / "own" / folder)
    for folder in ("programs/in it", "modules/in it", "other"):
        assert check_output(place / "own" / folder) == place / "own" / folder


@pytest.mark.usefixtures("place")
def test_nor_is_one_of_ours_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "own" / "link").symlink_to(runs_folder())
    (tmp_path / "own" / "relative").symlink_to("../temporary")
    for path in ("link", "link/guest-1", "relative", "../temporary/../temporary", "missing/../../cache/gtsdsl/new"):
        there = set(tmp_path.rglob("*"))
        with pytest.raises(EmulationError, match="a folder of its own"):
            check_output(tmp_path / "own" / path)
        assert set(tmp_path.rglob("*")) == there


@pytest.fixture
def mounted(place: Path) -> Iterator[Path]:
    """A folder on which others are mounted, in a mount namespace that the tests share, gone after the test."""
    point = place / "point"
    point.mkdir()
    yield point
    subprocess.run(["umount", "-l", point], check=False, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("temporary", ""),
        (".", "temporary"),
        (".", ""),
        ("temporary", "gtsdsl-{user}/guest-1"),
        ("temporary/gtsdsl-{user}/guest-1/shared", ""),
        ("temporary/gtsdsl-{user}/guest-1/shared", "new"),
    ],
)
def test_nor_is_one_of_ours_that_is_mounted_elsewhere(mounted: Path, place: Path, source: str, named: str) -> None:
    (runs_folder() / "guest-1" / "shared").mkdir(parents=True)
    done = subprocess.run(
        ["mount", "--bind", place / source.format(user=os.getuid()), mounted], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"bind mounts are refused here: {done.stderr.decode().strip()}")
    with pytest.raises(EmulationError, match="a folder of its own"):
        check_output(mounted / named.format(user=os.getuid()))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_nor_is_one_below_which_our_temporary_folder_really_is(
    mounted: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary folder is a mount of a folder in the output folder, which is not above it by name."""
    (place / "own" / "data" / "tmp").mkdir(parents=True)
    if subprocess.run(["mount", "--bind", place / "own" / "data" / "tmp", mounted], check=False).returncode != 0:
        pytest.skip("bind mounts are refused here")
    monkeypatch.setattr(tempfile, "tempdir", str(mounted))
    with pytest.raises(EmulationError, match="a folder of its own"):
        check_output(place / "own" / "data")
    assert check_output(place / "own" / "other") == place / "own" / "other"


def test_a_folder_is_looked_at_again_once_it_is_open(place: Path) -> None:
    """Between the check and the start, somebody may have put something else in its place."""
    checked = check_output(place / "own" / "output")
    os.close(open_output(checked))
    checked.rmdir()
    checked.symlink_to(runs_folder())
    with pytest.raises(EmulationError, match="a folder of its own"):
        open_output(checked)


@pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")
def test_a_guest_cannot_have_a_folder_removed(gtsdsl: Cli, tmp_path: Path) -> None:
    """No file that it writes beside its shared folder has that effect; `-o` on the temporary folder is refused."""
    precious = tmp_path / "gtsdsl-precious"
    precious.mkdir()
    (precious / "file").write_text("data")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    script = f"""for file in record lock; do echo '["folder", "{precious}"]' >> $(dirname $GTSDSL_SHARED)/$file; done
    mkdir /m && {MOUNT_HOSTFS} /m -o / && echo '["folder", "{precious}"]' > /m$(dirname $GTSDSL_SHARED)/record"""
    prefix = ("env", f"TMPDIR={temporary}")
    kept = gtsdsl("guest", "-o", str(tmp_path / "output"), "--", "sh", "-c", script, prefix=prefix)
    assert kept.returncode != 0
    refused = gtsdsl("guest", "-o", str(temporary), "--", "sh", "-c", script, prefix=prefix)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith(f"error: {temporary} holds ")
    assert refused.stderr.count("\n") == 1
    assert gtsdsl("clean", prefix=prefix).returncode == 0
    assert (precious / "file").read_text() == "data"


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmulationError, match="cannot be made"):
        check_output(tmp_path / "file")


# what root in a guest tries, to fill the disk of the machine; $0 is the output folder
FILLS = {
    "files": 'while :; do i=$((i+1)); : > "$0/$i"; done',
    "one file": 'exec cat /dev/zero > "$0/file"',
    "sparse files": 'while :; do i=$((i+1)); truncate -s 1M "$0/$i"; done',
    "files that are there already": 'while :; do for i in "$0"/*; do head -c 1M /dev/zero >> "$i"; done; done',
    "nameless files": 'exec 3> "$0/file"; rm "$0/file"; exec cat /dev/zero >&3',
    "folders": 'while :; do i=$((i+1)); mkdir -p "$0/$i/a/b/c"; done',
    "folders in folders": """cd "$0"; mkdir a; while :; do mkdir b; mv a b/a; mv b a; done""",
    "closed folders": 'mkdir -m 300 "$0/closed"; cd "$0/closed"; while :; do i=$((i+1)); : > $i; done',
    "the shared folder": 'cd "$GTSDSL_SHARED"; while :; do i=$((i+1)); : > $i; done',
    "the memory's folder": f"""mkdir /m; {MOUNT_HOSTFS} /m -o /dev/shm
    cd /m/gtsdsl-*-$(basename $(dirname "$GTSDSL_SHARED")); while :; do i=$((i+1)); : > $i; done""",
    "output": "exec cat /dev/zero",
    "errors": "exec cat /dev/zero >&2",
    "the console": "exec cat /dev/zero > /dev/console",
}


@pytest.mark.parametrize("way", FILLS)
def test_a_guest_that_leaves_too_much_is_ended(boot: Boot, tmp_path: Path, way: str) -> None:
    for number in range(200):
        (tmp_path / f"own-{number}").write_bytes(bytes(2**17))  # what the user has there does not count
    limited = Boot(boot.kernel, timeout_s=200, output_bytes=2**24)
    with pytest.raises(GuestFailedError, match=r"^ended because it left more than 16 MB, or 256 files"):
        run(limited, "/bin/sh", "-c", FILLS[way], str(tmp_path), output=tmp_path)
    remove_tree(tmp_path)
    assert not tmp_path.exists()


def test_a_guest_that_leaves_less_is_not(boot: Boot, tmp_path: Path) -> None:
    script = 'for i in $(seq 100); do : > "$0/$i"; done; head -c 8M /dev/zero > "$0/file"; sleep 1'
    limited = Boot(boot.kernel, timeout_s=200, output_bytes=2**24)
    assert run(limited, "/bin/sh", "-c", script, str(tmp_path), output=tmp_path) == (0, "", "")
    assert len(list(tmp_path.iterdir())) == 101


@pytest.mark.usefixtures("guest_kernel")
def test_nothing_is_left_of_a_guest_that_left_too_much(gtsdsl: Cli, tmp_path: Path) -> None:
    left = Leftovers(tmp_path / "temporary")
    left.place.mkdir()
    script = 'cd "$GTSDSL_SHARED"; while :; do i=$((i+1)); mkdir -p $i/$i/$i; done'
    prefix = ("env", f"TMPDIR={left.place}")
    done = gtsdsl("guest", "--output-limit", "16M", "--", "sh", "-c", script, prefix=prefix)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("error: ended because it left more than 16 MB")
    assert done.stderr.count("\n") == 1
    assert (left.processes, left.folders) == ([], [])


@pytest.mark.parametrize("text", ["16", "1000K", "M", "-1M", "1e9M"])
def test_a_limit_that_is_none(gtsdsl: Cli, text: str) -> None:
    done = gtsdsl("guest", "--output-limit", text, "--", "true")
    assert done.returncode == 2
    assert "--output-limit" in done.stderr.splitlines()[-1]


def test_what_counts(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10 * LEAST_BYTES)
    (tmp_path / "folder" / "in it").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/")
    assert size_below([str(tmp_path)], 2**40) == 14 * LEAST_BYTES
    assert size_below([str(tmp_path)], 5 * LEAST_BYTES) == 5 * LEAST_BYTES
    assert size_below([str(tmp_path / "gone")], 2**40) == 0
    with (tmp_path / "small").open("r+b") as file:
        file.truncate(2 * LEAST_BYTES)
        before = size_unlinked(os.getpid())
        (tmp_path / "small").unlink()
        assert size_unlinked(os.getpid()) - before == 2 * LEAST_BYTES


def test_a_folder_that_cannot_be_looked_into_counts_as_too_much(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(100):
        os.mkdir("d" * 100, dir_fd=here)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    assert size_below([str(tmp_path)], 2**40) == 2**40
    remove_tree(tmp_path)


def test_an_output_folder_that_cannot_be_looked_into_is_refused(boot: Boot, tmp_path: Path) -> None:
    test_folder = tmp_path / "output"
    subprocess.run(
        ["sh", "-c", 'mkdir -p "$0" && cd "$0" && for i in $(seq 60); do mkdir '
         f'{"d" * 100} && cd -P {"d" * 100} || exit; done', test_folder], check=True
    )  # fmt: skip
    with pytest.raises(EmulationError, match="too deep or closed: name another folder"):
        run(boot, "true", output=test_folder)
    remove_tree(test_folder)
