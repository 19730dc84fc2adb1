"""Real guests: what they cannot do, tried as root in them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.kernel import guest as guest_module
from emulator.kernel.cache import Kernel
from emulator.kernel.confine import landlock_version, unconfined
from emulator.kernel.guest import Boot
from tests.emulator.kernel.guests import MOUNT_HOSTFS, confined, run, shell
from tests.emulator.samples import Cli
from tests.emulator.users import as_user, folder_of

needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")


def test_what_it_writes_is_forgotten_but_for_the_output_folder(boot: Boot, tmp_path: Path) -> None:
    output, other = tmp_path / "output", tmp_path / "other"
    output.mkdir()
    other.mkdir()
    script = f"mkdir {output}/d && echo kept > {output}/d/f && echo lost > {other}/f && cat {other}/f"
    assert run(boot, "/bin/sh", "-c", script, output=output) == (0, "lost\n", "")
    assert (output / "d" / "f").read_text() == "kept\n"
    assert list(other.iterdir()) == []


# root in a guest tries by these to change a file that it sees through a mount of its own
CHANGES = """
import os, shutil
for change in (
    lambda: open(path, "w"), lambda: open(path, "a"), lambda: os.truncate(path, 2),
    lambda: os.unlink(path), lambda: os.rename(path, path + ".moved"), lambda: os.link(path, path + ".link"),
    lambda: os.mkdir(path + ".folder"), lambda: open(path + ".new", "w"),
    lambda: os.chmod(path, 0o777), lambda: os.fchmod(os.open(path, os.O_RDONLY), 0o777),
    lambda: os.chmod(os.path.dirname(path), 0o777), lambda: os.chown(path, 1234, 1234),
    lambda: os.utime(path, (1, 1)), lambda: os.setxattr(path, "user.x", b"x"),
):
    try:
        change()
    except OSError:
        pass
"""


def attempt(path: str) -> str:
    return f"{sys.executable} -c 'path = \"{path}\"{CHANGES}'"


def facts(path: Path) -> tuple[int, int, int, int, int, int]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@needs_landlock
@pytest.mark.parametrize("version", [1, landlock_version()])
def test_root_in_the_guest_changes_nothing_through_a_second_mount(
    boot: Boot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """This holds in each version of Landlock: before version 3 it does not govern truncate(2), and never chmod(2)."""
    monkeypatch.setattr(guest_module, "landlock_version", lambda: version)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o640)
    before = [facts(path) for path in (precious, tmp_path)]
    script = f"mkdir /m && {MOUNT_HOSTFS} /m -o / && cat /m{precious} && {attempt(f'/m{precious}')}"
    assert shell(boot, script) == (0, "precious", "")
    assert [facts(path) for path in (precious, tmp_path)] == before
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_nor_where_an_ordinary_user_runs_it_who_owns_the_files(
    guest_kernel: Kernel, gtsdsl: Cli, tmp_path: Path
) -> None:
    folder = folder_of(65534, tmp_path, guest_kernel)
    precious = folder / "precious"
    precious.write_text("precious")
    for path in (precious, folder):
        os.chown(path, 65534, 65534)
    before = [facts(path) for path in (precious, folder)]
    own = ["env", f"XDG_CACHE_HOME={folder}", "HOME=/nonexistent"]
    script = f"mkdir /m && {MOUNT_HOSTFS} /m -o / && {attempt(f'/m{precious}')}"
    result = gtsdsl("guest", "--", "sh", "-c", script, prefix=[*as_user(65534), *own], cwd=Path("/"))
    assert (result.returncode, result.stderr) == (0, "")
    assert [facts(path) for path in (precious, folder)] == before
    assert precious.read_text() == "precious"


def test_in_the_output_folder_programs_that_set_modes_and_times_run_and_leave_what_they_write(
    boot: Boot, tmp_path: Path
) -> None:
    script = """set -e
    cd "$0"; umask 022; echo old > file; chmod 4777 file; touch -d 2001-01-01 file; chown 1234 file; echo new > file
    cp -p /etc/passwd kept; mkdir folder
    tar -cf - -C /etc passwd | tar --warning=no-timestamp -xf - -C folder; truncate -s 2 file"""
    assert run(boot, "/bin/sh", "-c", script, str(tmp_path), output=tmp_path) == (0, "", "")
    assert (tmp_path / "file").read_text() == "ne"
    assert (tmp_path / "kept").read_bytes() == (tmp_path / "folder" / "passwd").read_bytes()
    made = (tmp_path / "file").stat()
    assert (made.st_mode & 0o7777, made.st_uid) == (0o644, os.getuid())
    assert made.st_mtime_ns == made.st_ctime_ns  # the machine's time, at which it was written


@needs_landlock
@pytest.mark.parametrize("command", ["ln -s /etc/passwd", "mkfifo", "mknod -m 666 %s c 1 3 ;: "])
def test_it_cannot_plant_links_pipes_or_devices(boot: Boot, tmp_path: Path, command: str) -> None:
    target = f"{tmp_path}/planted"
    line = command % target if "%s" in command else f"{command} {target}"
    assert run(boot, "/bin/sh", "-c", line, output=tmp_path)[1] == ""
    assert list(tmp_path.iterdir()) == []


@needs_landlock
def test_it_cannot_write_through_a_link_that_is_there(boot: Boot, tmp_path: Path) -> None:
    """A link in the output folder is followed by the guest in its own root; a mount of the host's leads to Landlock."""
    output, precious = tmp_path / "output", tmp_path / "precious"
    output.mkdir()
    precious.write_text("precious")
    (output / "link").symlink_to(precious)
    (output / "folder").symlink_to(tmp_path)
    script = f"""mkdir /m && {MOUNT_HOSTFS} /m -o {output}/folder
    echo x > {output}/link; echo x > /m/precious; echo x > {output}/folder/new; true"""
    run(boot, "/bin/sh", "-c", script, output=output)
    assert precious.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "precious"]


# what a process that is confined, or root in a guest, gets when it tries to reach the machine, a word for each way
REACHES = """
import ctypes, os, resource, signal, socket, sys
pid, port, abstract_name, path, terminal = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
def kill(): os.kill(pid, 0)
def connect(): socket.create_connection(("127.0.0.1", port), 5)
def send(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
def abstract(): socket.socket(socket.AF_UNIX).connect(b"\\0" + abstract_name.encode())
def unix(): socket.socket(socket.AF_UNIX).connect(path)
def unix_pair(): socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].connect(path)
def unix_stream_pair(): socket.socketpair()[0].connect(path)
def limit(): resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1))
def priority(): os.setpriority(os.PRIO_PROCESS, pid, 19)
def processors(): os.sched_setaffinity(pid, {0})
def processes(): open(f"/proc/{pid}/cmdline").read()
def memory(): os.pread(os.open(f"/proc/{pid}/mem", os.O_RDONLY), 1, 0)
def environment(): open(f"/proc/{pid}/environ").read()
def trace(): call(101, 16, pid, 0, 0)
def keys(): os.open(terminal, os.O_RDONLY | os.O_NONBLOCK)
for attempt in (kill, connect, send, abstract, unix, unix_pair, unix_stream_pair, limit, priority, processors,
                processes, memory, environment, trace, keys):
    try:
        attempt()
        print(attempt.__name__, "works")
    except OSError as error:
        print(attempt.__name__, os.strerror(error.errno))
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[list[str]]:
    """A process, a port that listens, an abstract socket (without its first zero), a socket with a path, a terminal."""
    name, path = f"gtsdsl-test-{os.getpid()}", str(tmp_path / "socket")
    ours, theirs = os.openpty()
    with (
        subprocess.Popen(["sleep", "600"]) as sleeper,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        for one, address in ((abstract, f"\0{name}"), (unix, path)):
            one.bind(address)
            one.listen()
        datagrams.bind(f"{path}-datagrams")
        yield [str(sleeper.pid), str(server.getsockname()[1]), name, path, os.ttyname(theirs)]
        assert sleeper.poll() is None
        sleeper.kill()
    os.close(ours)
    os.close(theirs)


def test_root_in_the_guest_cannot_signal_or_reach_the_machine(boot: Boot, machine: list[str]) -> None:
    """Its processes and addresses are its own; what it sends to its own 127.0.0.1, nobody hears."""
    _, out, err = run(boot, sys.executable, "-c", REACHES, *machine)
    works = {line.split()[0] for line in out.splitlines() if line.endswith("works")}
    assert (works, len(out.splitlines()), err) == ({"send"}, 15, "")


@needs_landlock
def test_nor_can_the_process_that_is_its_kernel(machine: list[str]) -> None:
    refused, missing = "Permission denied", "Function not implemented"
    assert confined(REACHES, *machine, version=landlock_version()) == [
        "kill Operation not permitted" if landlock_version() >= 6 else "kill works",
        f"connect {missing}",
        f"send {missing}",
        f"abstract {missing}",
        f"unix {missing}",
        f"unix_pair {missing}",
        f"unix_stream_pair {missing}",
        f"limit {missing}",
        f"priority {missing}",
        f"processors {missing}",
        f"processes {refused}",
        f"memory {refused}",
        f"environment {refused}",
        "trace Operation not permitted",
        f"keys {refused}",
    ]


def test_what_a_kernel_leaves_open_is_told() -> None:
    assert unconfined(0).startswith("root in a guest could write to your files")
    assert "signal your processes" in unconfined(1)
    assert unconfined(6) == ""


def test_without_landlock_it_still_runs(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "landlock_version", lambda: 0)
    assert shell(boot, "echo x > /etc/hosts && echo ran") == (0, "ran\n", "")
