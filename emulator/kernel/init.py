"""The first process of a guest: set the guest up, run one command, write its exit status, power off.

The script that `job` writes calls this module in this project's own Python, from the machine's file system. The module
imports little, because each start of a guest waits for it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import time

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_MOVE, _MS_PRIVATE_ALL = 2, 4, 8, 4096, 8192, (1 << 18) | (1 << 14)
_FINIT_MODULE = 313  # on x86-64
_RB_POWER_OFF = 0x4321FEDC
_AF_INET, _SOCK_DGRAM, _SIOCSIFFLAGS, _IFF_UP = 2, 2, 0x8914, 1
_TIOCSCTTY, _TIOCSWINSZ = 0x540E, 0x5414
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell has it
_STREAMS = ("stdout", "stderr")
_HOST_NAME = b"gtsdsl"
_CPUINFO = "/run/cpuinfo"

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    """Mount a file system, by mount(2).

    Raises:
        OSError: the kernel refuses; the message names the target.
    """
    arguments = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), os.fsencode(options))
    if _libc.mount(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount of {kind} on {target}: {os.strerror(number)}")


def _try_mount(source: str, target: str, kind: str, flags: int, options: str = "") -> bool:
    """Mount a file system if this guest kernel has it; return whether it has."""
    try:
        mount(source, target, kind, flags, options)
    except OSError:
        return False
    return True


def load_module(path: str) -> None:
    """Load a module by finit_module(2), before `modprobe` can be found.

    Raises:
        OSError: the kernel refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _libc.syscall(_FINIT_MODULE, descriptor, b"", 0) != 0:
            raise OSError(ctypes.get_errno(), f"{path} cannot be loaded")
    finally:
        os.close(descriptor)


def enter_scratch_root(scratch: str) -> None:
    """Replace the root by an overlay in which all files can be written, and which keeps none of them.

    The machine's files show through it (overlayfs), and writes go to memory. The new root is moved onto the old one,
    so that a program that enters this mount namespace later (`nsenter`, container runtimes) gets the new root too.
    """
    mount("none", "/", "none", _MS_PRIVATE_ALL)
    mount("scratch", scratch, "tmpfs", 0, "mode=755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{scratch}/{name}")
    os.chdir(scratch)  # a path in the options may have no comma and no colon
    mount("root", "root", "overlay", 0, "lowerdir=/,upperdir=upper,workdir=work")
    os.chdir("root")
    mount(".", "/", "", _MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def mount_kernel_filesystems() -> None:
    """Mount /proc, /sys, /dev, /run, and each controller of control groups version 1, as `dockerd` expects them."""
    secure = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    mount("proc", "/proc", "proc", secure)
    mount("sysfs", "/sys", "sysfs", secure)
    mount("dev", "/dev", "devtmpfs", _MS_NOSUID, "mode=755")
    for name in ("pts", "shm", "mqueue"):
        os.makedirs(f"/dev/{name}", exist_ok=True)
    mount("devpts", "/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")
    mount("shm", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV)  # noqa: S108 - the mount itself
    _try_mount("mqueue", "/dev/mqueue", "mqueue", secure)
    if not os.path.lexists("/dev/ptmx"):
        os.symlink("pts/ptmx", "/dev/ptmx")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        if not os.path.lexists(f"/dev/{name}"):
            os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    mount("run", "/run", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755")
    for name in ("lock", "netns"):
        os.mkdir(f"/run/{name}")
    mount("cgroup", "/sys/fs/cgroup", "tmpfs", secure, "mode=755")
    with open("/proc/cgroups") as file:
        controllers = [line.split()[0] for line in file if not line.startswith("#")]
    for name in controllers:
        os.mkdir(f"/sys/fs/cgroup/{name}")
        if not _try_mount("cgroup", f"/sys/fs/cgroup/{name}", "cgroup", secure, name):  # a controller of version 2 only
            os.rmdir(f"/sys/fs/cgroup/{name}")
    _try_mount("bpf", "/sys/fs/bpf", "bpf", secure)


def complete_cpuinfo() -> None:
    """Add to /proc/cpuinfo the empty line at its end, which User-Mode Linux leaves out and `ps` of procps 4 needs."""
    with open("/proc/cpuinfo") as file, open(_CPUINFO, "w") as whole:
        whole.write(file.read().rstrip("\n") + "\n\n")
    mount(_CPUINFO, "/proc/cpuinfo", "none", _MS_BIND)


def set_limits(limits: dict[int, tuple[int, int]]) -> None:
    """Set the soft and the hard limits of this process and of its later children, by the number of the limit.

    Raises:
        OSError: the kernel refuses.
    """
    for kind, (soft, hard) in limits.items():
        if _libc.setrlimit(kind, struct.pack("qq", soft, hard)) != 0:
            raise OSError(ctypes.get_errno(), f"limit {kind} cannot be {soft} and {hard}")


def raise_loopback() -> None:
    """Bring ``lo`` up, so that 127.0.0.1 answers."""
    control = _libc.socket(_AF_INET, _SOCK_DGRAM, 0)
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    os.close(control)


def set_sysctl(name: str, value: str) -> None:
    """Set a kernel parameter by its name with dots; do nothing if this kernel lacks it."""
    path = "/proc/sys/" + name.replace(".", "/")
    if os.path.exists(path):
        with open(path, "w") as file:
            file.write(value)


def run(folder: str, command: list[str], directory: str, environment: dict[str, str], window: list[int]) -> int:
    """Run the job's command to its end, reaping other processes meanwhile; return the command's exit status."""
    child = os.fork()
    if child == 0:
        try:
            _become(folder, command, directory, environment, window)
        finally:
            os._exit(_NOT_EXECUTABLE)  # no exception may leave the forked process
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become(folder: str, command: list[str], directory: str, environment: dict[str, str], window: list[int]) -> None:
    """Replace this process by the job's command; never return."""
    os.setsid()
    if window:
        terminal = os.open("/dev/tty1", os.O_RDWR)
        fcntl.ioctl(terminal, _TIOCSCTTY, 0)
        fcntl.ioctl(terminal, _TIOCSWINSZ, struct.pack("HHHH", *window, 0, 0))
        streams = [terminal, terminal, terminal]
    else:
        append = os.O_WRONLY | os.O_APPEND
        streams = [os.open("/dev/null", os.O_RDONLY), *(os.open(f"{folder}/{name}", append) for name in _STREAMS)]
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    try:
        os.chdir(directory)
    except OSError:
        os.chdir("/")
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - without a shell, on purpose
    except FileNotFoundError:
        status, why = _NOT_FOUND, "command not found"
    except OSError as error:
        status, why = _NOT_EXECUTABLE, error.strerror or "it cannot be run"
    os.write(2, f"gtsdsl guest: {command[0]}: {why}\n".encode(errors="backslashreplace"))
    os._exit(status)


def main(
    *,
    folder: str,
    command: list[str],
    directory: str,
    environment: dict[str, str],
    shared: list[str],
    settle_s: float,
    sysctls: dict[str, str],
    limits: dict[int, tuple[int, int]],
    window: list[int],
    modules: str,
) -> None:
    """Do one job and power off.

    ``folder`` is the folder of the job. ``shared`` are the machine's folders that the guest may write, including
    ``folder``. ``window`` has the rows and columns of the terminal, or is empty. ``modules`` is the folder of this
    kernel's modules, or empty.
    """
    try:
        if modules:
            load_module(f"{modules}/kernel/fs/overlayfs/overlay.ko")
        enter_scratch_root(f"{folder}/scratch")
        mount_kernel_filesystems()
        complete_cpuinfo()
        if modules:
            os.makedirs("/lib/modules", exist_ok=True)
            os.symlink(modules, f"/lib/modules/{os.uname().release}")
        for place in shared:
            os.makedirs(place, exist_ok=True)
            mount("host", place, "hostfs", 0, place)
        raise_loopback()
        _libc.sethostname(_HOST_NAME, len(_HOST_NAME))
        set_limits(limits)
        for name, value in sysctls.items():
            set_sysctl(name, value)
        time.sleep(settle_s)
        status = run(folder, command, directory, environment, window)
    except (OSError, MemoryError) as error:
        _write(f"{folder}/stderr", f"gtsdsl guest: the machine cannot be set up: {error}\n")
        status = _NOT_EXECUTABLE
    _write(f"{folder}/status", f"{status}\n")
    _libc.reboot(_RB_POWER_OFF)


def _write(path: str, text: str) -> None:
    """Append to a file for the machine outside; ignore a full disk there, so that the guest still powers off."""
    try:
        with open(path, "a") as file:
            file.write(text)
    except OSError:
        pass
