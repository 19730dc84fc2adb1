"""`gtsdsl bench --scheduler` with a scheduler and workers as processes of their own, on this machine."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.system.files import sha256_of
from tests.emulator.bench.cluster.dask import Cluster, Worker
from tests.emulator.leftovers import is_soon
from tests.emulator.samples import ROOT, Cli

MATRIX = ("--overlays", "none", "--workloads", "latency", "--setting", "latency.tools=echo")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with Cluster(folder) as cluster:
        yield cluster


def start(pair: Path, output: Path, cluster: Cluster, *arguments: str) -> subprocess.Popen[str]:
    command = ["bench", str(pair), *MATRIX, *arguments, "--scheduler", cluster.address, "-o", str(output)]
    return subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_guest(worker: Worker, process: subprocess.Popen[str]) -> None:
    """Wait until a guest is on a worker; on a busy machine, the start of Python alone takes many seconds."""
    while not worker.left.runs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    worker.left.look()


def measured(output: Path) -> dict[str, object]:
    """Return what the cells of a benchmark measured, by their keys."""
    found = [json.loads(path.read_bytes()) for path in (output / "cells").iterdir()]
    return {cell["key"]: {name: cell[name] for name in cell if name != "wall_s"} for cell in found}


def test_a_worker_is_killed_and_the_benchmark_has_the_bytes_of_a_local_one(
    gtsdsl: Cli, pair: Path, tmp_path: Path, cluster: Cluster, guest_kernel: Kernel
) -> None:
    empty = tmp_path / "cache"
    killed = cluster.add()
    (address,) = cluster.wait()
    other = cluster.add(variables={"XDG_CACHE_HOME": str(empty)})
    cluster.wait()
    process = start(pair, tmp_path / "far", cluster, "--duration", "60", "--repetitions", "3")
    wait_for_guest(killed, process)
    killed.kill()
    assert is_soon(lambda: not killed.left.processes)
    assert is_soon(lambda: not killed.left.folders)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    # a connection that breaks in the midst of a request may be the reason why the killed worker is not used
    expected = ("[", "3 cells", f"warning: the worker {address} ")
    assert all(line.startswith(expected) for line in errors.splitlines()), errors

    local = gtsdsl("bench", str(pair), *MATRIX, "--duration", "60", "--repetitions", "3", "-o", str(tmp_path / "near"))
    assert local.returncode == 0, local.stderr
    assert measured(tmp_path / "far") == measured(tmp_path / "near")
    assert len(measured(tmp_path / "far")) == 3

    # the worker without a kernel got it from the client
    digest = sha256_of(guest_kernel.executable)
    received = empty / "gtsdsl" / "received" / "files" / f"{digest}-x"
    assert (sha256_of(received), received.stat().st_mode & 0o777) == (digest, 0o700)
    assert not (empty / "gtsdsl" / "kernels").exists()
    assert not other.left.runs


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_client_that_is_ended_leaves_no_guest_on_the_cluster(
    pair: Path, tmp_path: Path, cluster: Cluster, number: int
) -> None:
    worker = cluster.add()
    process = start(pair, tmp_path / "report", cluster, "--duration", "1000000")
    wait_for_guest(worker, process)
    process.send_signal(number)
    process.communicate()
    assert is_soon(lambda: not worker.left.processes)
    assert is_soon(lambda: not worker.left.folders)
    assert worker.process.poll() is None


@pytest.mark.usefixtures("guest_kernel")
def test_a_scheduler_that_goes_away_ends_the_benchmark_in_a_line(pair: Path, tmp_path: Path, cluster: Cluster) -> None:
    worker = cluster.add()
    process = start(pair, tmp_path / "report", cluster, "--duration", "1000000")
    wait_for_guest(worker, process)
    cluster.scheduler.kill()
    _, errors = process.communicate()
    assert process.returncode == 3
    assert errors.splitlines()[-1].startswith(f"error: the scheduler {cluster.address} has gone away")
    assert "Traceback" not in errors
    assert is_soon(lambda: not worker.left.processes)


@pytest.mark.usefixtures("guest_kernel")
def test_a_worker_with_another_gtsdsl_runs_no_cell(pair: Path, tmp_path: Path, cluster: Cluster) -> None:
    other = tmp_path / "other"
    for package in ("emulator", "gtsdsl"):
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    (other / "emulator" / "bench" / "added.py").touch()
    worker = cluster.add(variables={"PYTHONPATH": str(other)})
    cluster.wait()
    process = start(pair, tmp_path / "report", cluster)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "with other code than gtsdsl" in errors
    assert "error: none AMS-MIL latency containers 1: no worker of the cluster can run it: tcp://127.0.0.1:" in errors
    assert not worker.left.runs
