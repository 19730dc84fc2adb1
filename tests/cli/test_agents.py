"""`gtsdsl agents`: what is built, and what is missing, as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.agents.model import AgentProgram
from tests.emulator.samples import Cli


def test_what_is_built_is_shown_with_version_hash_path_and_size(gtsdsl: Cli, flanneld: AgentProgram) -> None:
    done = gtsdsl("agents", "info")
    assert done.returncode == 0
    assert done.stdout.startswith("flannel: flanneld 0.28.10, github.com/flannel-io/flannel\n  path     /")
    for text in (flanneld.path, flanneld.sha256, " MB\n", "go1.", "tencent-vpc"):
        assert text in done.stdout
    document = json.loads(gtsdsl("agents", "info", "--format", "json").stdout)
    entry = document["agents"]["flannel"]
    assert entry["built"]["program"]["sha256"] == flanneld.sha256
    assert entry["built"]["size_bytes"] == Path(flanneld.path).stat().st_size
    assert entry["missing_to_build"] == []
    assert gtsdsl("agents", "path", "flannel").stdout == f"{flanneld.path}\n"


def test_an_agent_that_is_built_is_not_built_again(gtsdsl: Cli, flanneld: AgentProgram) -> None:
    done = gtsdsl("agents", "build", "flannel")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{flanneld.path}\n", "")


def test_without_an_agent_the_command_that_builds_it_is_named(
    gtsdsl: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "  not built: gtsdsl agents build flannel" in gtsdsl("agents", "info").stdout
    assert json.loads(gtsdsl("agents", "info", "--format", "json").stdout)["agents"]["flannel"]["built"] is None
    done = gtsdsl("agents", "path", "flannel")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "error: no agent of flannel has been built: gtsdsl agents build flannel\n"
    assert gtsdsl("agents", "clean").stdout == ""


def test_an_unknown_agent_is_refused_with_the_nearest(gtsdsl: Cli) -> None:
    done = gtsdsl("agents", "build", "flanel")
    assert (done.returncode, done.stderr) == (2, "error: no agent is called flanel; did you mean `flannel`?\n")
