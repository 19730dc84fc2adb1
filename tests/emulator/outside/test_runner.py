"""The settings of a run, and the runner of this machine's own kernel."""

from __future__ import annotations

import os

import pytest

from emulator.kernel.choose import KernelChoice
from emulator.kernel.clock_watchdog import PATIENCE_S
from emulator.kernel.guest import MEMORY_BYTES
from emulator.kernel.kinds import Clock, KernelKind
from emulator.options import RunOptions
from emulator.outside.runner import NativeRunner, guest_boot, open_runner, settle
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError, GuestTimeoutError
from emulator.task import RESULT, Command, Task
from tests.emulator.scenarios import ignore
from tests.emulator.topologies import joined

NATIVE = KernelChoice(KernelKind.NATIVE, Clock.REAL, None)
PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


def test_a_limit_of_the_user_prevails_and_one_that_is_left_out_has_its_default() -> None:
    settings = settle(RunOptions(), NATIVE)
    assert (settings.memory_bytes, settings.timeout_s, settings.patience_s) == (MEMORY_BYTES, None, PATIENCE_S)
    assert settle(RunOptions(), NATIVE, memory_bytes=2**31).memory_bytes == 2**31
    settings = settle(RunOptions(memory_bytes=2**28, timeout_s=7.5), NATIVE, memory_bytes=2**31)
    assert (settings.memory_bytes, settings.timeout_s) == (2**28, 7.5)


@pytest.mark.parametrize(("clock", "is_virtual"), [(Clock.VIRTUAL, True), (Clock.SKIP, True), (Clock.REAL, False)])
def test_waiting_takes_time_only_in_the_real_clock(clock: Clock, is_virtual: bool) -> None:
    assert settle(RunOptions(), KernelChoice(KernelKind.UML, clock, None)).is_virtual is is_virtual


def test_this_machines_kernel_is_not_booted() -> None:
    settings = settle(RunOptions(), NATIVE)
    assert isinstance(open_runner(settings, Task(PLAN)), NativeRunner)
    with pytest.raises(EmulationError, match="this machine's kernel is not a guest"):
        guest_boot(settings)


@pytest.mark.networks
def test_a_native_runner_does_its_task_and_leaves_nothing() -> None:
    with NativeRunner(Task(PLAN, commands=(Command("h1", "exit 4"),))) as runner:
        folder = runner.shared
        assert runner.wait_until(ignore, ignore, None) == 4
        assert b'"exit_status"' in (runner.result(RESULT) or b"")
        assert runner.result("no-such-file") is None
        runner.put("more", b"content")
        assert runner.result("more") == b"content"
    assert not folder.exists()


@pytest.mark.networks
def test_a_runner_waits_until_its_user_has_enough_and_its_task_ends_with_it() -> None:
    with NativeRunner(Task(PLAN, "serve")) as runner:
        pid = runner.pid
        assert pid is not None
        assert runner.wait_until(ignore, ignore, lambda: True) is None
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.networks
def test_a_task_that_takes_longer_than_its_timeout_is_an_error() -> None:
    with (
        NativeRunner(Task(PLAN, "serve"), timeout_s=0.0) as runner,
        pytest.raises(GuestTimeoutError, match=r"^timed out after 0 s: "),
    ):
        runner.wait_until(ignore, ignore, None)
