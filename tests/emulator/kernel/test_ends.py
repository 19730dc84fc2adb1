"""Real guests: what ends them, and that nothing is left of them whichever way they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.errors import EmulationError, GuestFailedError, GuestStalledError, GuestTimeoutError
from emulator.kernel.cache import Kernel, built_kernels
from emulator.kernel.choose import Clock
from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import FOLDER_VARIABLE, RUNNING, Job

from .guests import run, shell


def test_a_program_that_spins_is_named_and_ended(guest_kernel: Kernel) -> None:
    boot = Boot(guest_kernel, patience_s=3)
    with pytest.raises(GuestStalledError, match=r"stood still for 3 s: .*\(python3.* runs\).*while True: pass"):
        run(boot, "python3", "-c", "while True: pass")


def test_a_program_that_spins_is_ended_where_the_cache_is_behind_a_link(
    guest_kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").symlink_to(guest_kernel.executable.parents[3])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (linked,) = (kernel for kernel in built_kernels() if kernel.version == guest_kernel.version)
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
    with pytest.raises(GuestTimeoutError, match=r"ended after 2 s, as asked: sleep 1000") as caught:
        run(Boot(guest_kernel, Clock.REAL, timeout_s=2), "sleep", "1000")
    assert caught.value.exit_status == 124


def test_a_kernel_that_panics_says_so(boot: Boot) -> None:
    with pytest.raises(GuestFailedError, match="Kernel panic"):
        shell(boot, "echo c > /proc/sysrq-trigger")


def test_more_memory_than_there_is(guest_kernel: Kernel) -> None:
    with pytest.raises(EmulationError, match="no room for a guest of 104857600 MB"):
        run(Boot(guest_kernel, memory_bytes=100 * 2**40), "true")


BUSY = "sleep 1000 & python3 -c 'while True: pass' & while :; do sleep 1; done"


def start_busy_guest(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "guest", "--", "/bin/sh", "-c", BUSY],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )


_SEEN: set[str] = set()


def runs_in(folder: Path) -> list[Path]:
    """The folders of guests whose runs are below ``folder``, and those of their memory."""
    runs = list(folder.glob("gtsdsl-*/guest-*"))
    _SEEN.update(run.name for run in runs)
    return runs + [path for name in _SEEN for path in Path("/dev/shm").glob(f"gtsdsl-*-{name}")]


def marked_processes(folder: Path) -> list[int]:
    """The processes of a guest whose run is below ``folder``, told by their mark or by their place."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                environment, place = (process / "environ").read_bytes(), (process / "cwd").readlink()
            except OSError:
                continue
            if f"GTSDSL_RUN={folder}".encode() in environment or place.is_relative_to(folder / f"gtsdsl-{os.getuid()}"):
                found.append(int(process.name))
    return found


def gone(folder: Path, *, folders: bool = True) -> bool:
    """Whether nothing is left, within ten seconds."""
    for _ in range(200):
        if not marked_processes(folder) and not (folders and runs_in(folder)):
            return True
        time.sleep(0.05)
    return False


DELAYS_MS = [0, 30, 60, 90, 120, 150, 180, 220, 260, 300, 400, 500, 700, 1000, 1500]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_it_is_ended_at_any_moment(tmp_path: Path, number: int, delay_ms: int) -> None:
    process = start_busy_guest(tmp_path)
    time.sleep(0.15 + delay_ms / 1000)
    process.send_signal(number)
    process.wait(timeout=60)
    # a kill between the making of the run's folder and the start of its keeper leaves the folder, which `clean` removes
    assert gone(tmp_path, folders=number != signal.SIGKILL)
    subprocess.run([sys.executable, "-m", "gtsdsl", "clean"], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert runs_in(tmp_path) == []


@pytest.mark.parametrize("victim", ["keeper", "kernel", "keeper and parent"])
def test_nothing_is_left_when_a_part_of_it_is_killed(guest_kernel: Kernel, tmp_path: Path, victim: str) -> None:
    process = start_busy_guest(tmp_path)
    while not (kernels := [pid for pid in marked_processes(tmp_path) if executable(pid) == guest_kernel.executable]):
        time.sleep(0.05)
    (kernel,) = kernels[:1]
    keeper = int(Path(f"/proc/{kernel}/stat").read_text().rpartition(")")[2].split()[1])
    time.sleep(1)
    for pid in {"keeper": [keeper], "kernel": [kernel], "keeper and parent": [process.pid, keeper]}[victim]:
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=60) == (-9 if "parent" in victim else 125)
    assert gone(tmp_path, folders="parent" not in victim)
    subprocess.run([sys.executable, "-m", "gtsdsl", "clean"], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert gone(tmp_path)


def executable(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def test_an_exception_ends_it(boot: Boot) -> None:
    job = Job(("sleep", "1000"), Path("/"), {"PATH": os.environ["PATH"]})
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
