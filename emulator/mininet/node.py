"""Mininet's node without its process: a network namespace of ours, and a shell that starts when it is asked for."""

from __future__ import annotations

import os
import select
import subprocess
from typing import TYPE_CHECKING, Any

from mininet.log import error as say_error
from mininet.node import Host, Node

from emulator.lab.cgroups import lacks, limiting_groups
from emulator.netlink import namespaces
from emulator.system.errors import EmulationError
from emulator.system.folders import working_folder

if TYPE_CHECKING:
    from emulator.lab.processes import Processes

_DESCRIPTORS = 4  # a shell takes three of them, and one more while it starts
_SENTINEL = "\x7f"  # Mininet's prompt, by which it sees that a command has ended

# what Mininet, and scripts that are written for it, call in a host's shell; confined, and without the program `mnexec`
_FUNCTIONS = (
    # `mnexec -p` says the process id of what it becomes
    r"""mnexec() ( [ "$1" = -p ] || exec mnexec "$@"; shift; printf '\001%d\012' "$BASHPID"; exec "$@" )""",
    # Mininet's programs end others by `killall -9 iperf`: this host's only, and neither another's nor the user's
    r"""killall() { local s=-TERM n; case $1 in -*) s=$1; shift;; esac; """
    r"""for n; do pkill "$s" --ns $$ --nslist net -x -- "$n"; done; }""",
)


class EmulatedNode(Node):  # type: ignore[misc]
    """A node in a namespace that a descriptor names; its processes are those of a `Processes`."""

    name: str
    waiting: bool

    def __init__(self, name: str, namespace: int, processes: Processes, **params: object) -> None:
        self.namespace = namespace
        self.processes = processes
        super().__init__(name, inNamespace=True, **params)
        self._await_shell()  # Node's constructor has set its attributes to None

    @classmethod
    def checkSetup(cls) -> None:
        """Mininet's check for `mnexec` and `ifconfig`, neither of which is needed here."""

    @property
    def has_shell(self) -> bool:
        """Whether the shell has been started."""
        return "shell" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        if name in _OF_SHELL and "namespace" in self.__dict__:
            self._start_shell()
            return self.__dict__[name]
        raise AttributeError(name)

    def startShell(self, mnopts: str | None = None) -> None:
        """Mininet calls this when a node is made; the shell starts later, when it is first asked for."""

    def mountPrivateDirs(self) -> None:
        """Mininet calls this when a node is made; here it is done when the shell starts."""

    def _start_shell(self) -> None:
        namespaces.allow_descriptors(_DESCRIPTORS)
        master, slave = os.openpty()
        # the terminal must become the session's, or Ctrl-C (`sendInt`) would reach nobody
        shell = ["env", f"PS1={_SENTINEL}", "bash", "--norc", "--noediting", "-is", f"mininet:{self.name}"]
        line = ["setsid", "--ctty", *self.processes.command(self.namespace, shell, terminal=True)]
        descriptors = (self.namespace, self.processes.mounts)
        self.shell = self._popen(
            line, stdin=slave, stdout=slave, stderr=slave, pass_fds=descriptors, env=self.processes.environment
        )
        self.master, self.slave = master, slave
        self.stdin = self.stdout = os.fdopen(master, "r")
        self.pid = self.shell.pid
        self.pollOut = select.poll()
        self.pollOut.register(self.stdout, select.POLLIN)  # not for writing, which is always possible
        self.ended = os.pidfd_open(self.pid)
        self.pollOut.register(self.ended, select.POLLIN)
        self.outToNode[master] = self.inToNode[master] = self
        self.execed = False
        said = ""
        while not said.endswith(_SENTINEL):
            if self.pollOut.poll(100):
                said = self.read(1024)
            elif self.shell.poll() is not None:
                raise EmulationError(f"{self.name}: no shell could be started: is bash there?")
        self.waiting = False
        self.cmd("unset HISTFILE; stty -echo; set +m; " + "; ".join(_FUNCTIONS))
        Node.mountPrivateDirs(self)

    def waitReadable(self, timeoutms: int | None = None) -> list[tuple[int, int]] | None:
        """What there is to read from, as Mininet's; a shell that has ended (`exit`, a kill) is waited for no more."""
        found: list[tuple[int, int]] | None = super().waitReadable(timeoutms)
        if found is None or any(descriptor == self.master for descriptor, _ in found):
            return found
        if found:
            say_error(f"*** {self.name}: its shell has ended; the next command starts another\n")
            self.cleanup()
            self.waiting = False
        return None

    def cleanup(self) -> None:
        """Let go of the shell, which has ended or is told to; the next command starts another."""
        super().cleanup()
        os.close(self.ended)
        self._await_shell()

    def _await_shell(self) -> None:
        """Be without the attributes of a shell, so that `__getattr__` notices when one is first wanted."""
        for attribute in _OF_SHELL:
            self.__dict__.pop(attribute, None)

    def popen(self, *args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        """A process in the node's namespaces; as Mininet's."""
        namespaces = f"/proc/{self.pid}/ns"
        enter = ["nsenter", f"--net={namespaces}/net", f"--mount={namespaces}/mnt", "env", "-C", str(working_folder())]
        enter = [*self.processes.join_command(self.namespace), *enter]
        if self.processes.has_container(self.namespace):
            enter = self.processes.command(self.namespace, [])
            kwargs.setdefault("pass_fds", (self.namespace,))
        kwargs.setdefault("mncmd", enter)
        kwargs.setdefault("env", self.processes.environment)
        kwargs.setdefault("start_new_session", True)
        found: subprocess.Popen[bytes] = super().popen(*args, **kwargs)
        return found

    def terminate(self) -> None:
        """End the shell, if there is one."""
        if self.has_shell:
            super().terminate()

    def close_terminal(self) -> None:
        """Kill the shell, if there is one; the next command has a new one."""
        if self.has_shell:
            self.shell.kill()
            self.shell.wait()
            self.cleanup()

    def __repr__(self) -> str:
        interfaces = ",".join(f"{interface.name}:{interface.IP()}" for interface in self.intfList())
        process = self.pid if self.has_shell else None
        return f"<{type(self).__name__} {self.name}: {interfaces} pid={process}> "


_OF_SHELL = ("shell", "pid", "stdin", "stdout", "pollOut", "master", "slave", "ended")


class EmulatedHost(EmulatedNode, Host):  # type: ignore[misc]
    """A host. ``loopback`` is its own address, which its name stands for; for ``cpu``, see `setCPUFrac`."""

    def __init__(
        self, name: str, namespace: int, processes: Processes, loopback: str, cpu: float | None = None, **params: object
    ) -> None:
        self.loopback = loopback
        super().__init__(name, namespace, processes, **params)
        if cpu is not None:
            self.setCPUFrac(cpu)

    def IP(self, intf: object = None) -> str | None:
        """The address of an interface; of the host itself if none is named."""
        if intf is None:
            return self.loopback
        found: str | None = super().IP(intf)
        return found

    def configDefault(self, **moreParams: object) -> None:
        """Nothing: the plan has configured the host."""

    def setCPUFrac(self, f: float, sched: str | None = None) -> None:
        """Let the host's commands have a part of all processors, as Mininet's `CPULimitedHost`.

        ``f`` is the part, negative for no limit; ``sched`` is ``cfs``. What a command has started already keeps what it
        has.

        Raises:
            EmulationError: this kernel cannot limit it, or ``sched`` is another.
        """
        if sched not in {None, "cfs"}:
            raise EmulationError(f"{self.name}: a host's share of the processors is by cfs, not by {sched:.20}")
        if lacking := next(lacks(), None):
            raise EmulationError(f"{self.name}: {lacking}")
        groups = limiting_groups(self.name, self.processes.groups, None if f < 0 else f * (os.cpu_count() or 1))
        self.processes.limit(self.namespace, groups)
        if self.has_shell:
            for group in groups:
                (group / "cgroup.procs").write_text(str(self.pid))
