"""An agent is built once and kept whole or not at all; a build that fails says why."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from emulator.agents import build as build_module
from emulator.agents import cache
from emulator.agents.build import _error_in, build, go_version, lacks
from emulator.agents.cache import built_agent
from emulator.agents.recipes import RECIPES, Recipe
from emulator.system.builds import building
from emulator.system.errors import EmulationError
from tests.emulator.agents.tiny import MAIN, die_in_a_build, tiny_recipe
from tests.emulator.kernel.standins import put
from tests.emulator.play import command_of


def built(recipe: Recipe) -> tuple[cache.BuiltAgent, list[str]]:
    """Build, and return the agent and the steps that were reported."""
    steps: list[str] = []

    def progress(step: str, part: float) -> None:
        assert 0 <= part <= 1
        if step not in steps:
            steps.append(step)

    return build(recipe, progress), steps


def refusal(recipe: Recipe) -> str:
    with pytest.raises(EmulationError) as caught:
        built(recipe)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_agent_is_built_once(tiny: Recipe, agents: Path) -> None:
    first, steps = built(tiny)
    assert steps == ["downloading and compiling", "checking that it starts", "done"]
    assert (first.program.name, first.program.version, first.program.without) == ("tinyd", "1.2.3", "")
    assert first.go.startswith("go1.")
    assert subprocess.run([first.program.path, "--version"], capture_output=True, check=True).stderr == b"v1.2.3\n"
    assert Path(first.program.path).stat().st_size == first.size_bytes
    assert [path.name for path in agents.iterdir()] == [f"tiny-1.2.3-{tiny.digest()}-{first.go}"]
    assert built(tiny) == (first, [])
    assert built_agent(tiny) == first


def test_the_same_sources_make_the_same_bytes(tiny: Recipe, agents: Path) -> None:
    first, _ = built(tiny)
    assert list(cache.clean()) == [Path(first.program.path).parent]
    assert built_agent(tiny) is None
    assert built(tiny)[0].program.sha256 == first.program.sha256
    assert len(list(agents.iterdir())) == 1


def test_other_sources_are_another_agent(tiny: Recipe, tmp_path: Path) -> None:
    built(tiny)
    (tiny.sources / "nested" / "notes").write_text("changed")
    assert built_agent(tiny_recipe(tmp_path)) is not None  # which writes the file as it was
    (tiny.sources / "nested" / "notes").write_text("changed")
    assert built_agent(tiny) is None


@pytest.mark.usefixtures("tiny")
def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path, agents: Path) -> None:
    said = refusal(tiny_recipe(tmp_path, "package main\n\nfunc main() { missing() }\n"))
    assert said == "tinyd cannot be built: ./main.go:3:15: undefined: missing"
    assert list(agents.iterdir()) == []
    assert "says that it is" in refusal(tiny_recipe(tmp_path, MAIN.replace("version)", '"v9.9")')))
    assert list(agents.iterdir()) == []


def test_a_module_without_its_hash_is_refused(tiny: Recipe, agents: Path) -> None:
    (tiny.sources / "go.mod").write_text(
        "module example.org/tiny\n\ngo 1.21\n\nrequire github.com/flannel-io/flannel v0.28.10\n"
    )
    main = tiny.sources / "main.go"
    main.write_text(main.read_text().replace('"os"', '"os"\n\t_ "github.com/flannel-io/flannel/pkg/version"'))
    assert "go.sum" in refusal(tiny)
    assert list(agents.iterdir()) == []


def test_two_builds_do_not_meet(tiny: Recipe, agents: Path) -> None:
    with building(agents, "tiny", "agent") as folder:
        assert refusal(tiny) == "another gtsdsl builds this agent right now: wait for it, then run this again"
        assert list(cache.clean()) == []
        assert folder.is_dir()
    assert list(agents.iterdir()) == []


def test_a_build_that_was_killed_leaves_what_clean_removes_and_the_next_build_ignores(
    tiny: Recipe, agents: Path
) -> None:
    subprocess.run(command_of(die_in_a_build, tiny.sources.parent), check=False)
    assert [path.name for path in agents.iterdir()] == ["building-tiny"]
    assert built_agent(tiny) is None
    built(tiny)
    assert [path.name.startswith("tiny-") for path in agents.iterdir()] == [True]


def test_a_missing_go_and_a_missing_compiler_are_named(
    tmp_path: Path, agents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(RECIPES["flannel"]) == (
        "to build flanneld, this is missing: go, in version 1.26 or newer (from https://go.dev/dl); gcc with the C "
        "library's headers, for cgo (apt-get install gcc libc6-dev)"
    )
    assert list(agents.iterdir()) == []


def test_an_old_go_is_refused_by_its_version(tmp_path: Path, tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    addition = " \x1b[31mred"  # after the version, which is what Debian 12's says
    put(old, f"#!/bin/sh\necho 'go1.19.8{addition}'; echo {'x' * 300}\n")
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    assert lacks(tiny) == []
    said = "go1.19.8 [31mred " + "x" * 183
    assert refusal(tiny) == (
        f"to build tinyd, Go 1.21 or newer is needed, and {old} is too old ({said}): install it from https://go.dev/dl"
    )


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go1.26.8", "go1.26.8"),
        ("go1.27rc1", "go1.27rc1"),
        ("go1.26.8-fips", "go1.26.8-fips"),
        ("go1.26.8 X:jsonv2,greenteagc", "go1.26.8-X-jsonv2-greenteagc"),
        ("go1.26.8 (Red Hat 1.26.8-1)", "go1.26.8-Red-Hat-1.26.8-1"),
    ],
)
def test_a_go_with_additions_to_its_version_is_another_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, version: str
) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    put(go, f"#!/bin/sh\necho '{said}'\n")
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(build_module, "lacks", lambda _recipe: [])
    recipe = tiny_recipe(tmp_path)
    assert go_version(recipe, recipe.sources) == version


def test_of_a_log_of_go_the_first_error_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("go: downloading a v1\ninternal/abi\n# example.org/x\nx.go:1:2: no such thing\nmore words\n")
    assert _error_in(log) == "x.go:1:2: no such thing"
    log.write_text('go: a@v1: Get "https://example.org/a": dial tcp: connection refused\n')
    assert _error_in(log).endswith("connection refused (is there a network?)")
    log.write_text("internal/abi\n")
    assert _error_in(log) == "go says nothing"
