"""What ends an emulation, and that nothing is left of it whichever way it ends."""

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
from tests.emulator.users import as_user, folder_for_all

BUSY = "h1: sleep 1000 & ping h2 > /dev/null & while :; do sleep 0.01; done"
_SEED = 3


def start(topology: Path, place: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """An emulation that does not end, whose folders are below ``place``."""
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "emulate", str(topology), *(arguments or ("--exec", BUSY))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(place)},
    )


def processes_of(place: Path) -> list[int]:
    """The processes of runs below ``place``: guests, keepers and helpers, by their mark or their working folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                environment, folder = (process / "environ").read_bytes(), (process / "cwd").readlink()
            except OSError:
                continue
            if f"GTSDSL_RUN={place}".encode() in environment or folder.is_relative_to(place / f"gtsdsl-{os.getuid()}"):
                found.append(int(process.name))
    return found


def folders_of(place: Path) -> list[Path]:
    return [path for path in place.glob("gtsdsl-*/*") if path.is_dir()]


def memory_folders() -> set[Path]:
    return set(Path("/dev/shm").glob("gtsdsl-*"))


def mounts_and_namespaces() -> tuple[int, int]:
    """Mounts, and network namespaces that a process of this machine is in or that have a name."""
    named = len(list(Path("/run/netns").glob("gtsdsl-*"))) if Path("/run/netns").exists() else 0
    return Path("/proc/self/mountinfo").read_text().count("gtsdsl"), named


def is_soon(condition: object, patience_s: float = 15) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def clean(place: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gtsdsl", "clean"], env={**os.environ, "TMPDIR": str(place)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


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
    before = mounts_and_namespaces()
    end_it(start(pair, tmp_path), tmp_path, number, moment_s)
    assert mounts_and_namespaces() == before


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("overlay", "moment_s"), OVERLAY_MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_of_an_overlay_either(
    pair: Path, tmp_path: Path, number: signal.Signals, overlay: str, moment_s: float
) -> None:
    before = mounts_and_namespaces()
    end_it(start(pair, tmp_path, "--overlay", overlay, "--exec", BUSY), tmp_path, number, moment_s)
    assert mounts_and_namespaces() == before


def end_it(process: subprocess.Popen[bytes], place: Path, number: signal.Signals, moment_s: float) -> None:
    """End an emulation by a signal at a moment, and see that all of it goes."""
    time.sleep(moment_s)
    process.send_signal(number)
    process.wait(timeout=60)
    assert is_soon(lambda: processes_of(place) == [])
    if number == signal.SIGKILL:  # what a kill at an unlucky moment leaves, `clean` removes
        clean(place)
    assert is_soon(lambda: folders_of(place) == [])


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_nothing_is_left_of_a_network_whose_clock_stands_still(
    pair: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """A guest that is stopped between two requests ends like any other."""
    program = f"from emulator import emulate\nimport time\nwith emulate({str(pair)!r}) as net:\n"
    program += "    print('ready', flush=True)\n    time.sleep(1000)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    process.wait(timeout=60)
    process.stdout.close()
    assert is_soon(lambda: processes_of(tmp_path) == [])
    clean(tmp_path)
    assert folders_of(tmp_path) == []


@pytest.mark.usefixtures("guest_kernel")
def test_two_run_side_by_side_and_clean_touches_neither(pair: Path, tmp_path: Path) -> None:
    program = """
import sys
from emulator import emulate
with emulate(sys.argv[1]) as net:
    assert net["h1"].run(["touch", "/tmp/mine"]).returncode == 0
    print("ready", flush=True)
    sys.stdin.readline()
    print(net["h1"].run(["ping", "-q", "-c", "2", "h2"]).stdout.count(" 0% packet loss"))
    print(len(net["h1"].cmd("ls /tmp | grep -c mine").split()))
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(pair)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
            text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert len(folders_of(tmp_path)) == 2
    assert clean(tmp_path) == ""
    for process in both:
        out, _ = process.communicate("go\n", timeout=60)
        assert (process.returncode, out) == (0, "1\n1\n")
    assert folders_of(tmp_path) == []


def test_an_ordinary_user_who_owns_nothing_gets_exact_delays(guest_kernel: Kernel, pair: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user: the other tests show it")
    home = folder_for_all(tmp_path, guest_kernel)
    # root has run networks in the same temporary folder; in the guest the user is root as well
    (home / "gtsdsl-0").mkdir(mode=0o700)
    (home / "gtsdsl-0" / "lock").touch(mode=0o600)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--kernel", "uml"]
    capture = home / "l1.pcap"
    done = subprocess.run(
        [*as_user(65534), *command, "--exec", "h1: ping -q -c 2 h2; id -u", "--capture", f"l1={capture}"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home),
             "PYTHONPATH": str(Path(__file__).parents[3])},
        cwd="/", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "= 36.20" in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
    assert capture.stat().st_size > 4 * 98  # two echoes and their replies
