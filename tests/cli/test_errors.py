"""Errors of all commands: one prefix, one exit status for wrong usage, and the nearest word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from emulator.kernel.cache import built_kernels
from gtsdsl.cli import cli
from tests.cli.inputs import CLEAN
from tests.cli.test_help import commands


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chekc mesh.dsl", "unknown command `chekc`; did you mean `check`?"),
        ("kernel biuld", "unknown command `biuld`; did you mean `build`?"),
        ("emulate --overlya flannel", "unknown option `--overlya`; did you mean `--overlay`?"),
        ("check --stritc mesh.dsl", "unknown option `--stritc`; did you mean `--strict`?"),
        ("kernel nope", "unknown command `nope`; the commands are build, clean, info, path"),
        (
            "xyzzy",
            "unknown command `xyzzy`; the commands are check, compile, draw, fmt, init, explain, circuits, plan, "
            "scenario, emulate, overlays, bench, cpu, guest, doctor, kernel, agents, tools, clean, lsp, completion",
        ),
        ("emulate", "missing argument FILE"),
        ("init ring", "missing option --sites"),
        ("emulate mesh.dsl more", "got unexpected extra argument (more)"),
        ("emulate mesh.dsl --containers 3", "--containers needs --overlay"),
    ],
)
def test_wrong_usage_names_the_nearest_word_and_the_help(line: str, message: str) -> None:
    done = CliRunner().invoke(cli, line.split(), prog_name="gtsdsl")
    assert (done.exit_code, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first == f"error: {message}"
    assert second.startswith("Try `gtsdsl")
    assert second.endswith(" --help` for help.")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("emulate mesh.dsl --kernel foo", "--kernel: `foo` is not one of `auto`, `uml`, `native`, `uml-packaged`"),
        (
            "emulate mesh.dsl --clock virtua",
            "--clock: `virtua` is not one of `auto`, `virtual`, `skip`, `real`; did you mean `virtual`?",
        ),
        ("emulate mesh.dsl --count 0", "--count: 0 is not between 1 and 1000000"),
        ("emulate mesh.dsl --count few", "--count: `few` is not a valid integer"),
        ("emulate mesh.dsl --containers -1", "--containers: -1 is less than 0"),
        ("emulate mesh.dsl --timeout 0", "--timeout: `0` is not a number of seconds above 0"),
        (
            "check mesh.dsl --format junti",
            "--format: `junti` is not one of `text`, `json`, `sarif`, `github`, `junit`; did you mean `junit`?",
        ),
        ("draw mesh.dsl -o x.foo", "-o: `x.foo` must end in .svg, .png or .html"),
        ("emulate mesh.dsl --memory 3", "--memory: `3` is not a size; write it as 512M or 2G"),
        ("emulate mesh.dsl --memory 9999999G", "--memory: 9999999G is more than the most, 999999G"),
        (f"guest --memory {'9' * 9999}K true", f"--memory: {'9' * 39}… is more than the most, 999999G"),
        ("emulate mesh.dsl --timeout nan", "--timeout: `nan` is not a number of seconds above 0"),
        ("guest --memory 5M true", "--memory: a guest needs at least 64M, not 5M"),
        ("guest --kernel native true", "--kernel: `native` is not one of `auto`, `uml`, `uml-packaged`"),
        ("completion csh", "SHELL: `csh` is not one of `bash`, `zsh`, `fish`; did you mean `zsh`?"),
        ("kernel build --source none.tar", "--source: file `none.tar` does not exist"),
    ],
)
def test_a_wrong_value_names_its_option(line: str, message: str) -> None:
    done = CliRunner().invoke(cli, line.split(), prog_name="gtsdsl")
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(("name", "command"), list(commands(cli, "gtsdsl")))
def test_every_command_reports_an_unknown_option_alike(name: str, command: click.Command) -> None:
    assert command.name
    done = CliRunner().invoke(cli, [*name.split()[1:], "--xyzzy"], prog_name="gtsdsl")
    assert (done.exit_code, done.stderr) == (
        2,
        f"error: unknown option `--xyzzy`\nTry `{name} --help` for help.\n",
    )


@pytest.mark.parametrize(
    "line",
    [
        "check",
        "compile --to dot",
        "draw -o x.svg",
        "fmt",
        "plan",
        "scenario",
        "emulate",
        "bench",
        "bench y.dsl --matrix",
    ],
)
def test_a_file_without_permission_is_a_finding_for_every_command(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    (tmp_path / "x.dsl").write_text(CLEAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # root may read every file
    monkeypatch.setattr("gtsdsl.inputs.files._open_at_once", refuse)
    done = CliRunner().invoke(cli, [*line.split(), "x.dsl"], prog_name="gtsdsl")
    assert done.exit_code == 1
    assert "no permission to read this file" in f"{done.output}{done.exception!r}"


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("resvg_py", ["draw", "pair.dsl", "-o", "pair.png"], "draw"),
        ("pygls", ["lsp"], "lsp"),
        ("lsprotocol", ["lsp"], "lsp"),
        ("mininet", ["emulate", "pair.dsl", "--kernel", "uml", "--probe"], "emulation"),
        ("pyroute2", ["emulate", "pair.dsl", "--kernel", "uml", "--probe"], "emulation"),
        ("docker", ["emulate", "pair.dsl", "--overlay", "libnetwork", "--image", "debian:12", "--probe"], "emulation"),
    ],
)
def test_a_missing_extra_ends_every_command_alike(
    tmp_path: Path, missing: str, arguments: list[str], extra: str
) -> None:
    if arguments[0] == "emulate" and not built_kernels():
        pytest.skip("no guest kernel has been built")
    (tmp_path / "pair.dsl").write_text(CLEAN)
    program = f"""
import sys

class Without:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(name, name={missing!r})

sys.meta_path.insert(0, Without())
from gtsdsl.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"error: the Python package {missing} is missing: pip install 'gtsdsl[{extra}]'\n"
