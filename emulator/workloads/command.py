"""The user's own measurement: a command line, or a Python function in a file, whose numbers are the figures."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from emulator.lab.forks import fork
from emulator.system.programs import find_program
from emulator.system.unshare import CLONE_NEWNET, setns
from emulator.workloads.base import End, Stage, Workload, WorkloadError
from emulator.workloads.child import Ended, Pipes, last_lines
from emulator.workloads.json_figures import MOST_BYTES, figures_of
from emulator.workloads.model import WorkloadRequest, WorkloadResult
from emulator.workloads.programs import run_program
from emulator.workloads.settings import parse, setting
from gtsdsl.text import printable


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """The program that measures: a command line, or a function of a file."""

    run: str = setting("", "Command line that runs at the first end and prints JSON; no shell reads it.")
    file: str = setting("", "Python file whose function measures, instead of a command line.", is_file=True)
    function: str = setting("measure", "Function of the file; it gets the network and returns a dictionary.")
    server: str = setting("", "Command line that runs at the second end meanwhile, such as a server.")
    limit_s: float = setting(600.0, "Seconds of the network's clock after which it has failed.", least=1, most=1e6)


@dataclass(frozen=True, slots=True)
class Network:
    """The network as a function of the user's sees it: the two ends of a measurement, and programs at them."""

    stage: Stage
    request: WorkloadRequest
    first: End
    second: End

    @property
    def overlay(self) -> str:
        """The overlay, such as ``flannel:vxlan``."""
        spec = self.stage.deployment.spec
        return f"{spec.name}:{spec.variant}"

    @property
    def duration_s(self) -> float:
        """The duration that the benchmark asks for, in the network's clock."""
        return self.request.duration_s

    @property
    def seed(self) -> int:
        """The seed of the cell."""
        return self.request.seed

    def run(self, end: End, command: Sequence[str], timeout_s: float = 60.0) -> str:
        """Run a program at an end, and return what it prints.

        Raises:
            WorkloadError: the program failed, or had not ended after ``timeout_s`` seconds.
        """
        return run_program(self.stage.lab, end, command, timeout_s)

    @contextlib.contextmanager
    def background(self, end: End, command: Sequence[str]) -> Iterator[None]:
        """Run a program at an end until exit, and drop what it prints."""
        processes = self.stage.lab.processes
        streams = subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL
        process = processes.popen(end.namespace, command, *streams, in_container=False)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Command(Workload):
    """A program of the user's between two ends."""

    settings = CommandSettings
    runs_programs: ClassVar[bool] = True

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the programs and all files that the settings name."""
        settings = _settings(request)
        if settings.file:
            yield from _files([settings.file])
        for line in settings.run, settings.server:
            if words := _words(line):
                program = find_program(words[0])
                yield from _files([*([program] if program else []), *words[1:]])

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence if nothing is to run, or a program or the file is missing."""
        settings = _settings(request)
        if bool(settings.run) == bool(settings.file):
            yield "the workload command needs either command.run=COMMAND or command.file=FILE.py"
        if settings.file and not Path(settings.file).is_file():
            yield f"command.file: {printable(settings.file)} is missing"
        for name, line in (("run", settings.run), ("server", settings.server)):
            try:
                words = shlex.split(line)
            except ValueError as error:
                yield f"command.{name}: {printable(line)}: {str(error).lower()}"
                continue
            if words and find_program(words[0]) is None:
                yield f"command.{name}: {printable(words[0])} is no program in PATH: install it, or write its path"

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Run the command, or call the function, and read its numbers."""
        settings = _settings(request)
        network = Network(stage, request, *stage.ends(request))
        with contextlib.ExitStack() as stack:
            variables = [f"{name}={value}" for name, value in _variables(network).items()]
            if settings.server:
                line = ["env", *variables, *_words(settings.server)]
                stack.enter_context(network.background(network.second, line))
            if settings.file:
                name = f"{settings.function} of {settings.file}"
                ended = _call(network, settings, name)
            else:
                name = _words(settings.run)[0]
                ended = _run(network, ["env", *variables, *_words(settings.run)], name, settings.limit_s)
        if ended.status != 0:
            raise WorkloadError(f"{name} ended with status {ended.status}: {ended.errors}")
        try:
            figures, series = figures_of(ended.output)
        except WorkloadError as error:
            said = "" if settings.file else f": {last_lines(ended.output)}"
            raise WorkloadError(f"the output of {name} cannot be used, because {error}{said}") from None
        return WorkloadResult({}, figures, series)


def _settings(request: WorkloadRequest) -> CommandSettings:
    return parse(CommandSettings, request.settings, request.name)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # `Command.lacks` names it
        return []


def _files(names: Sequence[str]) -> Iterator[Path]:
    """Yield the names that are regular files."""
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            if Path(name).is_file():
                yield Path(name)


def _variables(network: Network) -> dict[str, str]:
    return {
        "GTSDSL_FIRST": network.first.name,
        "GTSDSL_FIRST_ADDRESS": network.first.address,
        "GTSDSL_SECOND": network.second.name,
        "GTSDSL_SECOND_ADDRESS": network.second.address,
        "GTSDSL_OVERLAY": network.overlay,
        "GTSDSL_DURATION_S": f"{network.duration_s:g}",
        "GTSDSL_SEED": str(network.seed),
    }


def _run(network: Network, line: Sequence[str], name: str, limit_s: float) -> Ended:
    pipes = Pipes()
    streams = subprocess.DEVNULL, pipes.output_writer, pipes.errors_writer
    processes = network.stage.lab.processes
    process = processes.popen(network.first.namespace, line, *streams, in_container=False)
    process.returncode = 0  # `collect` waits for the process, and `subprocess` must not
    pipes.close_writers()
    return pipes.collect(process.pid, name, limit_s, MOST_BYTES)


def _call(network: Network, settings: CommandSettings, name: str) -> Ended:
    """Call the function in a fork, which is in the namespace of the first end; its value is the fork's output."""
    pipes = Pipes()
    pid = fork(partial(_serve, network, settings, pipes))
    pipes.close_writers()
    return pipes.collect(pid, name, settings.limit_s, MOST_BYTES)


def _serve(network: Network, settings: CommandSettings, pipes: Pipes) -> None:
    """Call the function, and write its value as JSON; what it prints goes to standard error."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, pipes.errors_writer), (2, pipes.errors_writer)):
        os.dup2(source, target)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    setns(network.first.namespace, CLONE_NEWNET)
    sys.path.insert(0, str(Path(settings.file).resolve().parent))
    try:
        text = _value(network, settings)
    except Exception as error:
        print(f"{type(error).__name__}: {error}{_place(error, settings.file)}", file=sys.stderr, flush=True)
        os._exit(1)
    with os.fdopen(pipes.output_writer, "w") as output:
        output.write(text)


def _value(network: Network, settings: CommandSettings) -> str:
    found = runpy.run_path(settings.file, run_name="gtsdsl.command").get(settings.function)
    if not callable(found):
        raise WorkloadError(f"{settings.file} has no function {settings.function}")
    return json.dumps(found(network))


def _place(error: Exception, file: str) -> str:
    """Return the last line of the user's file that an error passed; empty if it passed none."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}, line {lines[-1]})" if lines else ""


WORKLOAD = Command()
"""The workload ``command``."""
