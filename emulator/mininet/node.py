"""Mininet's nodes in the lab's namespaces, with shells that start when they are first needed."""

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

_DESCRIPTORS = 4  # a shell needs three, and one more while it starts
_SENTINEL = "\x7f"  # Mininet's prompt, which tells it that a command has ended

# programs that Mininet, and scripts for it, call in a host's shell, here without `mnexec` and confined to the host
_FUNCTIONS = (
    # `mnexec -p` prints its process id, then becomes the command
    r"""mnexec() ( [ "$1" = -p ] || exec mnexec "$@"; shift; printf '\001%d\012' "$BASHPID"; exec "$@" )""",
    # Mininet ends programs by `killall -9 iperf`; this kills the host's own processes only
    r"""killall() { local s=-TERM n; case $1 in -*) s=$1; shift;; esac; """
    r"""for n; do pkill "$s" --ns $$ --nslist net -x -- "$n"; done; }""",
)


class EmulatedNode(Node):  # type: ignore[misc]
    """A node of Mininet's in a network namespace of a lab. ``namespace`` is the namespace's descriptor."""

    name: str
    waiting: bool

    def __init__(self, name: str, namespace: int, processes: Processes, **params: object) -> None:
        self.namespace = namespace
        self.processes = processes
        super().__init__(name, inNamespace=True, **params)
        self._await_shell()  # because Node's constructor has set the shell's attributes to None

    @classmethod
    def checkSetup(cls) -> None:
        """Do nothing where Mininet checks for `mnexec` and `ifconfig`, because neither is needed."""

    @property
    def has_shell(self) -> bool:
        """Whether the shell runs."""
        return "shell" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        if name in _OF_SHELL and "namespace" in self.__dict__:
            self._start_shell()
            return self.__dict__[name]
        raise AttributeError(name)

    def startShell(self, mnopts: str | None = None) -> None:
        """Do nothing where Mininet starts the shell of a new node; it starts when it is first needed."""

    def mountPrivateDirs(self) -> None:
        """Do nothing where Mininet mounts the private folders of a new node; they are mounted when the shell starts."""

    def _start_shell(self) -> None:
        namespaces.allow_descriptors(_DESCRIPTORS)
        master, slave = os.openpty()
        # the terminal must become the session's, or Ctrl-C (`sendInt`) would reach no process
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
        self.pollOut.register(self.stdout, select.POLLIN)  # not for writing, because a terminal is always ready for it
        self.ended = os.pidfd_open(self.pid)
        self.pollOut.register(self.ended, select.POLLIN)
        self.outToNode[master] = self.inToNode[master] = self
        self.execed = False
        text = ""
        while not text.endswith(_SENTINEL):
            if self.pollOut.poll(100):
                text = self.read(1024)
            elif self.shell.poll() is not None:
                raise EmulationError(f"{self.name}: no shell could be started: is bash installed?")
        self.waiting = False
        self.cmd("unset HISTFILE; stty -echo; set +m; " + "; ".join(_FUNCTIONS))
        Node.mountPrivateDirs(self)

    def waitReadable(self, timeoutms: int | None = None) -> list[tuple[int, int]] | None:
        """Wait for output as Mininet does, but not for a shell that has ended, by `exit` or a kill."""
        found: list[tuple[int, int]] | None = super().waitReadable(timeoutms)
        if found is None or any(descriptor == self.master for descriptor, _ in found):
            return found
        if found:
            say_error(f"*** {self.name}: its shell has ended; the next command starts another\n")
            self.cleanup()
            self.waiting = False
        return None

    def cleanup(self) -> None:
        """Release the shell, which has ended or will be ended; the next command starts another."""
        super().cleanup()
        os.close(self.ended)
        self._await_shell()

    def _await_shell(self) -> None:
        """Remove the shell's attributes, so that `__getattr__` notices when one is first needed."""
        for attribute in _OF_SHELL:
            self.__dict__.pop(attribute, None)

    def popen(self, *args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        """Start a process in the node's namespaces, with Mininet's arguments."""
        namespaces = f"/proc/{self.pid}/ns"
        same = [f"--{kind}={namespaces}/{name}" for kind, name in _NAMESPACES]
        enter = ["nsenter", *same, "env", "-C", str(working_folder())]
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
        """End the shell if it runs."""
        if self.has_shell:
            super().terminate()

    def close_terminal(self) -> None:
        """Kill the shell if it runs; the next command starts another."""
        if self.has_shell:
            self.shell.kill()
            self.shell.wait()
            self.cleanup()

    def __repr__(self) -> str:
        interfaces = ",".join(f"{interface.name}:{interface.IP()}" for interface in self.intfList())
        process = self.pid if self.has_shell else None
        return f"<{type(self).__name__} {self.name}: {interfaces} pid={process}> "


_NAMESPACES = (("net", "net"), ("mount", "mnt"), ("uts", "uts"))
"""The namespaces of a node's processes: the names that `nsenter` and the kernel have for each."""
_OF_SHELL = ("shell", "pid", "stdin", "stdout", "pollOut", "master", "slave", "ended")


class EmulatedHost(EmulatedNode, Host):  # type: ignore[misc]
    """A host or a container. Its name resolves to ``loopback``, its own address; for ``cpu``, see `setCPUFrac`."""

    def __init__(
        self, name: str, namespace: int, processes: Processes, loopback: str, cpu: float | None = None, **params: object
    ) -> None:
        self.loopback = loopback
        super().__init__(name, namespace, processes, **params)
        if cpu is not None:
            self.setCPUFrac(cpu)

    def IP(self, intf: object = None) -> str | None:
        """Return the address of an interface; without one, the host's own address."""
        if intf is None:
            return self.loopback
        found: str | None = super().IP(intf)
        return found

    def configDefault(self, **moreParams: object) -> None:
        """Do nothing, because the plan has configured the host."""

    def setCPUFrac(self, f: float, sched: str | None = None) -> None:
        """Limit the host's commands to a share of all processors, as in Mininet's `CPULimitedHost`.

        ``f`` is the share, from 0 to 1, or negative for no limit. ``sched`` must be ``cfs`` or None. Processes that run
        already are not limited, except the shell.

        Raises:
            EmulationError: this kernel cannot limit processes, or ``sched`` is another scheduler.
        """
        if sched not in {None, "cfs"}:
            raise EmulationError(
                f"{self.name}: a host's share of the processors needs the scheduler cfs, not {sched:.20}"
            )
        if lacking := next(lacks(), None):
            raise EmulationError(f"{self.name}: {lacking}")
        groups = limiting_groups(self.name, self.processes.groups, None if f < 0 else f * (os.cpu_count() or 1))
        self.processes.limit(self.namespace, groups)
        if self.has_shell:
            for group in groups:
                (group / "cgroup.procs").write_text(str(self.pid))
