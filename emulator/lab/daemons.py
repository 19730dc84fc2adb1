"""A program, or a function of ours, to a daemon in a host: with a log, watched, ended with the network."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from emulator.lab.forks import fork
from emulator.lab.lab import Lab
from emulator.netlink import namespaces
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until
from emulator.system.text import one_line

_POLL_S = 0.01
_GRACE_S = 10.0
_LOG_LINES = 5
_LOG_BYTES = 4096


class DaemonError(EmulationError):
    """A daemon died or does not get ready; the message has its name and its last lines of log."""

    exit_status = 1


class Daemon:
    """A process that runs in a host until it is stopped, or its network ends. ``log`` is what it wrote."""

    def __init__(self, name: str, host: str, pid: int, log: Path) -> None:
        self.name = name
        self.host = host
        self.pid = pid
        self.log = log
        self._status: int | None = None

    def check(self) -> None:
        """See that it runs.

        Raises:
            DaemonError: it has ended.
        """
        if (status := self._poll()) is not None:
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise DaemonError(f"{self} {how}: {self.last_lines()}")

    def wait_until(self, is_ready: Callable[[], bool], patience_s: float, trouble: str = "is not ready") -> None:
        """Wait until it is ready, in the network's clock; ``trouble`` is what it is if it never gets so.

        Raises:
            DaemonError: it has ended, or is not ready after ``patience_s``.
        """

        def is_ready_or_ended() -> bool:
            if is_ready():
                return True
            self.check()
            return False

        if not wait_until(is_ready_or_ended, patience_s, _POLL_S):
            raise DaemonError(f"{self} {trouble} after {patience_s:g} s: {self.last_lines()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and all that it started in its session, with a signal first and by force if that does not help.

        What comes back is its exit status, or the number of the signal that ended it, as a negative number.
        """
        if (ended := self._poll()) is not None:
            return ended
        self._signal(number)
        if not wait_until(lambda: self._poll() is not None, _GRACE_S, _POLL_S):
            self._signal(signal.SIGKILL)
            self._poll(0)
        return -signal.SIGKILL if self._status is None else self._status

    def last_lines(self) -> str:
        """The end of its log, in one line."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            lines = [one_line(line) for line in file.read().decode(errors="replace").splitlines()]
            return " | ".join([line for line in lines if line][-_LOG_LINES:]) or "it said nothing"
        return "it said nothing"

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # it has only just begun: it leads no session yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _poll(self, options: int = os.WNOHANG) -> int | None:
        if self._status is None:
            # another thread may be the one that hears of its end
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, options)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


def start_program(
    lab: Lab, host: str, name: str, command: Sequence[str],
    variables: Mapping[str, str] | None = None, namespace: int | None = None,
) -> Daemon:  # fmt: skip
    """Start a program in a host, without input.

    ``variables`` are added to its environment. ``namespace`` is the descriptor of the network namespace that the
    program runs in; None for the host's. A daemon that serves all hosts has its own, and ``host`` then only names it.

    Raises:
        EmulationError: it cannot be started.
    """
    log = _log(lab, host, name)
    environment = [f"{key}={value}" for key, value in (variables or {}).items()]
    line = ["env", *environment, *command] if environment else list(command)
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        # not in the user's working folder, which can be a stranger's: containerd takes programs from where it works
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        process = lab.processes.popen(
            lab.namespace(host) if namespace is None else namespace, line, *streams, directory="/"
        )
    daemon = Daemon(name, host, process.pid, log)
    process.returncode = 0  # it is the daemon's from now on: `subprocess` must not wait for it
    return daemon


def start_function(lab: Lab, host: str, name: str, body: Callable[[], None]) -> Daemon:
    """Run a function of ours in a process of its own in a host, until it returns.

    It is a fork of this process, which has loaded what it needs: in a guest, a Python started anew would cost half a
    second of wall time a host.

    Raises:
        EmulationError: it cannot be started.
    """
    namespace = lab.namespace(host)
    lab.processes.start()  # its guardian ends the process with the network
    log = _log(lab, host, name)
    return Daemon(name, host, fork(partial(_serve, namespace, log, body)), log)


def _serve(namespace: int, log: Path, body: Callable[[], None]) -> None:
    """Be the daemon, in a fork."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    # this process's own may lead elsewhere: a test runner's do
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    namespaces.setns(namespace, namespaces.CLONE_NEWNET)
    body()


def _log(lab: Lab, host: str, name: str) -> Path:
    # beside the world's folder, of which only processes of the emulation see the contents
    folder = lab.run_folder / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name.replace('/', '-')}-{host}.log"
