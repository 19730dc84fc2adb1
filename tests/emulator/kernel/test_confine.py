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
from emulator.kernel import seccomp
from emulator.kernel.cache import Kernel
from emulator.kernel.confine import landlock_version, unconfined
from emulator.kernel.guest import Boot
from tests.emulator.kernel.guests import MOUNT_HOSTFS, run, shell
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
    """Whatever Landlock knows: before its version 3 it has no right to truncate(2), and none has one to chmod(2)."""
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


def confined(code: str, *arguments: str, version: int) -> list[str]:
    """Return the lines that a confined Python program writes."""
    before = f"from emulator.kernel.confine import confine; confine([], {version})\n"
    line = [sys.executable, "-c", before + code, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()


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


# every system call but those that a filter lets through, with arguments that are none, on a line if it is not refused
CALLS = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
spared = set(map(int, sys.argv[1].split(",")))
for number in set(range(1024)) - spared:
    ctypes.set_errno(0)
    result = libc.syscall(number, *[ctypes.c_long(-1)] * 6)
    if result != 0 and ctypes.get_errno() != errno.ENOSYS or result == 0 and number not in passed_over:
        print(number, result, ctypes.get_errno())
    passed_over.discard(number)
print("not passed over:", sorted(passed_over))
"""


@pytest.mark.parametrize("version", sorted({0, landlock_version()}))
def test_every_system_call_that_is_not_on_the_list_is_refused(version: int) -> None:
    """Those that are there only with some arguments too: -1 is none of them."""
    passed_over = f"passed_over = {set(seccomp._PASSED_OVER)}\n"
    trampolines = (335, 336)  # uretprobe, uprobe: the kernel asks no filter about them, and they end whoever calls them
    spared = [*seccomp._ALLOWED, *trampolines, *([] if version < 3 else [seccomp._TRUNCATE])]
    out = confined(passed_over + CALLS, ",".join(map(str, spared)), version=version)
    assert out == ["not passed over: []"]


DANGEROUS = {
    "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "bind": 49, "listen": 50, "shmget": 29,
    "shmat": 30, "semget": 64, "msgget": 68, "flock": 73, "setpriority": 141, "sched_setparam": 142,
    "sched_setscheduler": 144, "mlock": 149, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
    "reboot": 169, "sched_setaffinity": 203, "io_setup": 206, "mq_open": 240, "add_key": 248, "request_key": 249,
    "keyctl": 250, "ioprio_set": 251, "inotify_init": 253, "unshare": 272, "splice": 275, "perf_event_open": 298,
    "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "sched_setattr": 314, "bpf": 321, "userfaultfd": 323, "preadv2": 327, "pidfd_send_signal": 424,
    "io_uring_setup": 425, "io_uring_enter": 426, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448, "setxattr": 188, "setxattrat": 463,
    "file_setattr": 469,
}  # fmt: skip


def test_no_system_call_that_reaches_out_is_on_the_list() -> None:
    listed = {*seccomp._ALLOWED, *seccomp._PASSED_OVER, *(number for number, _, _ in seccomp._CHOICES)}
    assert [name for name, number in DANGEROUS.items() if number in listed] == []
    assert len(seccomp._ALLOWED) == len(set(seccomp._ALLOWED))


# of calls that are let through with some arguments: what is tried with another, and what it must come to
CHOICES = """
import ctypes, fcntl, os, struct, sys, termios
libc = ctypes.CDLL(None, use_errno=True)
file = os.open(sys.argv[1], os.O_RDONLY)
ours, theirs = map(int, sys.argv[2:])
def clone(flags): return libc.syscall(56, flags | 17, 0, 0, 0, 0)
def tried(what, attempt):
    try:
        attempt()
        print(what, "works")
    except OSError as error:
        print(what, os.strerror(error.errno))
tried("lock", lambda: fcntl.lockf(file, fcntl.LOCK_SH))
tried("lease", lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK))
tried("flags", lambda: fcntl.ioctl(file, 0x40086602, struct.pack("q", 0x40)))
tried("verity", lambda: fcntl.ioctl(file, 0x40806685, bytes(128)))
tried("type", lambda: fcntl.ioctl(theirs, termios.TIOCSTI, b"x"))
tried("size", lambda: fcntl.ioctl(theirs, termios.TIOCGWINSZ, bytes(8)))
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("network", 0x40000000)):
    ctypes.set_errno(0)
    pid = clone(flag)
    if pid == 0:
        os._exit(0)
    print(name, os.strerror(ctypes.get_errno()) if pid < 0 else "works")
pid = os.fork() or os._exit(0)
print("fork", "works" if os.waitpid(pid, 0)[1] == 0 else "")
"""


def test_calls_are_let_through_only_for_what_a_guest_needs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ours, theirs = os.openpty()
    before = f"from emulator.kernel.confine import confine; confine([], {landlock_version()})\n"
    line = [sys.executable, "-c", before + CHOICES, str(tmp_path / "file"), str(ours), str(theirs)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, pass_fds=(ours, theirs))
    os.close(ours)
    os.close(theirs)
    missing = "Function not implemented"
    assert done.stdout.splitlines() == [
        *(f"{what} {missing}" for what in ("lock", "lease", "flags", "verity", "type")),
        "size works",
        *(f"{what} {missing}" for what in ("user", "mount", "network")),
        "fork works",
    ]


# with each call that makes a file, and a mode: what comes of it
MAKES = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
folder, here = os.fsencode(sys.argv[1]), -100
for mode in (0o755, 0o4755, 0o2755):
    for name, arguments in (
        ("open", (2, b"/open", os.O_CREAT | os.O_WRONLY, mode)),
        ("creat", (85, b"/creat", mode)),
        ("openat", (257, here, b"/openat", os.O_CREAT | os.O_WRONLY, mode)),
        ("mknod", (133, b"/mknod", 0o100000 | mode, 0)),
        ("mknodat", (259, here, b"/mknodat", 0o100000 | mode, 0)),
    ):
        path = next(it for it in arguments if isinstance(it, bytes))
        made = libc.syscall(*(folder + it + b"-%o" % mode if it is path else it for it in arguments))
        print(oct(mode), name, "works" if made >= 0 else os.strerror(ctypes.get_errno()))
"""


def test_not_even_its_kernel_can_make_a_program_that_runs_as_the_user(tmp_path: Path) -> None:
    before = f"from emulator.kernel.confine import confine; confine([{str(tmp_path)!r}], {landlock_version()})\n"
    line = [sys.executable, "-c", before + MAKES, str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    ways = ("open", "creat", "openat", "mknod", "mknodat")
    outcomes = {0o755: "works", 0o4755: "Function not implemented", 0o2755: "Function not implemented"}
    assert done.stdout.splitlines() == [f"{oct(mode)} {way} {said}" for mode, said in outcomes.items() for way in ways]
    assert not any(path.stat().st_mode & 0o6000 for path in tmp_path.iterdir())


def test_what_a_kernel_leaves_open_is_told() -> None:
    assert unconfined(0).startswith("root in a guest could write to your files")
    assert "signal your processes" in unconfined(1)
    assert unconfined(6) == ""


def test_without_landlock_it_still_runs(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_module, "landlock_version", lambda: 0)
    assert shell(boot, "echo x > /etc/hosts && echo ran") == (0, "ran\n", "")
