"""The survey of what overlays need: it runs where networks run, in a guest or in this machine's kernel."""

from __future__ import annotations

from emulator.outside.run_task import write_to
from emulator.outside.runner import RunSettings, open_runner
from emulator.overlays.catalog import Survey, entries, with_agents
from emulator.plan import Plan
from emulator.system.decode import decode
from emulator.system.errors import GuestFailedError
from emulator.task import RESULT, Task

_NO_NETWORK = Plan(testbed="", seed=1, hosts=(), switches=(), circuits=())


def run_survey(settings: RunSettings) -> Survey:
    """Return what the kernel of a run and this machine lack for each overlay.

    Raises:
        EmulationError: the survey cannot run, or ended early.
    """
    with open_runner(settings, Task(_NO_NETWORK, kind="survey")) as runner:
        errors = write_to(2)
        while runner.wait_until(errors, errors, None) is None:  # standard output is for the list
            pass
        result = runner.result(RESULT)
    if result is None:
        raise GuestFailedError("the survey of overlays ended without a result")
    found = decode(Survey, result, "the survey of overlays")
    if found.lacks.keys() != {entry.name for entry in entries()}:
        raise GuestFailedError("the survey of overlays is incomplete")
    return with_agents(found)
