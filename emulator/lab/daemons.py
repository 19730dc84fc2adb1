"""Daemons in hosts: programs, or functions of gtsdsl, that run in the background with a log until the lab ends."""

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
from emulator.system.errors import EmulationError
from emulator.system.poll import wait_until
from emulator.system.text import one_line
from emulator.system.unshare import CLONE_NEWNET, setns

_POLL_S = 0.01
_GRACE_S = 10.0
_LOG_LINES = 5
_LOG_BYTES = 4096

# Its arguments: a folder, the command. The mount namespace that it changes is the process's own.
_OWN_RUN = """\
folder=$1; shift
mount --bind "$folder" /run || exit
exec "$@"
"""


class DaemonError(EmulationError):
    """A daemon ended, or was not ready in time; the message has the daemon's name and the end of its log."""

    exit_status = 1


class Daemon:
    """A process that runs in a host until it is stopped or its lab ends. ``log`` is the file with its output."""

    def __init__(self, name: str, host: str, pid: int, log: Path) -> None:
        self.name = name
        self.host = host
        self.pid = pid
        self.log = log
        self._status: int | None = None

    def check(self) -> None:
        """Check that the daemon runs.

        Raises:
            DaemonError: the daemon has ended.
        """
        if (status := self._poll()) is not None:
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise DaemonError(f"{self} {how}: {self.last_lines()}")

    def wait_until(self, is_ready: Callable[[], bool], patience_s: float, trouble: str = "is not ready") -> None:
        """Wait until the daemon is ready, in the lab's clock.

        ``trouble`` is the verb phrase of the error after ``patience_s``, such as "is not ready".

        Raises:
            DaemonError: the daemon has ended, or is not ready in time.
        """

        def is_ready_or_ended() -> bool:
            if is_ready():
                return True
            self.check()
            return False

        if not wait_until(is_ready_or_ended, patience_s, _POLL_S):
            raise DaemonError(f"{self} {trouble} after {patience_s:g} s: {self.last_lines()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop the daemon and its session with a signal, and kill the session if the daemon has not ended in 10 s.

        Return the exit status; for a daemon that a signal ended, the negative number of the signal.
        """
        if (ended := self._poll()) is not None:
            return ended
        self._signal(number)
        if not wait_until(lambda: self._poll() is not None, _GRACE_S, _POLL_S):
            self._signal(signal.SIGKILL)
            self._poll(0)
        return -signal.SIGKILL if self._status is None else self._status

    def pause(self) -> None:
        """Let the daemon and its session stand still until `resume`: it answers nothing, and its connections stay."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a daemon that stands still go on."""
        self._signal(signal.SIGCONT)

    def last_lines(self) -> str:
        """Return the last lines of the log, joined in one line."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            lines = [one_line(line) for line in file.read().decode(errors="replace").splitlines()]
            return " | ".join([line for line in lines if line][-_LOG_LINES:]) or "it said nothing"
        return "it said nothing"

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # a fork that has only just begun leads no session yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _poll(self, options: int = os.WNOHANG) -> int | None:
        if self._status is None:
            # another thread may have waited for the process
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, options)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


def start_program(
    lab: Lab, host: str, name: str, command: Sequence[str],
    variables: Mapping[str, str] | None = None, namespace: int | None = None, *, in_container: bool = True,
) -> Daemon:  # fmt: skip
    """Start a program in a host, without input.

    ``variables`` are added to its environment. ``namespace`` is the descriptor of the network namespace that the
    program runs in; None is the host's. A daemon that serves all hosts has its own, and ``host`` then only names it.
    ``in_container`` is that of `Processes.command`.

    Raises:
        EmulationError: the program cannot be started.
    """
    log = _log(lab, host, name)
    environment = [f"{key}={value}" for key, value in (variables or {}).items()]
    line = ["env", *environment, *command] if environment else list(command)
    namespace = lab.namespace(host) if namespace is None else namespace
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        # not in the user's working folder, which can be a stranger's, because containerd runs programs that it finds
        # in its working folder
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        process = lab.processes.popen(namespace, line, *streams, directory="/", in_container=in_container)
    daemon = Daemon(name, host, process.pid, log)
    process.returncode = 0  # the daemon waits for the process from now on, and `subprocess` must not
    return daemon


def own_run_command(folder: Path) -> list[str]:
    """Return the start of a command line for a program that sees ``folder`` at ``/run``.

    All hosts share a file system, so programs of two hosts would find each other's files in ``/run``.
    """
    return ["sh", "-c", _OWN_RUN, "sh", str(folder)]


def without_variables(*prefixes: str) -> list[str]:
    """Return the start of a command line that leaves out this process's variables whose names begin with a prefix.

    Such variables are meant for the user's own programs. Variables of the form ``NAME=VALUE`` may follow.
    """
    return ["env", *(word for name in os.environ if name.startswith(prefixes) for word in ("-u", name))]


def start_function(lab: Lab, host: str, name: str, body: Callable[[], None]) -> Daemon:
    """Run a function of gtsdsl as a daemon in a host, or in the switches' namespace, until it returns.

    The daemon is a fork of this process, which has loaded what the function needs: in a guest, a new Python would take
    half a second of wall time on each host.

    Raises:
        EmulationError: the daemon cannot be started.
    """
    lab.processes.start()  # so that the reaper kills the daemon with the lab
    log = _log(lab, host, name)
    return Daemon(name, host, fork(partial(_serve, lab.namespace(host), log, body)), log)


def _serve(namespace: int, log: Path, body: Callable[[], None]) -> None:
    """Run the function in the fork, with the log as its output."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    # this process's own streams may lead elsewhere, as a test runner's do
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    setns(namespace, CLONE_NEWNET)
    body()


def _log(lab: Lab, host: str, name: str) -> Path:
    folder = lab.run_folder / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name.replace('/', '-')}-{host}.log"
