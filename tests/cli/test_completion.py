"""`gtsdsl completion`: the script, sourced by a real shell, completes."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

from gtsdsl.diagnostics import CODES
from tests.cli.inputs import CLEAN, gtsdsl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to complete in, with a program `gtsdsl` in ``bin``."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gtsdsl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gtsdsl "$@"\n')
    program.chmod(0o755)
    for name in ["mesh.dsl", "mesh two.dsl", "other.gts"]:
        (tmp_path / name).write_text(CLEAN)
    return tmp_path


def run(shell: str, script: str, folder: Path, *arguments: str) -> str:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # no settings of the user's, but packages that `pip install --user` has put into the user's home
    settings = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"), str(folder))
    settings |= {"PYTHONUSERBASE": site.getuserbase(), "TERM": "dumb", "BASH_ENV": ""}
    environment = {**os.environ, **settings, "PATH": path}
    command = [shell, "-c", script, shell, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=True)
    assert result.stderr == ""
    return result.stdout


# what bash does when TAB is pressed: it fills COMP_WORDS, calls the function of the command, and reads COMPREPLY
BASH = """
compopt() { printf 'compopt %s\\n' "$2"; }
eval "$(gtsdsl completion bash)"
specification=$(complete -p gtsdsl)
[[ $specification =~ -F\\ ([^ ]+) ]]
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"${BASH_REMATCH[1]}" gtsdsl
for reply in "${COMPREPLY[@]}"; do printf 'reply %s\\n' "$reply"; done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["gtsdsl", "comp"], ["reply compile", "reply completion"]),
        (["gtsdsl", "check", "--str"], ["reply --strict"]),
        (["gtsdsl", "check", "--format", "j"], ["reply json", "reply junit"]),
        (["gtsdsl", "compile", "--to", "g"], ["reply gts-json", "reply graphml"]),
        (["gtsdsl", "explain", "gts00"], [f"reply {code}" for code in CODES if code < "GTS010"]),
        (["gtsdsl", "completion", "z"], ["reply zsh"]),
        (["gtsdsl", "emulate", "mesh.dsl", "--overlay", "n"], ["reply nebula", "reply none"]),
        (["gtsdsl", "overl"], ["reply overlays"]),
        (["gtsdsl", "cpu", "show", "st"], ["reply study-2016"]),
        (["gtsdsl", "cpu", "show", "mesh"], ["compopt default"]),
        (["gtsdsl", "check", "mesh.dsl", "oth"], ["compopt default"]),  # bash completes the file's name itself
        (["gtsdsl", "compile", "-o", "o"], ["compopt default"]),
        (["gtsdsl", "check", "$(touch owned)"], ["compopt default"]),
    ],
)
def test_bash_completes(folder: Path, words: list[str], completed: list[str]) -> None:
    assert run("bash", BASH, folder, *words).splitlines() == completed
    assert not (folder / "owned").exists()


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes(folder: Path) -> None:
    script = "gtsdsl completion fish | source; complete --do-complete 'gtsdsl comp'"
    assert [line.split("\t")[0] for line in run("fish", script, folder).splitlines()] == ["compile", "completion"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_takes_the_script(folder: Path) -> None:
    script = 'autoload -Uz compinit; compinit -D -u; eval "$(gtsdsl completion zsh)"; echo ${_comps[gtsdsl]}'
    assert run("zsh", script, folder) == "_gtsdsl_completion\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_needs_no_shell(shell: str, tmp_path: Path) -> None:
    result = gtsdsl("completion", shell, PATH=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, b"")
    assert f"_GTSDSL_COMPLETE={shell}_complete".encode() in result.stdout


@pytest.mark.parametrize("arguments", [[], ["tcsh"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert gtsdsl("completion", *arguments).returncode == 2
