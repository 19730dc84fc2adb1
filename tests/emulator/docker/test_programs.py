"""The programs that a daemon of Docker needs on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from emulator.docker import programs
from tests.emulator.kernel.standins import put


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "PATH", str(tmp_path))
    assert next(programs.lacks()) == (
        "dockerd, containerd, containerd-shim-runc-v2, runc missing: `apt-get install docker.io`"
    )


def test_an_ordinary_user_is_told_of_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert any("Docker needs root" in sentence for sentence in programs.lacks())


@pytest.mark.skipif(not shutil.which("dockerd", path=programs.PATH), reason="needs Docker: apt-get install docker.io")
def test_the_version_is_in_figures() -> None:
    assert all(part.isdecimal() for part in programs.version().split("."))


@pytest.mark.parametrize(
    ("version", "table"),
    [("version = 0\n", "scheduler"), ("version = 2\n", '"io.containerd.gc.v1.scheduler"'), ("", "scheduler")],
)
def test_containerd_gets_a_setting_that_dockerd_cannot_pass_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, table: str
) -> None:
    put(tmp_path / "containerd", '#!/bin/sh\necho "$@"\n')
    monkeypatch.setattr(programs, "PATH", f"{tmp_path}:{programs.PATH}")
    settings = tmp_path / "containerd.toml"
    settings.write_text(f'{version}root = "/somewhere"\n')
    script = programs.replacements(tmp_path / "programs") / "containerd"
    done = subprocess.run(
        [script, "--config", settings, "--log-level", "info"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"--config {settings} --log-level info\n"
    assert tomllib.loads(settings.read_text())["plugins"] == {table.strip('"'): {"pause_threshold": 0.0}}
    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == "--version\n"


def test_on_one_processor_the_shim_gets_one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "containerd-shim-runc-v2"
    shim.write_bytes(b"begin GOMAXPROCS=4 end")
    shim.chmod(0o755)
    monkeypatch.setattr(programs, "PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(programs, "working_iptables", lambda: Path("/usr/sbin/iptables-legacy"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0})
    folder = programs.replacements(tmp_path / "replacements")
    assert (folder / "iptables").readlink() == Path("/usr/sbin/iptables-legacy")
    assert (folder / "one-thread" / shim.name).read_bytes() == b"begin GOMAXPROCS=1 end"
    assert "GOMAXPROCS=1\nexec " in (folder / shim.name).read_text()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})
    assert not (programs.replacements(tmp_path / "others") / shim.name).exists()
