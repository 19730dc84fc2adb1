"""Commands to processes inside an emulation: started in a host's namespaces, ended with the emulation, always."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from emulator.lab import reaper
from emulator.lab.containers import RunningContainer
from emulator.system.errors import EmulationError
from emulator.system.folders import working_folder
from emulator.system.programs import environment, find_program, python_command
from emulator.system.run_folders import MARK, RunFolder

_TOOLS = ("nsenter", "unshare", "setsid", "mount")
_READY_BYTES = 4096

# Its arguments: a folder, the working folder, the command. Its own /sys shows the namespace's interfaces, as in
# Mininet, but keeps the control groups, which container runtimes look for; where none may be mounted, nothing changes.
_ENTER = """\
folder=$1 wd=$2; shift 2
if mount -t sysfs sysfs "$folder/sys" 2>/dev/null; then
  mount --rbind /sys/fs/cgroup "$folder/sys/fs/cgroup" 2>/dev/null
  mount --move "$folder/sys" /sys 2>/dev/null || umount -R "$folder/sys" 2>/dev/null
fi
cd "$wd" 2>/dev/null
exec "$@"
"""

# Its arguments: how many control groups, their files, the command.
_JOIN = """\
count=$1; shift
while [ "$count" -gt 0 ]; do echo $$ > "$1" || exit; shift; count=$((count - 1)); done
exec "$@"
"""


class Processes:
    """What the processes of an emulation share: a mount namespace with a ``/etc/hosts`` of its own, and a reaper.

    Both start with the first process: a network in which nothing runs needs neither. ``folder`` is one that only
    these processes see the contents of; it is in memory. For a network in this process's hands, with one `close`.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        """``names``: for each address what stands for it, one name or several with blanks between them."""
        self._hosts_file = hosts_file(names)
        self._address_of = {name: address for address, name in names.items()}
        self._stack = contextlib.ExitStack()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._guarded: dict[int, int] = {}
        self._inhabitants: dict[int, RunningContainer] = {}
        self._further_files: set[Path] = set()
        self._groups: dict[int, tuple[Path, ...]] = {}
        self.folder = Path()
        self.variables: dict[str, str] = {}
        """Further variables of the processes' environment."""

    def close(self) -> None:
        """End all processes in the namespaces, and the reaper."""
        try:
            if self._reaper is not None:
                reaper.end_all(set(self._guarded))
        finally:
            self._reaper = None
            self._stack.close()

    def at_end(self, function: Callable[[], None]) -> None:
        """Have a function called when all processes have been ended."""
        self._stack.callback(function)

    def guard(self, namespaces: Iterable[int]) -> None:
        """Take network namespaces, by descriptors, into the reaper's care: their processes end with this one."""
        new = {os.fstat(descriptor).st_ino: descriptor for descriptor in namespaces}
        new = {number: descriptor for number, descriptor in new.items() if number not in self._guarded}
        self._guarded |= new
        if self._reaper is not None and new:
            self._tell(new)

    def inhabit(self, namespace: int, container: RunningContainer, hosts_file: Path | None = None) -> None:
        """Have commands for a network namespace run in a container of Docker.

        Its ``hosts_file``, if there is one, gets all names that are known, and later ones when they become known.
        """
        self._inhabitants[namespace] = container
        if hosts_file is not None:
            _append(hosts_file, self._hosts_file)
            self._further_files.add(hosts_file)

    def limit(self, namespace: int, groups: tuple[Path, ...]) -> None:
        """Have commands for a network namespace join control groups."""
        self._groups[namespace] = groups

    def joining(self, namespace: int) -> list[str]:
        """What begins a command line that is to join the control groups of a network namespace; nothing without any."""
        groups = [f"{group}/cgroup.procs" for group in self._groups.get(namespace, ())]
        return ["sh", "-c", _JOIN, "sh", str(len(groups)), *groups] if groups else []

    def has_container(self, namespace: int) -> bool:
        """Whether commands for a network namespace run in a container."""
        return namespace in self._inhabitants

    def name(self, address: str, name: str) -> None:
        """Let a name stand for an address, in ``/etc/hosts``, and for no other, from now on."""
        before = self._address_of.get(name)
        if before == address:
            return
        self._address_of[name] = address
        line, stale = f"{address} {name}\n", f"{before} {name}\n"
        self._hosts_file = self._hosts_file.replace(stale, "") + line
        files = set(self._further_files)
        if self._reaper is not None:
            # the file that is mounted there, which only the reaper's mount namespace shows
            files.add(Path(f"/proc/{self._reaper.pid}/root{self.folder}/hosts"))
        for path in files:
            if before is not None:
                path.write_text(path.read_text().replace(stale, ""))  # in place, as `_append`
            _append(path, line)

    def command(
        self, namespace: int, command: Sequence[str], directory: str | None = None, *, terminal: bool = False
    ) -> list[str]:
        """A command line that runs a command in a network namespace and in a mount namespace that is its own.

        The namespace's descriptor, and `mounts`, must be handed on to the process. Where a container inhabits the
        namespace, it runs in that one as by `docker exec`; ``terminal`` says whether it gets a terminal there, for the
        one that it is started on.

        Raises:
            EmulationError: the processes of an emulation cannot be kept together here, a tool is missing, or the
                container has ended.
        """
        self.start()
        if namespace in self._inhabitants:
            return [
                # Mininet takes the namespaces of the process that it started for the host's
                "nsenter",
                f"--net=/proc/self/fd/{namespace}",
                *self._inhabitants[namespace].enter(command, self.environment, terminal=terminal),
            ]
        enter = ["nsenter", f"--net=/proc/self/fd/{namespace}", f"--mount=/proc/self/fd/{self.mounts}"]
        script = ["sh", "-c", _ENTER, "sh", str(self.folder), directory or str(working_folder())]
        return [*self.joining(namespace), *enter, "unshare", "--mount", "--propagation=unchanged", *script, *command]

    def popen(
        self, namespace: int, command: Sequence[str],
        stdin: int | None = None, stdout: int | None = None, stderr: int | None = None, directory: str | None = None,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start a process as the leader of a session in a network namespace; see `command`."""
        line = self.command(namespace, command, directory)
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
        """The environment of the processes: this one's, and the mark by which `gtsdsl clean` knows them."""
        self.start()
        return {**environment(os.environ), **self.variables, MARK: str(self.folder.parent)}

    @property
    def groups(self) -> str:
        """What the emulation calls its own among control groups."""
        return reaper.groups_name(str(self.start().parent))

    @property
    def mounts(self) -> int:
        """A descriptor of the mount namespace."""
        return self._mounts

    def start(self) -> Path:
        """Start the reaper, if it is not there yet; the folder that is the processes' own.

        Raises:
            EmulationError: a tool is missing, or no mount namespace can be made.
        """
        if self._reaper is not None:
            return self.folder
        for tool in _TOOLS:
            if find_program(tool) is None:
                raise EmulationError(f"`{tool}` is missing: install util-linux (`apt-get install util-linux mount`)")
        with contextlib.ExitStack() as stack:
            run = stack.enter_context(RunFolder("network"))
            self.folder = run.path / "world"
            self.folder.mkdir(mode=0o700)
            parent = os.pidfd_open(os.getpid())
            stack.callback(os.close, parent)
            # a process that outlives this one by a moment holds the run, so that `gtsdsl clean` lets it finish
            child = subprocess.Popen(
                python_command(reaper.__file__, str(parent), str(run.path), self._hosts_file, is_bare=True),
                env=environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(parent, run.lock),
                cwd="/",
                start_new_session=True,
            )
            stack.callback(_end, child)
            if child.stdout is None:
                raise AssertionError("a pipe was asked for")
            said = os.read(child.stdout.fileno(), _READY_BYTES).decode(errors="replace").strip()
            if said != "ready":
                raise EmulationError(f"the hosts' files cannot be set up: {said or 'the reaper died'}")
            self._mounts = os.open(f"/proc/{child.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, self._mounts)
            self._reaper = child
            self._tell(self._guarded)
            self._stack = stack.pop_all()
        return self.folder

    def _tell(self, namespaces: Mapping[int, int]) -> None:
        """Give the reaper namespaces: their numbers, and our descriptors."""
        if self._reaper is None or self._reaper.stdin is None:
            raise AssertionError("there is no reaper yet")
        self._reaper.stdin.write(
            "".join(f"{number} {descriptor}\n" for number, descriptor in namespaces.items()).encode()
        )
        self._reaper.stdin.flush()


def _append(path: Path, text: str) -> None:
    # in place: the file is mounted, and another one of its name would not be seen
    with path.open("a") as file:
        file.write(text)


def hosts_file(names: Mapping[str, str]) -> str:
    """A ``/etc/hosts`` with what every machine has, and these addresses' names."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{address} {name}" for address, name in names.items()]
    return "\n".join(lines) + "\n"


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let the reaper do its work."""
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it died
            child.stdin.write(b"end\n")
            child.stdin.close()
    if child.stdout is not None:
        child.stdout.close()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
