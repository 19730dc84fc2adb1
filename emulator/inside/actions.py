"""The steps of a task that ends by itself: measurements, commands, a script."""

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
    from emulator.scenario.run import ScenarioRun

_SCRIPT_FAILED = 1


def perform(
    network: EmulatedNetwork, task: Task, progress: Callable[[str], None], scenario: ScenarioRun | None = None
) -> Outcome:
    """Do the steps of a task, and return its outcome.

    A step that fails ends the task, unless the task has ``keep_going``. A task without steps lasts until the end of its
    ``scenario``. ``progress`` takes a line about each step.
    """
    counter = DropCounter(network.lab)
    probed: tuple[CircuitProbe, ...] = ()
    if task.probe_count:
        progress("measuring the circuits")
        probed = probe(network.lab, count=task.probe_count, families=task.probe_families).circuits
    status = 1 if any(item.measured_us is None for item in probed) else 0
    overlay = None
    if network.deployment is not None:
        overlay = overlay_outcome(network.deployment, task.probe_count, progress, task.probe_families)
        status = status or int(overlay.has_gaps)
    measured = None
    if task.workload is not None and network.deployment is not None:
        from emulator.workloads import workload
        from emulator.workloads.base import Stage

        progress(f"measuring {task.workload.name}")
        zero_ns = time.monotonic_ns() if scenario is None else scenario.zero_ns
        measured = workload(task.workload.name).run(Stage(network.lab, network.deployment, zero_ns), task.workload)
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
    happened = None
    if scenario is not None:
        if not task.has_steps:
            progress("waiting for the end of the scenario")
            scenario.wait()
        happened = scenario.outcome()
        status = status or happened.exit_status
    return Outcome(status, probed, overlay, tuple(results), counter.count(), measured, happened)


def start(
    network: EmulatedNetwork, host: str, command: Sequence[str], stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a host, without input.

    ``stdout`` and ``stderr`` are descriptors for its output; None is this process's own output.

    Raises:
        EmulationError: the network has no such host.
    """
    lab = network.lab
    if host not in lab.hosts:
        raise EmulationError(f"unknown host {host[:80]!a}")
    return lab.processes.popen(lab.namespace(host), command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)


def _run(network: EmulatedNetwork, command: Command) -> CommandResult:
    """Run a command of the user's to its end."""
    sys.stdout.flush()
    began_ns = time.monotonic_ns()
    # the user wrote the line for a shell; no text of the topology goes into it
    process = start(network, command.host, ["sh", "-c", command.command])
    try:
        status = shell_status(process.wait())
    except BaseException:  # this process is being ended, and nobody would wait for the command
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return CommandResult(command.host, command.command, status, time.monotonic_ns() - began_ns)


def _run_script(network: EmulatedNetwork, path: str) -> int:
    """Run a Python file in which ``net`` is the network, and return its exit status."""
    sys.path.insert(0, str(Path(path).parent))
    sys.argv = [path]
    try:
        runpy.run_path(path, {"net": network}, "__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return _SCRIPT_FAILED
        return end.code or 0
    except Exception as error:
        # without the frames of gtsdsl above the user's; if the file is not Python, there are no others
        traceback.print_exception(error.with_traceback(_user_traceback(error, path)))
        return _SCRIPT_FAILED
    finally:
        sys.stdout.flush()
    return 0


def _user_traceback(error: BaseException, path: str) -> TracebackType | None:
    """Return the traceback of an exception from the user's file on; None if no line of the file ran."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return trace
