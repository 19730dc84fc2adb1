"""A machine with little of everything: each command ends in a line that says what is missing, and leaves nothing."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.leftovers import Leftovers
from tests.emulator.samples import HANG_S, PAIR

COMMANDS = {
    "check": "check pair.dsl",
    "compile": "compile pair.dsl -o out.json",
    "draw": "draw pair.dsl -o out.svg",
    "picture": "draw pair.dsl -o out.png",
    "plan": "plan pair.dsl",
    "clean": "clean",
    "doctor": "doctor",
    "build": "kernel build --source text.tar.xz",
    "guest": "guest -- true",
    "emulate": "emulate pair.dsl --exec 'h1: ping -c 1 h2'",
    "overlay": "emulate pair.dsl --overlay flannel --exec 'c1: ping -c 1 c2'",
}
LIMITS = {
    "no PATH": "PATH=",
    "8 open files": "ulimit -n 8",
    "40 open files": "ulimit -n 40",
    "64 open files": "ulimit -n 64",
    "200 MB": "ulimit -v 200000",
    "100 MB": "ulimit -v 100000",
    "no file": "ulimit -f 0",
    "small files": "ulimit -f 100",
}
GUESTS = {"guest", "emulate", "overlay"}
ERROR = re.compile(r"^(error|Error|gtsdsl guest): .{10,}$")


@pytest.fixture
def leftovers(tmp_path: Path) -> Leftovers:
    (tmp_path / "runs").mkdir()
    (tmp_path / "pair.dsl").write_text(PAIR)
    (tmp_path / "text.tar.xz").write_text("no tarball")
    return Leftovers(tmp_path / "runs")


def run(leftovers: Leftovers, limit: str, command: str) -> subprocess.CompletedProcess[str]:
    script = f'gtsdsl="$1 -m gtsdsl"; {limit}; exec $gtsdsl {command}'
    return subprocess.run(
        ["sh", "-c", script, "sh", sys.executable],
        cwd=leftovers.place.parent, env=leftovers.environment, capture_output=True, text=True, timeout=HANG_S,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def hold_one_line(done: subprocess.CompletedProcess[str]) -> None:
    """Check that a command worked, or that only its last line on standard error says why not."""
    assert "Traceback" not in done.stderr + done.stdout
    said = [line for line in done.stderr.splitlines() if ERROR.match(line)]
    if done.returncode == 0:
        assert said == []
    elif done.stdout:  # `doctor`, whose answer that is
        assert done.returncode == 3
    else:
        assert done.returncode in {1, 3, 126, 127}
        assert said == done.stderr.splitlines()[-1:], done.stderr


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("command", [it for name, it in COMMANDS.items() if name not in GUESTS])
def test_little_of_everything(leftovers: Leftovers, command: str, limit: str) -> None:
    hold_one_line(run(leftovers, limit, command))
    assert leftovers.folders == []
    assert leftovers.processes == []
    assert not [path.name for path in leftovers.place.parent.iterdir() if path.name.startswith(".gtsdsl")]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("command", [COMMANDS[name] for name in sorted(GUESTS)])
def test_little_of_everything_for_a_guest(leftovers: Leftovers, command: str, limit: str) -> None:
    done = run(leftovers, limit, command)
    hold_one_line(done)
    if limit.startswith("ulimit"):
        assert done.returncode == 3
        assert "ulimit" in done.stderr
    assert leftovers.folders == []
    assert leftovers.processes == []


UNUSUAL = {
    "no home": "unset HOME",
    "a home that is no folder": "HOME=/dev/null",
    "a cache folder with a blank": 'mkdir "a b"; ln -s "$XDG_CACHE_HOME/gtsdsl" "a b"; XDG_CACHE_HOME="$PWD/a b"',
    "no locale": "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0; export LC_ALL PYTHONCOERCECLOCALE PYTHONUTF8",
    "Latin-1": "LC_ALL=de_DE.ISO-8859-1; export LC_ALL",
    "files for their owner": "umask 077",
    "a working folder that is gone": "mkdir gone; cd gone; rmdir ../gone",
    "a working folder of an odd name": """name="$(printf 'a\\nb\\t')'\\" c"; mkdir "$name"; cd "$name" """,
}


@pytest.mark.parametrize("setting", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_surroundings(leftovers: Leftovers, guest_kernel: Kernel, setting: str) -> None:
    cache = f"XDG_CACHE_HOME={shlex.quote(str(guest_kernel.executable.parents[3]))}; export XDG_CACHE_HOME; {setting}"
    topology = shlex.quote(str(leftovers.place.parent / "pair.dsl"))
    root = shlex.quote(str(Path(__file__).parents[3]))
    # -m would look for gtsdsl in the working folder, too
    done = run(leftovers, f"{cache}; export PYTHONPATH={root}", f"emulate {topology} --exec 'h1: ping -c 1 h2'")
    assert done.returncode == 0, done.stderr
    assert "1 received" in done.stdout
    assert leftovers.folders == []


MOUNTED = """
set -e
mount -t tmpfs -o size=1M none "$1/runs"
head -c $((1048576 - $3 * 1024)) /dev/zero > "$1/runs/fill" || true
cd "$1"
set +e
"$2" -m gtsdsl guest -- true
status=$?
ls "$1/runs/gtsdsl-"* | grep -v -e ^cpu -e ^lock
exit $status
"""


@pytest.mark.networks
@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("environment_bytes", [0, 30_000])
@pytest.mark.parametrize("left_kib", [4, 8, 12, 16, 20])
def test_a_temporary_folder_that_is_full(leftovers: Leftovers, left_kib: int, environment_bytes: int) -> None:
    """The first file of a run has the environment, so with a large one it is this file that has no room."""
    command = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        MOUNTED,
        "sh",
        str(leftovers.place.parent),
        sys.executable,
        str(left_kib),
    ]
    environment = {**leftovers.environment, "FILLER": "x" * environment_bytes}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.stdout == ""
    if done.returncode != 0:
        assert done.returncode == 3
        folder = r"/\S+/runs/gtsdsl-\d+(/\S+)?"
        full = rf"(.* {folder}: )?No space left on device(: make room.*)?|.* {folder} has no room left"
        assert re.fullmatch(rf"error: ({full})\n", done.stderr), done.stderr


FILLED = """
mount -t tmpfs -o size=70M none /dev/shm
writes='echo up; sleep 10; head -c 30000000 /dev/zero > /tmp/new'
"$1" -m gtsdsl guest --clock real --memory 64M -- sh -c "$writes" > "$2" &
read -r up < "$2"
head -c 73400320 /dev/zero > /dev/shm/fill
wait $!
"""


@pytest.mark.networks
@pytest.mark.usefixtures("guest_kernel")
def test_memory_that_somebody_else_has_filled(leftovers: Leftovers) -> None:
    pipe = leftovers.place / "up"
    os.mkfifo(pipe)
    command = ["unshare", "--mount", "sh", "-c", FILLED, "sh", sys.executable, str(pipe)]
    done = subprocess.run(
        command, env=leftovers.environment, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    # the page that has no room is one of the guest's kernel, or of the command, which then dies by a signal
    assert done.returncode in {3, 128 + signal.SIGBUS, 128 + signal.SIGSEGV}
    said = "error: the guest ended early, because /dev/shm has no room left"
    assert done.returncode != 3 or done.stderr.splitlines()[-1] == said
    assert "panic" not in done.stderr
    assert leftovers.folders == []


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("moment", ["click", "gtsdsl.cli.errors", "emulator.system.errors", "emulator.kernel.guest"])
@pytest.mark.parametrize(
    "command", [("guest", "--", "sleep", "100"), ("emulate", "pair.dsl", "--exec", "h1: sleep 100")]
)
def test_ctrl_c_while_python_imports(leftovers: Leftovers, command: tuple[str, ...], moment: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "gtsdsl", *command],
        cwd=leftovers.place.parent, env=leftovers.environment, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:  # one for each module, as soon as it is there
        if line.split("|")[-1].strip() == moment:
            os.kill(process.pid, signal.SIGINT)
            break
    else:
        pytest.fail(f"{moment} is not imported")
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait() in {-signal.SIGINT, 130}
    assert "Traceback" not in rest
    assert leftovers.folders == []
    assert leftovers.processes == []
