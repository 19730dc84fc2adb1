"""The processes of a lab: commands that run in hosts' namespaces, and that end with the lab in every case."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from emulator.lab import reaper
from emulator.lab.containers import RunningContainer
from emulator.lab.hosts_file import hosts_file, hosts_lines
from emulator.system.errors import EmulationError
from emulator.system.folders import working_folder
from emulator.system.programs import environment, find_program, python_command
from emulator.system.run_folders import MARK, RunFolder

_TOOLS = ("nsenter", "unshare", "setsid", "mount")
_READY_BYTES = 4096
_REAPER_PATIENCE_S = 10
_MAX_HOST_NAME_BYTES = 63

# Its arguments: a folder, the working folder, the host's name or an empty text, the command. Its own /sys shows the
# namespace's interfaces, as in Mininet, but keeps the control groups, which container runtimes look for; where none may
# be mounted, nothing changes. In a user namespace, the name's file is not writable, but the program may set the name.
_ENTER = """\
folder=$1 wd=$2 name=$3; shift 3
if [ -n "$name" ]; then
  { echo "$name" > /proc/sys/kernel/hostname || hostname "$name"; } 2>/dev/null
fi
if mount -t sysfs sysfs "$folder/sys" 2>/dev/null; then
  mount --rbind /sys/fs/cgroup "$folder/sys/fs/cgroup" 2>/dev/null
  mount --move "$folder/sys" /sys 2>/dev/null || umount -R "$folder/sys" 2>/dev/null
fi
cd "$wd" 2>/dev/null
exec "$@"
"""

# Its arguments: the number of control groups, the groups' files, the command.
_JOIN = """\
count=$1; shift
while [ "$count" -gt 0 ]; do echo $$ > "$1" || exit; shift; count=$((count - 1)); done
exec "$@"
"""


class Processes:
    """The commands of a lab, with a mount namespace that has an ``/etc/hosts`` of its own, and with a reaper.

    The reaper kills the processes if this process dies. It starts, with the mount namespace, before the first command,
    because a lab in which nothing runs needs neither. ``folder`` is in memory, and only the lab's processes see its
    contents.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        """``names`` has, for each address, one name or several names with blanks between them."""
        self._hosts_file = hosts_file(names)
        self._lines_of = {name: hosts_lines(name, [it for it in names if names[it] == name]) for name in names.values()}
        self._stack = contextlib.ExitStack()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._guarded: dict[int, int] = {}
        self._host_names: dict[int, str] = {}
        self._containers: dict[int, RunningContainer] = {}
        self._further_files: set[Path] = set()
        self._groups: dict[int, tuple[Path, ...]] = {}
        self.folder = Path()
        self.variables: dict[str, str] = {}
        """Variables that are added to the environment of the processes."""

    def close(self) -> None:
        """Kill all processes in the namespaces, and stop the reaper."""
        try:
            if self._reaper is not None:
                reaper.end_all(set(self._guarded))
        finally:
            self._reaper = None
            self._stack.close()

    def at_end(self, function: Callable[[], None]) -> None:
        """Call a function after all processes have been killed."""
        self._stack.callback(function)

    def guard(self, namespaces: Iterable[int]) -> None:
        """Have the processes in network namespaces, by their descriptors, killed with the lab."""
        new = {os.fstat(descriptor).st_ino: descriptor for descriptor in namespaces}
        new = {number: descriptor for number, descriptor in new.items() if number not in self._guarded}
        self._guarded |= new
        if self._reaper is not None and new:
            self._send(new)

    def name(self, namespace: int, name: str) -> None:
        """Let the commands for a network namespace see a name as that of their computer from now on."""
        self._host_names[namespace] = host_name(name)

    def inhabit(self, namespace: int, container: RunningContainer, hosts_file: Path | None = None) -> None:
        """Run the commands for a network namespace in a container from now on.

        All names of the lab are added to ``hosts_file``, the container's ``/etc/hosts``; None if it has none of its
        own.
        """
        self._containers[namespace] = container
        if hosts_file is not None:
            _append(hosts_file, self._hosts_file)
            self._further_files.add(hosts_file)

    def has_container(self, namespace: int) -> bool:
        """Return whether the commands for a network namespace run in a container."""
        return namespace in self._containers

    def limit(self, namespace: int, groups: tuple[Path, ...]) -> None:
        """Let the commands for a network namespace join control groups from now on."""
        self._groups[namespace] = groups

    def join_command(self, namespace: int) -> list[str]:
        """Return the start of a command line that joins a network namespace's control groups; empty without groups."""
        groups = [f"{group}/cgroup.procs" for group in self._groups.get(namespace, ())]
        return ["sh", "-c", _JOIN, "sh", str(len(groups)), *groups] if groups else []

    def set_addresses(self, name: str, addresses: Sequence[str]) -> None:
        """Let a name resolve to some addresses, and to no others, in all processes from now on."""
        lines, stale = hosts_lines(name, addresses), self._lines_of.get(name, "")
        if stale == lines:
            return
        self._lines_of[name] = lines
        self._hosts_file = (self._hosts_file.replace(stale, "") if stale else self._hosts_file) + lines
        files = set(self._further_files)
        if self._reaper is not None:
            # the file that is mounted at /etc/hosts; only the reaper's mount namespace shows it
            files.add(Path(f"/proc/{self._reaper.pid}/root{self.folder}/hosts"))
        for path in files:
            if stale:
                path.write_text(path.read_text().replace(stale, ""))  # in place, as in `_append`
            _append(path, lines)

    def command(
        self, namespace: int, command: Sequence[str], directory: str | None = None, *,
        terminal: bool = False, in_container: bool = True,
    ) -> list[str]:  # fmt: skip
        """Return the command line that runs a command in a network namespace, with files and a host name of its own.

        The process must inherit the namespace's descriptor and `mounts`. If the namespace is a container's, the command
        runs in the container, as by `docker exec`; with ``terminal``, it gets a terminal there. Without
        ``in_container``, it has the container's network, and the files of this machine. ``directory`` is the working
        directory; None is the user's.

        Raises:
            EmulationError: the reaper cannot be started, a tool is missing, or the container has ended.
        """
        self.start()
        if in_container and (container := self._containers.get(namespace)) is not None:
            # through nsenter, because Mininet takes the namespaces of the process that it starts for the host's
            enter = ["nsenter", f"--net=/proc/self/fd/{namespace}"]
            return [*enter, *container.enter(command, self.environment, terminal=terminal)]
        enter = ["nsenter", f"--net=/proc/self/fd/{namespace}", f"--mount=/proc/self/fd/{self.mounts}"]
        name = self._host_names.get(namespace, "")
        script = ["sh", "-c", _ENTER, "sh", str(self.folder), directory or str(working_folder()), name]
        return [
            *self.join_command(namespace),
            *enter,
            "unshare",
            "--mount",
            "--uts",
            "--propagation=unchanged",
            *script,
            *command,
        ]

    def popen(
        self, namespace: int, command: Sequence[str],
        stdin: int | None = None, stdout: int | None = None, stderr: int | None = None, directory: str | None = None,
        *, in_container: bool = True,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start a process in a network namespace, as the leader of a session; see `command`."""
        line = self.command(namespace, command, directory, in_container=in_container)
        return subprocess.Popen(
            line,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(namespace, self.mounts),
            start_new_session=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the processes: this process's, and the mark by which `gtsdsl clean` finds them."""
        self.start()
        return {**environment(os.environ), **self.variables, MARK: str(self.folder.parent)}

    @property
    def groups(self) -> str:
        """The name of the lab's own folder among the control groups; its first use starts the reaper."""
        return reaper.groups_name(str(self.start().parent))

    @property
    def mounts(self) -> int:
        """The descriptor of the mount namespace."""
        return self._mounts

    def start(self) -> Path:
        """Start the reaper unless it runs, and return `folder`.

        Raises:
            EmulationError: a tool is missing, or the kernel refuses a mount namespace.
        """
        if self._reaper is not None:
            return self.folder
        for tool in _TOOLS:
            if find_program(tool) is None:
                raise EmulationError(f"`{tool}` is missing: install util-linux (`apt-get install util-linux mount`)")
        with contextlib.ExitStack() as stack:
            run = stack.enter_context(RunFolder("network"))
            self.folder = run.path / reaper.FOLDER
            self.folder.mkdir(mode=0o700)
            parent = os.pidfd_open(os.getpid())
            stack.callback(os.close, parent)
            # the reaper may outlive this process by a moment; it holds the run's lock, so that `gtsdsl clean` waits
            child = subprocess.Popen(
                python_command(reaper.__file__, str(parent), str(run.path), self._hosts_file, is_bare=True),
                env=environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(parent, run.lock),
                cwd="/",
                start_new_session=True,
            )
            stack.callback(_stop_reaper, child)
            if child.stdout is None:
                raise AssertionError("a pipe was asked for")
            said = os.read(child.stdout.fileno(), _READY_BYTES).decode(errors="replace").strip()
            if said != "ready":
                raise EmulationError(f"the hosts' files cannot be set up: {said or 'the reaper died'}")
            self._mounts = os.open(f"/proc/{child.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, self._mounts)
            self._reaper = child
            self._send(self._guarded)
            self._stack = stack.pop_all()
        return self.folder

    def _send(self, namespaces: Mapping[int, int]) -> None:
        """Send the reaper namespaces: the inode numbers, and this process's descriptors."""
        if self._reaper is None or self._reaper.stdin is None:
            raise AssertionError("the reaper has not been started")
        self._reaper.stdin.write(
            "".join(f"{number} {descriptor}\n" for number, descriptor in namespaces.items()).encode()
        )
        self._reaper.stdin.flush()


def host_name(host: str) -> str:
    """Return the name that a host's processes see as that of their computer: the host's, cut to the kernel's limit."""
    return host[:_MAX_HOST_NAME_BYTES]


def _append(path: Path, text: str) -> None:
    # in place, because the file is mounted: processes would not see another file of its name
    with path.open("a") as file:
        file.write(text)


def _stop_reaper(child: subprocess.Popen[bytes]) -> None:
    """Let the reaper do its work and exit."""
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it has died
            child.stdin.write(b"end\n")
            child.stdin.close()
    if child.stdout is not None:
        child.stdout.close()
    try:
        child.wait(timeout=_REAPER_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
