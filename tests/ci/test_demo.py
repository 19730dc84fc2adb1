"""`make demo` shows a running network in each way that there is, and leaves out what a machine cannot have."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel import cache, verdict
from tests.emulator.kernel.standins import PANICS, RUNS, put, put_as_built
from tests.modules import load

TOOLS = Path(__file__).parents[2] / "tools"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="a guest kernel runs on Linux on x86-64 only"
)


class Machine:
    """A machine without any kernel. Its folder ``gives`` has what each way to a kernel installs, by the way's name."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        for name in ("cache", "gives", "bin", "tools"):
            (folder / name).mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setattr(verdict, "_known", {})
        monkeypatch.setattr(cache, "PACKAGED", folder / "linux.uml")
        monkeypatch.setattr(cache, "_MODPROBE", Path("/bin/sh"))
        # this machine's tc stands behind one that knows no netem, and Python behind one that installs and builds
        self.has_netem(False)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        kept = put_as_built(folder / "cache", RUNS).parent
        kept.rename(folder / "kept")
        give = f'echo {{way}} >> {folder}/log; [ -e {folder}/gives/{{way}} ] || exit 1; mkdir -p "{kept.parent}"; '
        give += f'cp -r {folder}/kept "{kept}"; cp {folder}/gives/{{way}} "{kept}/linux"; exit 0'
        script = f'case "$*" in\n"-m pip "*) {give.format(way="wheel")} ;;\n'
        script += f'"-m gtsdsl kernel build") {give.format(way="build")} ;;\nesac\nexec "{sys.executable}" "$@"\n'
        monkeypatch.setattr(sys, "executable", str(put(folder / "bin" / "python", f"#!/bin/sh\n{script}")))
        script = f'#!/bin/sh\necho "$@" >> {folder}/log; cp {folder}/gives/package {folder}/linux.uml\n'
        put(folder / "tools" / "apt-install", script)
        self._module = load(Path(shutil.copy(TOOLS / "demo_kernel.py", folder / "tools")))
        wheels = lambda _: ["lark>=1.2", "gtsdsl-kernel<8,>=7.3; extra == 'kernel'"]  # noqa: E731
        monkeypatch.setattr(importlib.metadata, "requires", wheels)

    def has_netem(self, has: bool) -> None:
        put(self._folder / "bin" / "tc", f"#!/bin/sh\nexit {0 if has else 2}\n")

    def gives(self, way: str, script: str) -> None:
        put(self._folder / "gives" / way, script)

    def ask(self) -> tuple[int, list[str]]:
        """Return the exit status, and the ways to a kernel that were tried."""
        status = self._module.main()
        log = self._folder / "log"
        return status, log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


PACKAGE = "linux.uml:user-mode-linux modprobe:kmod"


def test_a_kernel_at_hand(machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_as_built(tmp_path / "cache", RUNS)
    assert machine.ask() == (0, [])
    assert capsys.readouterr() == ("uml\n", "")


def test_a_wheel(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.gives("wheel", RUNS)
    assert machine.ask() == (0, ["wheel"])
    assert capsys.readouterr() == ("uml\n", "")


def test_debians_package(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.gives("package", RUNS)
    assert machine.ask() == (0, ["wheel", PACKAGE])
    assert capsys.readouterr() == ("uml-packaged\n", "")


def test_this_machines_kernel_where_debians_does_not_run(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.gives("package", PANICS)
    machine.has_netem(True)
    assert machine.ask() == (0, ["wheel", PACKAGE])
    out, err = capsys.readouterr()
    assert out == "native\n"
    assert err.count("\n") == 1
    assert "does not run here: it panics" in err


@pytest.mark.parametrize("package", [None, PANICS])
def test_a_build_which_is_announced(machine: Machine, package: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if package is not None:
        machine.gives("package", package)
    machine.gives("build", RUNS)
    status, ways = machine.ask()
    assert (status, ways[:2], ways[-1]) == (0, ["wheel", PACKAGE], "build")
    out, err = capsys.readouterr()
    assert out == "uml\n"
    assert err.splitlines()[-1].startswith("No kernel on this machine runs a network yet. So one is built now: ")


def test_a_machine_that_can_have_none(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    status, ways = machine.ask()
    assert (status, ways[-1]) == (3, "build")
    assert capsys.readouterr().out == ""


STANDIN = '#!/bin/sh\nif [ "$1" = tools/demo_kernel.py ]; then {kernel}; else echo "ran $*"; fi\n'


def demo(folder: Path, kernel: str, programs: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """`tools/demo` where Python finds this kernel, and which has these programs; nothing can be installed."""
    (folder / "tools").mkdir()
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(TOOLS / "demo", folder / "tools")
    put(folder / "tools" / "apt-install", "#!/bin/sh\nexit 3\n")
    for name in ("gtsdsl", "python"):
        put(folder / ".venv" / "bin" / name, STANDIN.format(kernel=kernel))
    (folder / "bin").mkdir()
    for name in ("sh", "dirname", "mkdir"):
        (folder / "bin" / name).symlink_to(str(shutil.which(name)))
    for name in programs:
        put(folder / "bin" / name, "#!/bin/sh\n")
    command = [str(folder / "tools" / "demo")]
    return subprocess.run(command, env={"PATH": str(folder / "bin")}, capture_output=True, text=True, check=False)


MESH = "ran emulate examples/full_mesh.dsl"


def test_the_demonstration_in_the_virtual_clock(tmp_path: Path) -> None:
    done = demo(tmp_path, "echo uml", ("ping", "etcd", "iperf"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{MESH} --exec h1: ping -c 3 h2\n" in done.stdout
    assert f"{MESH} --overlay flannel --probe --count 10\n" in done.stdout
    assert "real clock" not in done.stdout
    measured = "ran bench examples/full_mesh.dsl --overlays none,flannel --workloads latency,throughput"
    measured += " --setting throughput.udp_rates_mbps=100"
    assert f"{measured} --circuits AMS-MIL,AMS-BRA --duration 5 -o build/report\n" in done.stdout


def test_the_demonstration_without_iperf_measures_no_throughput(tmp_path: Path) -> None:
    done = demo(tmp_path, "echo uml", ("ping", "etcd"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "iperf is missing (Debian: iperf), so throughput is left out here." in done.stdout
    assert " --workloads latency --circuits" in done.stdout


def test_the_demonstration_in_the_real_clock_without_anything(tmp_path: Path) -> None:
    done = demo(tmp_path, "echo native", ())
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{MESH} --kernel native --clock real --probe --count 3\n" in done.stdout
    assert "--overlay" not in done.stdout
    assert "etcd is missing (Debian: etcd-server), so containers that Flannel joins are left out here." in done.stdout
    assert "gtsdsl kernel build" in done.stdout


def test_the_demonstration_where_no_network_runs(tmp_path: Path) -> None:
    done = demo(tmp_path, "exit 3", ("ping", "etcd"))
    assert done.returncode == 3
    assert done.stderr == "No network runs on this machine yet. `gtsdsl doctor` says what is missing.\n"
    assert "ran draw" in done.stdout


APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$0.log"
case "$*" in *bad*) exit 100 ;; esac
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's packages are installed by sudo")
def test_a_package_that_cannot_be_installed_keeps_no_other_away(tmp_path: Path) -> None:
    log = put(tmp_path / "apt-get", APT_GET).with_name("apt-get.log")
    command = [str(TOOLS / "apt-install"), "sh:dash", "no-such-1:good", "no-such-2:bad", "no-such-3:fine"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "Not to be installed: bad\n")
    installed = [line.split()[-1] for line in log.read_text().splitlines()[-3:]]
    assert installed == ["good", "bad", "fine"]
    done = subprocess.run(command[:3], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
