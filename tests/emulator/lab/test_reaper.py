"""An emulation that is killed at any moment leaves no process, namespace, mount or folder behind."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.lab.processes import Processes
from emulator.lab.underlay import empty_namespace
from emulator.system.run_folders import MARK, clean, runs_folder
from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.waiting import wait_for

pytestmark = pytest.mark.networks


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests that run side by side have runs, too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def _start(word: str) -> subprocess.Popen[bytes]:
    command = command_of(scenarios.run_a_network, word)
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "TEST_WORD": word}
    )


def _said(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdout is not None
    said = b""
    while word not in said:
        assert select.select([process.stdout], [], [], 60)[0]
        more = os.read(process.stdout.fileno(), 100)
        assert more, "it ended too early"
        said += more


def _left(word: str) -> list[str]:
    """Return the command lines of the processes that have the run's word in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if f"TEST_WORD={word}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def _folders() -> set[str]:
    return {path.name for path in runs_folder().iterdir() if path.name.startswith("network-")}


def _assert_nothing_left(word: str, before: set[str], mend: Callable[[], object] = lambda: None) -> None:
    deadline_s = time.monotonic() + 30
    while _left(word) or _folders() - before:
        mend()
        assert time.monotonic() < deadline_s, (_left(word), _folders() - before)
        time.sleep(0.02)
    # only mounts of this test: the checkout may be a mount, and other tests have mounts, too
    assert str(runs_folder()) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signals(number: signal.Signals) -> None:
    word, before = f"{os.getpid()}-{number.name}", _folders()
    with _start(word) as process:
        _said(process, b"running")
        assert len(_left(word)) > 4
        process.send_signal(number)
        process.wait(timeout=60)
        _assert_nothing_left(word, before)


def test_killed_at_random_moments() -> None:
    moments = random.Random(7)  # noqa: S311 (no secret)
    for attempt in range(50):
        word, before = f"{os.getpid()}-{attempt}", _folders()
        with _start(word) as process:
            _said(process, b"begun")
            select.select([], [], [], moments.uniform(0, 0.2))
            process.kill()
            process.wait(timeout=60)
            # one that is killed while it makes its folder leaves that, for `gtsdsl clean`; no other way leaves anything
            _assert_nothing_left(word, before, lambda: list(clean()))


def test_a_processs_mark_names_the_runs_folder() -> None:
    word, before = f"{os.getpid()}-mark", _folders()
    with _start(word) as process:
        _said(process, b"running")
        (folder,) = _folders() - before
        marks = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                variables = dict(item.split(b"=", 1) for item in path.read_bytes().split(b"\0") if b"=" in item)
            except OSError:
                continue
            if variables.get(b"TEST_WORD") == word.encode() and MARK.encode() in variables:
                marks.add(variables[MARK.encode()].decode())
        process.terminate()
        process.wait(timeout=60)
    assert marks == {str(runs_folder() / folder)}


def test_the_number_of_a_guarded_namespace_is_nobody_elses_while_it_is_guarded() -> None:
    processes = Processes({})
    try:
        processes.start()
        ours = empty_namespace()
        number = os.fstat(ours).st_ino
        processes.guard([ours])
        assert processes._reaper is not None
        reaper = processes._reaper.pid
        wait_for(lambda: _is_held(number, reaper))
        os.close(ours)
        others = [empty_namespace() for _ in range(20)]
        assert number not in {os.fstat(other).st_ino for other in others}
        for other in others:
            os.close(other)
        assert _is_held(number, reaper)
    finally:
        processes.close()


def _is_held(number: int, pid: int) -> bool:
    """Return whether a process has a namespace open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            if str(link.readlink()) == f"net:[{number}]":
                return True
    return False
