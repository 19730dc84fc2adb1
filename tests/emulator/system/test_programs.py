"""Programs are started in one way: with an environment of ours, from absolute folders, and Python isolated."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program, printed_version, python_command, python_script
from tests.emulator.kernel.standins import put

ROOT = Path(__file__).parents[3]


STARTS = {"run", "Popen", "call", "check_call", "check_output", "which", "system", "popen"}
"""The functions of `subprocess`, `shutil` and `os` that start a program or search one; `_popen` is Mininet's."""


def starts() -> Iterator[tuple[str, set[str | None]]]:
    """Each place of the project's code that starts or looks for a program, and the names of its arguments."""
    for package in ("gtsdsl", "emulator"):
        for path in sorted(ROOT.joinpath(package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    module, name = ast.unparse(node.func.value), node.func.attr
                    if name.startswith(("execl", "execv", "spawn", "posix_spawn", "find_library")) and module != "self":
                        yield f"{path.relative_to(ROOT)} {name}", set()
                    elif name == "_popen" or (name in STARTS and module in {"subprocess", "shutil", "os"}):
                        yield f"{path.relative_to(ROOT)}:{node.lineno} {name}", {it.arg for it in node.keywords}


def test_each_program_gets_an_environment_and_is_looked_for_in_given_folders() -> None:
    found = list(starts())
    assert len(found) > 10
    assert [where for where, arguments in found if not arguments & {"env", "path"}] == [
        "emulator/kernel/init.py execvpe",  # with the environment of a job, which has gone through `environment`
        "emulator/kernel/supervisor.py execve",  # by an absolute path
    ]


def test_python_is_started_in_one_way() -> None:
    places = [
        path.relative_to(ROOT)
        for package in ("gtsdsl", "emulator")
        for path in ROOT.joinpath(package).rglob("*.py")
        if "sys.executable" in path.read_text(encoding="utf-8")
    ]
    # `job` makes a link for the kernel's command line, which has the same options; `output` asks only where it is
    assert sorted(map(str, places)) == [
        "emulator/kernel/job.py",
        "emulator/kernel/output.py",
        "emulator/system/programs.py",
    ]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin"),
        (":/usr/bin::/bin:", "/usr/bin:/bin"),
        (".:/usr/bin:./bin:bin:../bin:~/bin", "/usr/bin"),
        ("", os.defpath),
        (".", os.defpath),
        ("/bin:/bin", "/bin"),
    ],
)
def test_a_search_path_names_absolute_folders(path: str, kept: str) -> None:
    assert environment({"PATH": path, "X": "y"}) == {"PATH": f"{kept}:/usr/local/sbin:/usr/sbin:/sbin", "X": "y"}


def test_libraries_are_not_looked_for_in_the_working_folder() -> None:
    assert environment({"LD_LIBRARY_PATH": ":/opt/lib:"})["LD_LIBRARY_PATH"] == "/opt/lib"
    assert "LD_LIBRARY_PATH" not in environment({})


def test_an_environment_is_the_same_the_second_time() -> None:
    once = environment({"PATH": ":/a:.", "LD_LIBRARY_PATH": "."})
    assert environment(once) == once


def test_a_program_of_the_working_folder_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    for path in ("", ".", f":{os.environ['PATH']}", "./", "../" + tmp_path.name):
        monkeypatch.setenv("PATH", path)
        assert find_program("trap") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("trap") == str(tmp_path / "trap")


def test_an_isolated_python_has_the_users_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "users_module.py").write_text("def answer(number): return number + 2")
    (tmp_path / "json.py").write_text("raise SystemExit(99)")
    monkeypatch.setenv("PYTHONPATH", f":{tmp_path / 'own'}:.")
    command = python_command("-c", python_script("users_module", "answer", {"number": 40}))
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 42
    script = python_script("users_module", "answer", {"number": 40}, is_bare=True)
    assert subprocess.run(python_command("-c", script, is_bare=True), capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", ["HOME", "STARTUP", "INSPECT", "BREAKPOINT", "PLATLIBDIR", "WARNINGS", "USERBASE"])
def test_variables_of_python_have_no_say(name: str) -> None:
    command = python_command("-c", python_script("emulator.system.text", "one_line", {"text": "said"}))
    done = subprocess.run(
        command, env={**os.environ, f"PYTHON{name}": "nothing.here"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "said\n")  # what `sys.exit` makes of a text


def test_a_python_that_does_not_know_itself_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(EmulationError, match="start gtsdsl by its full path"):
        python_command()


@pytest.mark.parametrize(
    ("script", "version"),
    [
        (r"printf '\377\ntool version 1.2\n'", "1.2"),  # a byte that is no UTF-8
        ("echo tool version 1.2 >&2; exit 1", "1.2"),
        ("read word; echo tool version 1.$?", "1.1"),  # its input is empty
        ("echo another", None),
    ],
)
def test_a_version_is_read_from_all_that_a_program_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, version: str | None
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert printed_version("some-tool", "-v", r"version (\S+)") is None
    put(tmp_path / "some-tool", f'#!/bin/sh\n[ "$*" = -v ] || exit\n{script}\n')
    found = printed_version("some-tool", "-v", r"version (\S+)")
    assert (found and found[1]) == version
