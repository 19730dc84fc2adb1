"""Scenarios that run in processes of their own: they end by a signal, or change their user, limits or namespaces."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from emulator import emulate
from emulator.kernel import init
from emulator.kernel.cache import building
from emulator.kernel.choose import KernelChoice
from emulator.kernel.kinds import Clock, KernelKind
from emulator.lab.forks import fork
from emulator.measure import pcap
from emulator.measure.probe import probe
from emulator.mininet.network import EmulatedNetwork
from emulator.outside.prompt import run_prompt
from emulator.outside.runner import NativeRunner, RunSettings
from emulator.plan import Options, plan
from emulator.system.run_folders import RunFolder
from emulator.system.signals import signals_as_exit
from emulator.system.unshare import CLONE_NEWNET, unshare
from emulator.system.user_namespace import enter
from emulator.task import Task
from tests.emulator.topologies import joined

# lab and network


def run_a_network(word: str) -> None:
    """Run processes in a network until a signal ends it. ``word`` is in the environment of one of them."""
    edges = [("a", "b"), ("b", "c"), ("a", "s1"), ("c", "s1")]
    made = plan(joined(edges, ("s1",)), Options(impaired=False, switch="bridge"))
    print("begun", flush=True)
    with signals_as_exit(), EmulatedNetwork(made) as network:
        network["a"].cmd(f"GTSDSL_TEST={word} setsid nohup sleep 1000 > /dev/null 2>&1 &")
        process = network["b"].popen(["sleep", "1000"])
        print("running", flush=True)
        network["c"].cmd("sleep 1000")
        process.wait()


def run_a_network_as_an_ordinary_user() -> None:
    """Run a network in a user namespace, and ping and probe in it."""
    enter()
    made = plan(joined([("a", "b"), ("b", "s1"), ("s1", "c")], ("s1",)), Options(impaired=False, switch="bridge"))
    with EmulatedNetwork(made) as network:
        assert network.pingAll() == 0
        assert network["a"].cmd("id -u").strip() == "0"
        assert [circuit.lost for circuit in probe(network.lab).circuits] == [0, 0, 0]
    print("done")


def die_with_a_server() -> None:
    """Start a network that serves requests, print its process, and die."""
    made = plan(joined([("h1", "h2")]), Options(impaired=False))
    runner = NativeRunner(Task(made, "serve")).__enter__()
    runner.wait_until(ignore, ignore, lambda: runner.result("ready") is not None)
    print(runner.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def ignore(_data: bytes) -> None:
    """Take output and do nothing with it."""


def run_a_prompt() -> None:
    """Run the shell of a network of this machine's kernel, for the person at the terminal; exit with its status."""
    made = plan(joined([("h1", "h2")]), Options(impaired=False))
    settings = RunSettings(choice=KernelChoice(KernelKind.NATIVE, Clock.REAL, None))
    sys.exit(run_prompt(settings, Task(made, "shell")))


# run folders, kernels being built


def die_in_a_run(temporary: str) -> None:
    """Make a run's folders in a temporary folder, print the path of the first, and die."""
    tempfile.tempdir = temporary
    run = RunFolder("test").__enter__()
    for memory in run.memory_folders:
        memory.mkdir()
        (memory / "file").touch()
    print(run.path, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def close_the_folders_of_a_run(temporary: str, precious: str) -> None:
    """Leave folders in a run that nobody may read, and in them a link to a precious file."""
    tempfile.tempdir = temporary
    with RunFolder("test") as run:
        shared = run.path / "shared"
        (shared / "closed" / "within").mkdir(parents=True)
        (shared / "closed" / "link").symlink_to(precious)
        for path in (shared / "closed" / "within", shared / "closed", shared):
            path.chmod(0)
    assert not run.path.exists()


def die_in_a_build() -> None:
    """Begin to build a kernel, and die."""
    with building("source"):
        os.kill(os.getpid(), signal.SIGKILL)


# the first process of a guest, and recordings


def run_as_the_first_process(folder: str, directory: str, *command: str) -> None:
    """Run a command in a directory as a guest's first process does, and print its exit status."""
    print(init.run(folder, list(command), directory, dict(os.environ), []))


def limit_open_files(soft: str, hard: str) -> None:
    """Set the limits of open files, and let a child print both."""
    init.set_limits({resource.RLIMIT_NOFILE: (int(soft), int(hard))})
    os.execvp("sh", ["sh", "-c", "ulimit -Sn; ulimit -Hn"])  # noqa: S606 - a fixed line


def raise_the_loopback() -> None:
    """Send to 127.0.0.1 in a new namespace, before and after its loopback is up, and print what comes of it."""
    unshare(CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.connect(("127.0.0.1", 9))
        except OSError as error:
            print(error.strerror)
        init.raise_loopback()
        end.connect(("127.0.0.1", end.getsockname()[1]))
        end.send(b"hello")
        print(end.recv(10).decode())


def record_frames(file: str, frame_bytes: str, limit_bytes: str) -> None:
    """Record three frames that the loopback of a new namespace sends; their last bytes are 0, 1 and 2."""
    unshare(CLONE_NEWNET)
    init.raise_loopback()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    tap = pcap.open_tap("lo")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as end:
        end.bind(("lo", 0))
        for number in range(3):
            frame = bytes(12) + b"\x88\xb5"  # the type of experiments
            end.send(frame + bytes(int(frame_bytes) - len(frame) - 1) + bytes([number]))
    os.kill(os.getpid(), signal.SIGTERM)  # it is blocked, so the recorder finds both the frames and the signal
    pcap.record(tap, Path(file), int(limit_bytes) if limit_bytes else None)


# signals and forks


def wait_after_a_signal_in_an_import(folder: str) -> None:
    """Import a module that is interrupted, and wait for the signal to come again."""
    Path(folder, "interrupted.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    pass  # the bookkeeping of an import loses it in the same way\n"
    )
    sys.path.insert(0, folder)
    try:
        with signals_as_exit(interrupt=True):
            __import__("interrupted")
            time.sleep(60)
    except KeyboardInterrupt:
        print("ended")


def get_a_second_signal_while_cleaning_up() -> None:
    """Get SIGINT, and SIGTERM while its exception is handled."""
    try:
        with signals_as_exit(interrupt=True):
            os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGTERM)  # the process that cleans up is not to be ended
        print("ended")


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _fail() -> None:
    raise ZeroDivisionError


_FORKS: dict[str, tuple[Callable[[], object], Callable[[], None]]] = {
    "returns": (lambda: None, lambda: None),
    "fails": (lambda: None, _fail),
    # Ctrl-C does the same, because a terminal sends its signal to all processes of a program
    "gets a signal at once": (lambda: os.register_at_fork(after_in_child=_kill_self), lambda: None),
    "gets a signal": (lambda: None, _kill_self),
    "gets a blocked signal": (lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]), _kill_self),
}


def fork_and_clean_up(case: str) -> None:
    """Fork a process that does what the case says, print its exit status, and clean up."""
    prepare, body = _FORKS[case]
    prepare()
    with signals_as_exit():
        try:
            print(os.waitstatus_to_exitcode(os.waitpid(fork(body), 0)[1]), flush=True)
        finally:
            print("cleaned up", flush=True)


# the library


def hold_a_network(topology: str) -> None:
    """Hold a network of the library, whose clock stands still between two requests."""
    with emulate(topology):
        print("ready", flush=True)
        time.sleep(1000)


def share_the_machine(topology: str) -> None:
    """Write into a network's `/tmp`, wait for a line, and print whether the network is whole and alone."""
    with emulate(topology) as net:
        assert net["h1"].run(["touch", "/tmp/mine"]).returncode == 0
        print("ready", flush=True)
        sys.stdin.readline()
        print(net["h1"].run(["ping", "-q", "-c", "2", "h2"]).stdout.count(" 0% packet loss"))
        print(len(net["h1"].cmd("ls /tmp | grep -c mine").split()))
