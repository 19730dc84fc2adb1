"""Real guests: what ends them, and that nothing is left of them whichever way they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel, built_kernels
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import FOLDER_VARIABLE, RUNNING, GuestJob
from emulator.kernel.kinds import Clock
from emulator.system.errors import EmulationError, GuestFailedError, GuestStalledError, GuestTimeoutError
from tests.emulator.kernel.guests import run, shell
from tests.emulator.leftovers import Leftovers, is_soon


def test_a_program_that_spins_is_named_and_ended(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, patience_s=3)
    with pytest.raises(GuestStalledError, match=r"stood still for 3 s, .*\(python3.* runs\).*while True: pass"):
        run(boot, "python3", "-c", "while True: pass")


def test_a_program_that_spins_is_ended_where_the_cache_is_behind_a_link(
    guest_kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").symlink_to(guest_kernel.executable.parents[3])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    linked = next((kernel for kernel in built_kernels() if kernel.executable.is_relative_to(tmp_path)), None)
    if linked is None:
        pytest.skip("the guest kernel is that of the wheel gtsdsl-kernel, which is not in the cache")
    with pytest.raises(GuestStalledError, match="stood still for 2 s"):
        shell(Boot(linked, patience_s=2, timeout_s=60), "while :; do :; done")


def test_a_program_that_spins_on_the_clock_is_ended(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, patience_s=1, timeout_s=100)
    with pytest.raises(GuestStalledError, match=r"stood still|crawls"):
        run(boot, "python3", "-c", "import time\nwhile True: time.monotonic()")


def test_the_watchdog_says_what_the_guest_says_it_does(guest_kernel: Kernel) -> None:
    script = f'echo "h1: iperf3 -c h2" > "${FOLDER_VARIABLE}/{RUNNING}"; while :; do :; done'
    with pytest.raises(GuestStalledError, match=r"h1: iperf3 -c h2$"):
        shell(Boot(guest_kernel, patience_s=2), script)


def test_timeout(guest_kernel: Kernel) -> None:
    with pytest.raises(GuestTimeoutError, match=r"timed out after 2 s: sleep 1000") as caught:
        run(Boot(guest_kernel, Clock.REAL, timeout_s=2), "sleep", "1000")
    assert caught.value.exit_status == 124


def test_a_kernel_that_panics_says_so(boot: Boot) -> None:
    with pytest.raises(GuestFailedError, match="panicked"):
        shell(boot, "echo c > /proc/sysrq-trigger")


def test_more_memory_than_there_is(guest_kernel: Kernel) -> None:
    with pytest.raises(EmulationError, match="no room for a guest of 104857600 MB"):
        run(Boot(guest_kernel, memory_bytes=100 * 2**40), "true")


BUSY = "sleep 1000 & python3 -c 'while True: pass' & while :; do sleep 1; done"


def start_busy_guest(left: Leftovers) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "guest", "--", "/bin/sh", "-c", BUSY],
        cwd=left.place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=left.environment,
    )


DELAYS_MS = [0, 30, 60, 90, 120, 150, 180, 220, 260, 300, 400, 500, 700, 1000, 1500]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_it_is_ended_at_any_moment(tmp_path: Path, number: int, delay_ms: int) -> None:
    left = Leftovers(tmp_path)
    process = start_busy_guest(left)
    time.sleep(0.15 + delay_ms / 1000)
    left.look()
    process.send_signal(number)
    process.wait(timeout=60)
    assert is_soon(lambda: left.processes == [])
    # a kill before the start of the supervisor leaves the run's folder, which `clean` removes
    assert number == signal.SIGKILL or is_soon(lambda: left.folders == [])
    left.clean()
    assert left.folders == []


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("apart_ms", [1, 10, 33])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_is_impatient_does_not_end_what_undoes_things(tmp_path: Path, number: int, apart_ms: int) -> None:
    left = Leftovers(tmp_path)
    process = start_busy_guest(left)
    assert is_soon(lambda: len(left.processes) > 3)
    left.look()
    for _ in range(5):
        process.send_signal(number)
        time.sleep(apart_ms / 1000)
    assert process.wait(timeout=60) == 128 + number
    assert is_soon(lambda: left.processes == [])
    assert left.folders == []


@pytest.mark.parametrize("victim", ["supervisor", "kernel", "supervisor and parent"])
def test_nothing_is_left_when_a_part_of_it_is_killed(guest_kernel: Kernel, tmp_path: Path, victim: str) -> None:
    left = Leftovers(tmp_path)
    process = start_busy_guest(left)
    while not (kernels := [pid for pid in left.processes if executable(pid) == guest_kernel.executable]):
        time.sleep(0.05)
    (kernel,) = kernels[:1]
    supervisor = int(Path(f"/proc/{kernel}/stat").read_text().rpartition(")")[2].split()[1])
    time.sleep(1)
    left.look()
    victims = {"supervisor": [supervisor], "kernel": [kernel], "supervisor and parent": [process.pid, supervisor]}
    for pid in victims[victim]:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=60) == (-9 if "parent" in victim else 125)
    assert is_soon(lambda: left.processes == [])
    assert "parent" in victim or is_soon(lambda: left.folders == [])
    left.clean()
    assert left.folders == []


def executable(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def test_an_exception_ends_it(boot: Boot) -> None:
    job = GuestJob(("sleep", "1000"), Path("/"), {"PATH": os.environ["PATH"]})
    guest = Guest(Boot(boot.kernel, Clock.REAL), job)

    def fail() -> int:
        with guest:
            while (pid := guest.pid) is None:
                time.sleep(0.01)
            pids.append(pid)
            raise RuntimeError

    pids: list[int] = []
    with pytest.raises(RuntimeError):
        fail()
    pid = pids[0]
    assert not Path(f"/proc/{pid}").exists()
