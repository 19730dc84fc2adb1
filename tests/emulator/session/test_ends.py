"""Each way in which an emulation ends, and that it leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator import scenarios
from tests.emulator.leftovers import Leftovers, is_soon
from tests.emulator.play import command_of
from tests.emulator.samples import HANG_S
from tests.emulator.users import as_user, folder_of

BUSY = "h1: sleep 1000 & ping h2 > /dev/null & while :; do sleep 0.01; done"
_SEED = 3


def start(topology: Path, left: Leftovers, *arguments: str) -> subprocess.Popen[bytes]:
    """Start an emulation that does not end."""
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "emulate", str(topology), *arguments, "--exec", BUSY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=left.environment,
    )


def start_program(topology: Path, left: Leftovers) -> subprocess.Popen[bytes]:
    """Start a Python program that holds a network, and wait until the network runs."""
    process = subprocess.Popen(
        command_of(scenarios.hold_a_network, topology),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=left.environment,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    left.look()
    return process


def mounts(left: Leftovers) -> list[str]:
    """Return this machine's mounts below the runs' place. Other tests, and the checkout, may have mounts too."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(left.place) in line]


# random moments of the first two seconds, in which all that there is comes up
MOMENTS_S = [round(random.Random(_SEED + number).uniform(0.05, 2.2), 3) for number in range(9)]  # noqa: S311
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


# and of the time in which an overlay's store, daemons and containers come up
OVERLAY_MOMENTS = [
    (overlay, round(random.Random(_SEED + number).uniform(0.5, longest_s), 3))  # noqa: S311
    for overlay, longest_s, count in (("flannel", 4.0, 3), ("libnetwork", 12.0, 3))
    for number in range(count)
]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("moment_s", MOMENTS_S)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_nothing_is_left_when_it_is_ended_at_any_moment(
    pair: Path, tmp_path: Path, number: signal.Signals, moment_s: float
) -> None:
    end_it(pair, tmp_path, number, moment_s)


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("overlay", "moment_s"), OVERLAY_MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_of_an_overlay_either(
    pair: Path, tmp_path: Path, number: signal.Signals, overlay: str, moment_s: float
) -> None:
    end_it(pair, tmp_path, number, moment_s, "--overlay", overlay)


def end_it(topology: Path, place: Path, number: signal.Signals, moment_s: float, *arguments: str) -> None:
    """End an emulation by a signal at a moment, and see that all of it goes."""
    left = Leftovers(place)
    before = mounts(left)
    process = start(topology, left, *arguments)
    time.sleep(moment_s)
    left.look()
    process.send_signal(number)
    process.wait(timeout=60)
    assert is_soon(lambda: left.processes == [])
    if number == signal.SIGKILL:  # what a kill at an unlucky moment leaves, `clean` removes
        left.clean()
    assert is_soon(lambda: left.folders == [])
    assert mounts(left) == before


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_nothing_is_left_of_a_network_whose_clock_stands_still(
    pair: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """A guest that is stopped between two requests ends like any other."""
    left = Leftovers(tmp_path)
    process = start_program(pair, left)
    process.send_signal(number)
    process.wait(timeout=60)
    assert is_soon(lambda: left.processes == [])
    left.clean()
    assert left.folders == []


@pytest.mark.usefixtures("guest_kernel")
def test_two_run_side_by_side_and_clean_touches_neither(pair: Path, tmp_path: Path) -> None:
    left = Leftovers(tmp_path)
    both = [
        subprocess.Popen(
            command_of(scenarios.share_the_machine, pair),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=left.environment, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert len(left.runs) == 2
    assert left.clean() == ""
    for process in both:
        out, _ = process.communicate("go\n", timeout=HANG_S)
        assert (process.returncode, out) == (0, "1\n1\n")
    assert left.folders == []


@pytest.mark.usefixtures("guest_kernel")
def test_a_library_that_is_interrupted_again_and_again_leaves_nothing(pair: Path, tmp_path: Path) -> None:
    left = Leftovers(tmp_path)
    process = start_program(pair, left)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    process.wait(timeout=60)
    assert is_soon(lambda: left.folders == [])
    assert is_soon(lambda: left.processes == [])


@pytest.mark.usefixtures("guest_kernel")
def test_a_hangup_is_nothing_to_who_asked_for_that(pair: Path, tmp_path: Path) -> None:
    """The shell ignores the signal, as `nohup` asks."""
    command = ["nohup", sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--exec", "h1: echo up; sleep 100"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=Leftovers(tmp_path).environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def test_an_ordinary_user_who_owns_nothing_gets_exact_delays(guest_kernel: Kernel, pair: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user: the other tests show it")
    home = folder_of(65534, tmp_path, guest_kernel)
    # root has run networks in the same temporary folder; in the guest the user is root as well
    (home / "gtsdsl-0").mkdir(mode=0o700)
    (home / "gtsdsl-0" / "lock").touch(mode=0o600)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--kernel", "uml"]
    capture = home / "l1.pcap"
    done = subprocess.run(
        [*as_user(65534), *command, "--exec", "h1: ping -q -c 2 h2; id -u", "--capture", f"l1={capture}"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home),
             "PYTHONPATH": str(Path(__file__).parents[3])},
        cwd="/", capture_output=True, text=True, timeout=HANG_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "= 36.20" in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
    assert capture.stat().st_size > 4 * 98  # two echoes and their replies
