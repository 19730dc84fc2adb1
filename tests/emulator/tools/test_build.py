"""A tool is built once and kept whole or not at all; a build that fails says why."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.system import apt
from emulator.system.apt import Archive
from emulator.system.builds import building
from emulator.system.errors import EmulationError
from emulator.tools import cache
from emulator.tools.build import build
from emulator.tools.cache import BuiltTool, built_tool
from emulator.tools.recipes import NETPERF, Recipe, SourceFile
from tests.emulator.tools.tiny import MAIN, PATCH, PROGRAM, tiny_recipe


def built(recipe: Recipe, source: Path | None) -> tuple[BuiltTool, list[str]]:
    """Build, and return the tool and the steps that were reported."""
    steps: list[str] = []

    def progress(step: str, part: float) -> None:
        assert 0 <= part <= 1
        steps.append(step)

    return build(recipe, source, progress), steps


def refusal(recipe: Recipe, source: Path | None) -> str:
    with pytest.raises(EmulationError) as caught:
        built(recipe, source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_tool_is_built_once_with_debians_patches(recipe: Recipe, source: Path, tools: Path) -> None:
    first, steps = built(recipe, source)
    assert steps == [
        "fetching tiny.orig.tar.xz", "fetching tiny.debian.tar.xz", "building: gcc", "checking that it starts", "done",
    ]  # fmt: skip
    (program,) = first.programs
    assert subprocess.run([program.path, "-V"], capture_output=True, check=True).stdout == b"Tiny version 1.2.3\n"
    assert Path(program.path).stat().st_size == program.size_bytes
    assert [path.name for path in tools.iterdir()] == [f"tiny-1.2.3-{recipe.digest()}"]
    shutil.rmtree(source)
    assert built(recipe, source) == (first, [])


def test_the_same_sources_make_the_same_bytes_in_each_folder(
    recipe: Recipe, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = built(recipe, source)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another cache"))  # whose name has a blank
    assert built_tool(recipe) is None
    assert built(recipe, source)[0].programs[0].sha256 == first.programs[0].sha256


def test_the_sources_come_from_the_mirror_of_this_machine_which_need_not_have_the_description(
    recipe: Recipe, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tmp_path / "mirror" / recipe.pool
    shutil.copytree(source, pool)  # no .dsc
    mirrors = (f"file://{tmp_path}/empty", f"file://{tmp_path}/mirror/")
    monkeypatch.setattr(apt, "own_archives", lambda: (Archive(mirrors, ()),))
    assert built(recipe, None)[0].version == "1.2.3"


def test_without_a_mirror_that_has_them_the_files_are_named(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remedy = "fetch tiny.orig.tar.xz and tiny.debian.tar.xz elsewhere, and name their folder with --source FOLDER"
    monkeypatch.setattr(apt, "own_archives", lambda: (Archive((f"file://{tmp_path}/empty",), ()),))
    said = refusal(recipe, None)
    assert said.startswith("tiny.orig.tar.xz cannot be downloaded: ")
    assert said.endswith(f"; {remedy}")
    monkeypatch.setattr(apt, "own_archives", lambda: ())
    assert refusal(recipe, None) == f"this system's apt has no archive of Debian's; {remedy}"


def test_another_file_than_the_pinned_one_is_refused(recipe: Recipe, source: Path, tools: Path) -> None:
    other = replace(recipe, original=SourceFile("tiny.orig.tar.xz", "0" * 64))
    assert refusal(other, source) == (
        f"tiny.orig.tar.xz is another file than Debian's: its SHA-256 is {recipe.original.sha256}, not {'0' * 64}"
    )
    (source / "tiny.debian.tar.xz").unlink()
    assert refusal(recipe, source) == f"{source}/tiny.debian.tar.xz: No such file or directory"
    assert list(tools.iterdir()) == []


@pytest.mark.parametrize(
    ("main", "patch", "said"),
    [
        ("int main(void) { return missing; }\n", "", "tiny cannot be built: main.c:1:25: error: 'missing' undeclared"),
        (MAIN, PATCH.replace("1.2.3", "9.9"), f"{PROGRAM} 1.2.3 was built, and says 'Tiny version 9.9'"),
        ("other\n", PATCH, "Debian's patch version.patch cannot be applied"),
    ],
)
@pytest.mark.usefixtures("recipe")
def test_a_build_that_fails_says_why_and_leaves_nothing(
    source: Path, tools: Path, main: str, patch: str, said: str
) -> None:
    assert refusal(tiny_recipe(source, main, patch), source).startswith(said)
    assert list(tools.iterdir()) == []


def test_two_builds_do_not_meet(recipe: Recipe, source: Path, tools: Path) -> None:
    with building(tools, "tiny", "tool") as folder:
        assert refusal(recipe, source) == "another gtsdsl builds this tool right now: wait for it, then run this again"
        assert list(cache.clean()) == []
        assert folder.is_dir()


@pytest.mark.usefixtures("tools")
def test_missing_programs_are_named_with_the_command_that_adds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    which, lacking = shutil.which, {"autoreconf", "libtoolize", "xz"}
    monkeypatch.setattr(shutil, "which", lambda tool, **kw: None if tool in lacking else which(tool, **kw))
    said = "to build netperf, autoreconf, libtoolize, xz is missing: apt-get install autoconf libtool xz-utils"
    assert refusal(NETPERF, None) == said


def test_netperf_has_the_bytes_that_its_recipe_makes(netperf: BuiltTool, tools: Path) -> None:
    assert [program.name for program in netperf.programs] == ["netperf", "netserver"]
    assert netperf.version == "2.7.0+git20210121.3bc455b+ds-3"
    for program in netperf.programs:
        said = subprocess.run([program.path, "-V"], capture_output=True, text=True, check=True).stdout
        assert said == "Netperf version 2.7.1\n"
    assert not Path(netperf.programs[0].path).is_relative_to(tools)
    assert built_tool(NETPERF) is None  # in the new cache
