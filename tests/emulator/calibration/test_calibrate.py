"""`gtsdsl cpu calibrate` on this machine's own kernel."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from emulator.calibration.measurement import measure
from emulator.cpu.reader import read_table
from emulator.system.errors import EmulationError
from tests.emulator.descriptors import open_descriptors
from tests.emulator.samples import MESH, Cli
from tests.emulator.users import WITHOUT_POWER, as_user, require_user_namespaces

FEW = ("--repetitions", "10")
HERE = {"socket", "veth", "bridge", "forward"}
"""The stages that every Linux kernel has."""
_ATTEMPTS = 5
_DISTURBED_BASE = re.compile(r"^error: nothing can be measured here .*: other work disturbed ", re.M)
_DISTURBED = re.compile(r"^warning: without the stage (\S+): other work disturbed ", re.M)
_BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); print(flush=True)\nwhile True: pass"
_WITHOUT_NAMESPACES = (
    "unshare", "--map-root-user", "sh", "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all "$@"', "sh",
)  # fmt: skip


def forced(gtsdsl: Cli, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Measure with `--force`, and again if other work disturbed a stage that nearly all others need.

    The test is skipped if other work disturbs each measurement.
    """
    for _ in range(_ATTEMPTS):
        done = gtsdsl("cpu", "calibrate", *FEW, "--force", *arguments)
        if not _DISTURBED_BASE.search(done.stderr):
            assert done.returncode == 0, done.stderr
            return done
        assert done.returncode == 3, done.stderr
    pytest.skip(f"other work keeps this machine from being measured: {done.stderr}")


def undisturbed(said: str) -> set[str]:
    """Return the stages of each Linux kernel without those that other work disturbed, by the command's warnings."""
    return HERE - set(_DISTURBED.findall(said))


@pytest.mark.networks
def test_the_costs_of_this_machine_are_written_and_can_be_used(gtsdsl: Cli, tmp_path: Path) -> None:
    output = tmp_path / "machine.toml"
    done = forced(gtsdsl, "-o", str(output))
    table = read_table(output)
    assert table.stages.keys() >= undisturbed(done.stderr), done.stderr + table.text
    assert table.stages["socket"].cost.of(1500) > 0, done.stderr + table.text
    for line in done.stderr.splitlines():
        if line.startswith("warning: without the stage "):
            assert line.removeprefix("warning: without the stage ").partition(":")[0] not in table.stages
    done = gtsdsl("plan", str(MESH), "--cpu-model", str(output))
    assert done.returncode == 0, done.stderr
    assert "packet_ns_interval" in gtsdsl("cpu", "show", str(output), "--format", "json").stdout


@pytest.mark.networks
def test_without_a_file_the_table_goes_to_standard_output(gtsdsl: Cli) -> None:
    done = forced(gtsdsl, "--cpu", str(min(os.sched_getaffinity(0))))
    assert "[stages.socket]" in done.stdout


@pytest.mark.networks
def test_a_user_without_rights_measures_in_a_namespace_of_their_own(gtsdsl: Cli) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; this test run is an ordinary user's already")
    require_user_namespaces()
    # not in pytest's folder, which is root's own and closed
    with tempfile.TemporaryDirectory(prefix="gtsdsl-test-") as name:
        os.chown(name, 1000, 1000)
        output = Path(name, "machine.toml")
        done = forced(partial(gtsdsl, prefix=as_user(1000), cwd=Path(name)), "-o", str(output))
        assert output.stat().st_uid == 1000
        assert read_table(output).stages.keys() >= undisturbed(done.stderr)


@pytest.mark.networks
@pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(), reason="this kernel does not count how long a thread waits"
)
def test_a_busy_processor_is_refused_and_nothing_is_written(gtsdsl: Cli, tmp_path: Path) -> None:
    output = tmp_path / "machine.toml"
    cpu = str(max(os.sched_getaffinity(0)))
    command = [sys.executable, "-c", _BUSY, cpu]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first, subprocess.Popen(command) as second:
        try:
            assert first.stdout is not None
            first.stdout.readline()
            done = gtsdsl("cpu", "calibrate", *FEW, "--cpu", cpu, "-o", str(output))
        finally:
            first.kill()
            second.kill()
    assert done.returncode == 3
    assert f"other work had processor {cpu} for " in done.stderr or _DISTURBED_BASE.search(done.stderr)
    assert not output.exists()


@pytest.mark.networks
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_nothing(number: int, status: int, tmp_path: Path) -> None:
    command = ("-m", "gtsdsl", "cpu", "calibrate", "--repetitions", "100000", "-o", str(tmp_path / "machine.toml"))
    with subprocess.Popen(
        [sys.executable, *command], stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as child:
        assert child.stderr is not None
        assert child.stderr.readline() == "measuring\n"
        child.send_signal(number)
        assert child.wait(60) == status
        assert "Traceback" not in child.stderr.read()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.networks
def test_a_measurement_leaves_no_descriptor_and_frees_the_thread() -> None:
    before = open_descriptors(), os.sched_getaffinity(0)
    steps: list[float] = []
    found = refusal = None
    try:
        found = measure(10, None, lambda _, part: steps.append(part))
    except EmulationError as error:
        refusal = str(error)
    assert (open_descriptors(), os.sched_getaffinity(0)) == before
    assert steps == [number / 10 for number in range(10)]
    if found is None:
        assert _DISTURBED_BASE.search(f"error: {refusal}")
        return
    disturbed = {stage for stage, reason in found.missing.items() if reason.startswith("other work disturbed ")}
    assert found.samples.keys() >= HERE - disturbed
    assert not found.samples.keys() & found.missing.keys()
    assert found.waited >= 0


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root's rights")
def test_a_user_who_may_make_no_namespace_is_told_so(gtsdsl: Cli) -> None:
    done = gtsdsl("cpu", "calibrate", *FEW, prefix=_WITHOUT_NAMESPACES)
    assert done.returncode == 3
    assert done.stderr.startswith("error: this machine does not let you have a user namespace")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cpu", "4096"], "this process may not use processor 4096: choose one of "),
        (["--cpu", "-1"], "--cpu: -1 is less than 0"),
        (["--repetitions", "9"], "--repetitions: 9 is not between 10 and 100000"),
        (["-o", "missing/machine.toml"], "the folder "),
        (["-o", "."], "it is a folder"),
    ],
)
@pytest.mark.networks
def test_what_cannot_be_is_refused_before_anything_is_measured(gtsdsl: Cli, arguments: list[str], said: str) -> None:
    done = gtsdsl("cpu", "calibrate", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "measuring" not in done.stderr


@pytest.mark.networks
def test_a_folder_that_is_closed_is_refused(gtsdsl: Cli, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    prefix: Sequence[str] = WITHOUT_POWER
    done = gtsdsl("cpu", "calibrate", *FEW, "-o", str(closed / "machine.toml"), prefix=prefix)
    assert done.returncode == 2
    assert "you may not write in" in done.stderr
    assert list(closed.iterdir()) == []
