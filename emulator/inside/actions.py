"""A task in a running network to what came of it: echoes, commands, a script."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from emulator.measure.drops import DropCounter
from emulator.measure.probe import CircuitProbe, probe
from emulator.outcome import CommandResult, Outcome
from emulator.overlays.outcome import overlay_outcome
from emulator.system.errors import EmulationError
from emulator.system.signals import shell_status
from emulator.task import Command, Task

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

_SCRIPT_FAILED = 1


def perform(network: EmulatedNetwork, task: Task, progress: Callable[[str], None]) -> Outcome:
    """Do what a task asks for; what fails ends it, but with ``keep_going``."""
    counter = DropCounter(network.lab)
    probed: tuple[CircuitProbe, ...] = ()
    if task.probe_count:
        progress("measuring the circuits")
        probed = probe(network.lab, count=task.probe_count).circuits
    status = 1 if any(item.measured_us is None for item in probed) else 0
    overlay = None
    if network.deployment is not None:
        overlay = overlay_outcome(network, network.deployment, task.probe_count, progress)
        status = status or int(overlay.has_gaps)
    results: list[CommandResult] = []
    for command in task.commands:
        if status != 0 and not task.keep_going:
            break
        progress(f"{command.host}: {command.command}")
        results.append(_run(network, command))
        status = status or results[-1].exit_status
    if task.script is not None and (status == 0 or task.keep_going):
        progress(f"the script {task.script}")
        status = _run_script(network, task.script) or status
    return Outcome(status, probed, overlay, tuple(results), counter.count())


def start(
    network: EmulatedNetwork, host: str, command: Sequence[str], stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a host, without input; by default its output goes where ours goes.

    Raises:
        EmulationError: there is no such host.
    """
    lab = network.lab
    if host not in lab.hosts:
        raise EmulationError(f"there is no host {host[:80]!a}")
    return lab.processes.popen(lab.namespace(host), command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)


def _run(network: EmulatedNetwork, command: Command) -> CommandResult:
    sys.stdout.flush()
    began_ns = time.monotonic_ns()
    # through a shell, because the user wrote the line for one; nothing of the topology goes into it
    process = start(network, command.host, ["sh", "-c", command.command])
    try:
        status = shell_status(process.wait())
    except BaseException:  # we are being ended: nobody waits for it any more
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return CommandResult(command.host, command.command, status, time.monotonic_ns() - began_ns)


def _run_script(network: EmulatedNetwork, path: str) -> int:
    """Run a Python file, to which the network is known as ``net``; its exit status."""
    sys.path.insert(0, str(Path(path).parent))
    sys.argv = [path]
    try:
        runpy.run_path(path, {"net": network}, "__main__")
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            sys.stderr.write(f"{leaving.code}\n")
            return _SCRIPT_FAILED
        return leaving.code or 0
    except Exception as error:
        # what led to it, but for the frames that are ours; they are all there are if the file is no Python
        traceback.print_exception(error.with_traceback(_users_part(error, path)))
        return _SCRIPT_FAILED
    finally:
        sys.stdout.flush()
    return 0


def _users_part(error: BaseException, path: str) -> TracebackType | None:
    """Where an exception came from, from the user's file on; None if the file was not run."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return trace
