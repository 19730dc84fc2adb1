"""The program that makes a task's network and does the task, in a guest or in this machine's kernel.

The side that started it (`emulator.outside`) leaves the task in the shared folder, and finds the outcome there.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.kernel.job import FOLDER_VARIABLE, PARENT_VARIABLE, write_step
from emulator.kernel.parent import end_with
from emulator.system import user_namespace
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError, in_a_line
from emulator.system.signals import signals_as_exit
from emulator.task import RESULT, TASK, Task
from gtsdsl.machine import REFUSALS

if TYPE_CHECKING:
    from emulator.stores.relay import Relay

_INTERRUPTED = 130


def main() -> int:
    """Do the task, and return the exit status."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    parent = os.environ.pop(PARENT_VARIABLE, None)
    gc.disable()  # this process is short-lived, and keeps all that it loads
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the bytes of hosts pass unchanged, whatever the locale
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        task = decode(Task, (folder / TASK).read_bytes(), "the task")
        with contextlib.ExitStack() as stack:
            relay = None
            if task.overlay is not None:
                from emulator.overlays.deployment import relay_to

                relay = stack.enter_context(relay_to(task.overlay, in_guest=parent is None))
            if parent is not None:
                user_namespace.enter()
                if not end_with(int(parent)):
                    return _INTERRUPTED
            stack.enter_context(signals_as_exit())
            return _do(task, folder, relay, is_guest=parent is None)
    except (EmulationError, *REFUSALS) as error:
        sys.stderr.write(f"error: {in_a_line(error)}\n")
        return error.exit_status if isinstance(error, EmulationError) else EmulationError.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED


def _do(task: Task, folder: Path, relay: Relay | None, *, is_guest: bool) -> int:
    """Make the task's network, do the task in it, and return the exit status."""
    progress = partial(write_step, folder)
    if task.kind == "survey":
        from emulator.overlays.catalog import survey

        progress("looking for what overlays need")
        (folder / RESULT).write_bytes(encode(survey()))
        return 0
    progress("bringing the network up")
    from emulator.mininet.network import EmulatedNetwork

    if task.overlay is not None:
        from emulator.overlays.deployment import require

        require(task.overlay)
    if task.plan.routing is not None:
        from emulator.routing.routers import require_bird

        require_bird(task.plan.routing)
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(EmulatedNetwork(task.plan, task.docker_hosts))
        if task.plan.has_ipv6 and not network.plan.has_ipv6:
            sys.stderr.write("warning: this kernel has no IPv6, so the network has IPv4 only (--ipv4-only)\n")
        if is_guest:
            network.captures.leave_in(folder)
        network.captures.start_all(task.captures)
        if task.overlay is not None:
            network.deploy(task.overlay, relay, progress)
        scenario = None
        if task.scenario is not None:
            from emulator.scenario.run import ScenarioRun

            scenario = stack.enter_context(ScenarioRun(network, task.scenario))
        if task.kind == "serve":
            from emulator.inside.server import serve

            serve(network, folder, scenario, spins=task.spins)
        if task.kind == "shell":
            from emulator.inside.shell import run_shell

            return run_shell(network, task, folder, scenario)
        from emulator.inside.actions import perform

        outcome = perform(network, task, progress, scenario)
        (folder / RESULT).write_bytes(encode(outcome))
        if is_guest:
            # the guest's kernel ends with this process: to take the network down in order would take longer
            network.captures.close()
            sys.stdout.flush()
            os._exit(outcome.exit_status)
        return outcome.exit_status
