"""The workflows of GitHub Actions: each program, target, file and module that a step names exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
OF_THE_RUNNER = {"python", "bash", "npm", "npx", "gh", "mkdir", "mv", "test"}
"""The programs that GitHub's runners have."""


def steps(workflow: Path) -> list[dict[str, object]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands() -> list[object]:
    """Each command of each `run:`, with the folder that it runs in."""
    return [
        pytest.param(part.strip(), str(step.get("working-directory", ".")), id=f"{workflow.stem}: {part.strip()}")
        for workflow in WORKFLOWS
        for step in steps(workflow)
        if "run" in step
        for line in str(step["run"]).splitlines()
        for part in line.split("&&")
    ]


@pytest.mark.parametrize(("command", "folder"), commands())
def test_what_a_step_runs_exists(command: str, folder: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        for target in arguments:
            assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "gtsdsl":
        assert (ROOT / "gtsdsl" / "cli" / f"{arguments[0]}.py").is_file()
    elif "/" in program:
        assert (ROOT / program).is_file()
    else:
        assert program in OF_THE_RUNNER
    for argument in arguments:
        if argument.startswith((".ci/", "tests/", "examples/")):
            assert (ROOT / argument).exists(), argument
    for extra in re.findall(r"\.\[([\w,-]+)\]", command):
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(extra.split(",")) <= extras.keys()
    if program == "npm":
        assert (ROOT / folder / "package-lock.json").is_file()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_checkout_keeps_no_credentials_and_a_workflow_has_few_rights(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    checkouts = [step for step in steps(workflow) if str(step.get("uses", "")).startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_the_keys_of_caches_are_of_files_that_exist() -> None:
    """The keys of the cached guest kernel, agents and tools have a hash of what these are made of."""
    patterns = {
        match for path in WORKFLOWS for match in re.findall(r"hashFiles\((.*?)\)", path.read_text(encoding="utf-8"))
    }
    assert len(patterns) == 3
    assert all(list(ROOT.glob(part)) for pattern in patterns for part in re.findall(r"'(.*?)'", pattern))
