"""`gtsdsl tools`: what is built, and what is missing, as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.tools.cache import BuiltTool
from tests.emulator.samples import Cli


def test_what_is_built_is_shown_with_path_hash_and_size(gtsdsl: Cli, netperf: BuiltTool) -> None:
    done = gtsdsl("tools", "info")
    assert done.returncode == 0
    assert done.stdout.startswith("netperf: 2.7.0+git20210121.3bc455b+ds-3\n  path     /")
    for program in netperf.programs:
        assert f"  path     {program.path}\n  sha256   {program.sha256}\n" in done.stdout
    assert "\n  used     /" in done.stdout
    entry = json.loads(gtsdsl("tools", "info", "--format", "json").stdout)["tools"]["netperf"]
    assert [it["sha256"] for it in entry["built"]["programs"]] == [it.sha256 for it in netperf.programs]
    assert {*entry["used"]} == {"paths", "version"}
    assert gtsdsl("tools", "path", "netperf").stdout == f"{netperf.programs[0].path}\n"
    again = gtsdsl("tools", "build", "netperf")
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{netperf.programs[0].path}\n", "")


def test_without_a_tool_the_command_that_builds_it_is_named(
    gtsdsl: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "  not built: gtsdsl tools build netperf" in gtsdsl("tools", "info").stdout
    assert json.loads(gtsdsl("tools", "info", "--format", "json").stdout)["tools"]["netperf"]["built"] is None
    done = gtsdsl("tools", "path", "netperf")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "error: netperf has not been built: gtsdsl tools build netperf\n"
    assert gtsdsl("tools", "clean").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["build", "netprf"], 2, "error: no tool is called netprf; did you mean `netperf`?\n"),
        (["build", "netperf", "--source", "missing"], 2, "error: --source: directory `missing` does not exist\n"),
    ],
)
def test_a_mistake_is_refused_in_a_line(gtsdsl: Cli, arguments: list[str], status: int, said: str) -> None:
    done = gtsdsl("tools", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)
