"""The first process of a guest kernel: set the machine up, run one command, write down how it ended, power off.

It is run by the project's own Python, as a file, from the host's file system, and imports little: everything here is
paid for at each start of a guest. The job, a JSON object beside this file's copy, is what `emulator.kernel.job` wrote.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
import termios
import time

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_MOVE, _MS_PRIVATE_ALL = 2, 4, 8, 8192, (1 << 18) | (1 << 14)
_RB_POWER_OFF = 0x4321FEDC
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell has it

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    """mount(2).

    Raises:
        OSError: the kernel refuses; the message names the target.
    """
    arguments = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), os.fsencode(options))
    if _libc.mount(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount of {kind} on {target}: {os.strerror(number)}")


def enter_scratch_root(scratch: str) -> None:
    """Make the root a place where everything can be written, and nothing that is written is kept.

    The host's files show through it (overlayfs), and what is written goes to memory. The new root is moved onto the
    old one, so that whoever enters this mount namespace later (`nsenter`, container runtimes) lands in it too.
    """
    mount("none", "/", "none", _MS_PRIVATE_ALL)
    mount("scratch", scratch, "tmpfs", 0, "mode=755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{scratch}/{name}")
    root = f"{scratch}/root"
    mount("root", root, "overlay", 0, f"lowerdir=/,upperdir={scratch}/upper,workdir={scratch}/work")
    os.chdir(root)
    mount(".", "/", "", _MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def mount_kernel_filesystems() -> None:
    """/proc, /sys, /dev, /run and the control groups, version 1, each controller on its own as container runtimes expect."""
    secure = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    mount("proc", "/proc", "proc", secure)
    mount("sysfs", "/sys", "sysfs", secure)
    mount("dev", "/dev", "devtmpfs", _MS_NOSUID, "mode=755")
    for name in ("pts", "shm", "mqueue"):
        os.makedirs(f"/dev/{name}", exist_ok=True)
    mount("devpts", "/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    mount("shm", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV)  # noqa: S108: the mount itself
    with contextlib.suppress(OSError):  # not in Debian's packaged kernel
        mount("mqueue", "/dev/mqueue", "mqueue", secure)
    with contextlib.suppress(FileExistsError):
        os.symlink("pts/ptmx", "/dev/ptmx")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        with contextlib.suppress(FileExistsError):
            os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    mount("run", "/run", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755")
    for name in ("lock", "netns"):
        os.mkdir(f"/run/{name}")
    mount("cgroup", "/sys/fs/cgroup", "tmpfs", secure, "mode=755")
    with open("/proc/cgroups") as file:
        controllers = [line.split()[0] for line in file if not line.startswith("#")]
    for name in controllers:
        os.mkdir(f"/sys/fs/cgroup/{name}")
        try:
            mount("cgroup", f"/sys/fs/cgroup/{name}", "cgroup", secure, name)
        except OSError:  # a controller of version 2 only
            os.rmdir(f"/sys/fs/cgroup/{name}")
    with contextlib.suppress(OSError):
        mount("bpf", "/sys/fs/bpf", "bpf", secure)


def raise_loopback() -> None:
    """Bring `lo` up, so that 127.0.0.1 answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def set_sysctl(name: str, value: str) -> None:
    """Write a kernel parameter, by its name with dots; one that this kernel has not is passed over."""
    with contextlib.suppress(FileNotFoundError), open("/proc/sys/" + name.replace(".", "/"), "w") as file:
        file.write(value)


def run(job: dict[str, object], folder: str) -> int:
    """Run the job's command to its end, and reap whatever else ends before; the command's exit status."""
    child = os.fork()
    if child == 0:
        _become(job, folder)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become(job: dict[str, object], folder: str) -> None:
    """Turn this process into the job's command; it never returns."""
    command, environment = job["command"], job["environment"]
    if not isinstance(command, list) or not isinstance(environment, dict):
        os._exit(_NOT_EXECUTABLE)
    os.setsid()
    window = job["window"]
    if isinstance(window, list):
        terminal = os.open("/dev/tty1", os.O_RDWR)
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        termios.tcsetwinsize(terminal, (int(window[0]), int(window[1])))
        streams = (terminal, terminal, terminal)
    else:
        append = os.O_WRONLY | os.O_APPEND
        out, err = (os.open(f"{folder}/{name}", append) for name in ("stdout", "stderr"))
        streams = (os.open("/dev/null", os.O_RDONLY), out, err)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    try:
        os.chdir(str(job["directory"]))
    except OSError:
        os.chdir("/")
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        status, why = _NOT_FOUND, "command not found"
    except OSError as error:
        status, why = _NOT_EXECUTABLE, error.strerror or "it cannot be run"
    os.write(2, f"gtsdsl guest: {command[0]}: {why}\n".encode(errors="backslashreplace"))
    os._exit(status)


def main(folder: str) -> None:
    """Do the job in ``folder``, which the host shares with the guest, and power off."""
    with open(f"{folder}/job.json") as file:
        job = json.load(file)
    try:
        enter_scratch_root(f"{folder}/scratch")
        mount_kernel_filesystems()
        for place in job["shared"]:
            os.makedirs(place, exist_ok=True)
            mount("host", place, "hostfs", 0, place)
        raise_loopback()
        socket.sethostname("gtsdsl")
        for name, value in job["sysctls"].items():
            set_sysctl(name, value)
        # in the first second of the clock, ping takes zero for 'never sent' and ignores its interval
        time.sleep(job["settle_s"])
        status = run(job, folder)
    except OSError as error:
        with open(f"{folder}/stderr", "a") as file:
            file.write(f"gtsdsl guest: the machine cannot be set up: {error}\n")
        status = _NOT_EXECUTABLE
    with open(f"{folder}/status", "a") as file:
        file.write(f"{status}\n")
    _libc.reboot(_RB_POWER_OFF)


if __name__ == "__main__":
    main(sys.argv[1])
