"""A Dask cluster of processes of its own on this machine, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from emulator.bench.cluster.connection import Connection
from emulator.system.closing import Closing
from emulator.system.programs import environment
from tests.emulator.leftovers import Leftovers, is_soon


class Worker:
    """A worker in a folder of its own, with one thread. Its runs are in the folder, too."""

    def __init__(self, folder: Path, scheduler: str, variables: Mapping[str, str]) -> None:
        folder.mkdir()
        self.left = Leftovers(folder)
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--local-directory"]
        self.process = _dask(
            folder / "log", "worker", scheduler, *options, str(folder), variables={**self.left.environment, **variables}
        )

    def kill(self) -> None:
        """Kill the worker with SIGKILL."""
        self.process.kill()
        self.process.wait()


class Cluster(Closing):
    """A scheduler and its workers; all end at exit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers: list[Worker] = []
        file = folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", "--scheduler-file", str(file)]
        self.scheduler = _dask(folder / "log", "scheduler", *options, variables={})
        try:
            assert is_soon(file.exists, self.scheduler), (folder / "log").read_text()
            assert is_soon(lambda: file.read_text().rstrip().endswith("}"), self.scheduler)
            self.address: str = json.loads(file.read_text())["address"]
        except BaseException:
            self.close()
            raise

    def add(self, *, variables: Mapping[str, str] | None = None) -> Worker:
        """Start a worker, with changes to its environment."""
        worker = Worker(self._folder / f"worker{len(self._workers)}", self.address, variables or {})
        self._workers.append(worker)
        return worker

    def wait(self) -> list[str]:
        """Wait until all workers are there, and return their addresses."""
        with Connection(self.address) as connection:
            assert is_soon(lambda: len(connection.workers()) == len(self._workers), self.scheduler)
            return [*connection.workers()]

    def close(self) -> None:
        """End the processes."""
        for process in (*(worker.process for worker in self._workers), self.scheduler):
            process.kill()
            process.wait()


def _dask(log: Path, command: str, *arguments: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments],
            cwd=log.parent,
            env={**environment(os.environ), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
