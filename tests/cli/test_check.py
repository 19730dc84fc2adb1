"""`gtsdsl check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from tests.cli.inputs import CLEAN, WARNED, WRONG, gtsdsl
from tests.power import without_power

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of each kind."""
    for name, text in {"clean.dsl": CLEAN, "warned.dsl": WARNED, "wrong.dsl": WRONG}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments], input=stdin)


def checked(*arguments: str) -> list[str]:
    """Return the names of the files that `gtsdsl check` reads."""
    names = [file["name"] for file in json.loads(check("--format", "json", *arguments).stdout)["files"]]
    assert all(isinstance(name, str) for name in names)
    return names


@pytest.mark.parametrize(
    ("arguments", "status", "summary"),
    [
        (["clean.dsl"], 0, "1 file checked, 0 errors, 0 warnings\n"),
        (["warned.dsl"], 0, "1 file checked, 0 errors, 1 warning\n"),
        (["clean.dsl", "warned.dsl"], 0, "2 files checked, 0 errors, 1 warning\n"),
        (["--strict", "clean.dsl"], 0, "1 file checked, 0 errors, 0 warnings\n"),
        (["--strict", "warned.dsl"], 1, "1 file checked, 0 errors, 1 warning\n"),
        (["gone.dsl"], 1, "1 file checked, 1 error, 0 warnings\n"),
        (["gone.dsl", "clean.dsl", "warned.dsl"], 1, "3 files checked, 1 error, 1 warning\n"),
    ],
)
@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github", "junit"])
@pytest.mark.usefixtures("folder")
def test_the_exit_status_and_the_summary(arguments: list[str], status: int, summary: str, format_: str) -> None:
    result = check("--format", format_, *arguments)
    assert (result.exit_code, result.stderr) == (status, summary)


@pytest.mark.usefixtures("folder")
def test_a_wrong_file() -> None:
    result = check("wrong.dsl")
    assert result.exit_code == 1
    assert "error[GTS020]" in result.stdout
    assert "wrong.dsl:3:" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--format", "yaml", "a"], ["--nonsense", "a"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert check(*arguments).exit_code == 2


@pytest.mark.usefixtures("folder")
def test_a_clean_file_prints_nothing() -> None:
    assert check("clean.dsl").stdout == ""


@pytest.mark.usefixtures("folder")
def test_standard_input() -> None:
    result = check("-", "-", stdin=WARNED)
    assert "--> <stdin>:2:" in result.stdout
    assert result.stderr == "1 file checked, 0 errors, 1 warning\n"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["check", "-", option, "-"] for option in ("--scenario", "--address-plan")),
        *(
            [command, "-", option, "-"]
            for command in ("plan", "emulate")
            for option in ("--scenario", "--address-plan", "--circuits", "--cpu-model")
        ),
        ["draw", "-", "-o", "mesh.svg", "--circuits", "-"],
    ],
    ids=" ".join,
)
def test_standard_input_is_for_one_file(arguments: list[str]) -> None:
    result = gtsdsl(*arguments, stdin=CLEAN.encode())
    assert result.returncode == 1
    assert b"error[GTS002]: standard input is read already" in result.stdout + result.stderr


@pytest.mark.usefixtures("folder")
def test_findings_of_all_files_are_shown() -> None:
    text = check("wrong.dsl", "clean.dsl", "warned.dsl", "gone.dsl").stdout
    assert text.index("error[GTS020]") < text.index("warning[GTS032]") < text.index("error[GTS002]")
    assert "\n\nwarning[GTS032]" in text
    assert "\n\n\n" not in text


def test_a_report_in_a_file(folder: Path) -> None:
    for format_ in ("text", "json", "sarif", "github", "junit"):
        result = check("--format", format_, "-o", "out", "wrong.dsl", "warned.dsl")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "GTS020" in (folder / "out").read_text(encoding="utf-8")
    assert check("-o", "out", "wrong.dsl", "warned.dsl").exit_code == 1
    assert (folder / "out").read_text(encoding="utf-8") == check("wrong.dsl", "warned.dsl").stdout


@pytest.mark.usefixtures("folder")
def test_a_report_that_cannot_be_written() -> None:
    result = check("--format", "json", "-o", "gone/out", "clean.dsl")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: gone/out cannot be written: the folder ")


@pytest.mark.usefixtures("folder")
def test_with_strict_junit_counts_warnings_as_failures() -> None:
    for arguments, failures in ([], "0"), (["--strict"], "1"):
        root = ElementTree.fromstring(check("--format", "junit", "warned.dsl", *arguments).stdout)  # noqa: S314 (ours)
        assert root.get("failures") == failures


# which files


def test_folders_are_searched_in_order(folder: Path) -> None:
    for name in [
        "b/z.dsl",
        "b/a.GTS",
        "b/c/x.gts",
        "a/x.dsl",
        "a/notes.txt",
        "a/x.dsl.bak",
        ".git/x.dsl",
        "b/.h/x.dsl",
    ]:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(CLEAN)
    listed = [path.replace(os.sep, "/") for path in checked("b", ".")]
    assert listed == ["b/a.GTS", "b/z.dsl", "b/c/x.gts", "./clean.dsl", "./warned.dsl", "./wrong.dsl", "./a/x.dsl"]


def test_a_hidden_folder_that_is_named_is_searched(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.dsl").write_text(CLEAN)
    assert checked(".hidden") == [os.path.join(".hidden", "x.dsl")]  # noqa: PTH118


def test_a_folder_with_no_topology(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = check("empty", "clean.dsl")
    assert result.exit_code == 1
    assert result.stdout == "error[GTS002]: no *.dsl or *.gts file in this folder\n --> empty\n"


@posix
def test_links_to_folders_are_passed_over(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "x.dsl").write_text(CLEAN)
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "self.dsl").symlink_to(".")
    assert checked("a") == ["a/x.dsl"]


@posix
def test_a_file_is_checked_once(folder: Path) -> None:
    (folder / "link.dsl").symlink_to("clean.dsl")
    assert checked("clean.dsl", "./clean.dsl", str(folder / "clean.dsl"), "link.dsl", "clean.dsl") == ["clean.dsl"]


@pytest.fixture
def deep_folder(folder: Path) -> Iterator[Path]:
    """A folder so deep that Python's own tools cannot remove it again."""
    depth = 1500
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102 (relative: the whole path is too long for some calls)
        os.chdir("d")
    Path("x.dsl").write_text(CLEAN)
    os.chdir(folder)
    yield folder / "d"
    os.chdir(folder)
    for _ in range(depth):
        os.chdir("d")
    Path("x.dsl").unlink()
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")  # noqa: PTH106


@posix
@pytest.mark.usefixtures("deep_folder")
def test_a_very_deep_folder() -> None:
    assert len(checked("d")) == 1


@posix
def test_a_folder_without_permission(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0)
    with without_power():
        result = check(".")
    assert "error[GTS002]: this folder cannot be searched: Permission denied\n --> ./closed\n" in result.stdout
    assert result.stderr.startswith("4 files checked")


@posix
def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "a.dsl")
    assert "error[GTS002]: not a regular file\n --> ./a.dsl" in check(".").stdout


@posix
@pytest.mark.parametrize("name", ["a\n::error::owned.dsl", "\x1b[31m.dsl", "-o.dsl", "%0A::error::x.dsl", "\u202e.dsl"])
@pytest.mark.parametrize("format_", ["text", "json", "sarif", "github", "junit"])
def test_hostile_names(folder: Path, name: str, format_: str) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / name).write_text(WRONG)
    result = check("--format", format_, "sub")
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    starts = {line[:7] for line in result.stdout.splitlines()}
    assert "::error" not in starts or format_ == "github"
    if format_ == "github":
        assert all("title=GTS0" in line for line in result.stdout.splitlines())


# the process


def test_many_findings_are_bounded(tmp_path: Path) -> None:
    hosts = "\n".join(f'  host {{ id = "h{index}"; location = "X{index}" }}' for index in range(500))
    (tmp_path / "many.dsl").write_text(f"type A {{\n{hosts}\n}}\n")
    result = gtsdsl("check", "many.dsl", cwd=tmp_path)
    assert result.stdout.count(b"[GTS") == 200
    assert b"more findings" in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_one_message(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "gtsdsl", "check", "wrong.dsl"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=folder,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == b"error: standard output cannot be written: No space left on device\n"


@posix
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.dsl")).write_text(WRONG)
    for format_ in ("text", "json", "sarif", "github", "junit"):
        result = gtsdsl("check", "--format", format_, b"a\xff.dsl", cwd=tmp_path)
        assert result.returncode == 1
        assert b"Traceback" not in result.stderr
        assert result.stdout.decode("utf-8")


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    (tmp_path / "日é.dsl").write_text(WRONG, encoding="utf-8")
    result = gtsdsl("check", "日é.dsl", cwd=tmp_path, PYTHONIOENCODING="latin-1")
    assert result.returncode == 1
    assert b"--> \\u65e5\xe9.dsl:3:" in result.stdout


def test_nothing_heavy_is_imported(folder: Path) -> None:
    script = (
        "import sys; before = set(sys.modules); from gtsdsl.cli import cli\n"  # a .pth file may import modules
        "cli(['check', 'clean.dsl'], standalone_mode=False)\n"
        "heavy = {'networkx', 'rich', 'jsonschema_rs', 'lark', 'pygls', 'xml', 'importlib.metadata'}\n"
        "print(sorted(heavy & set(sys.modules) - before))"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=folder, check=True)
    assert result.stdout == b"[]\n"


def _narrow(folder: Path) -> str:
    """Write a topology whose second of three circuits in a line has the MTU 1400, and return the file's name."""
    middle = "".join(
        f'host {{ id = "h{number}"; location = "BRA"; port {{ id = "p" }}; port {{ id = "q" }} }}\n'
        for number in range(1, 5)
    )
    links = "".join(
        f'link {{ id = "l{number}";{" mtu = 1400;" * (number == 2)} port {{ id = "src" }}; port {{ id = "dst" }} }}\n'
        f"adjacency h{number}.q, l{number}.src\nadjacency h{number + 1}.p, l{number}.dst\n"
        for number in range(1, 4)
    )
    (folder / "narrow.dsl").write_text(f"Narrow {{\n{middle}{links}}}\n", encoding="utf-8")
    return "narrow.dsl"


@posix
@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--overlay", "flannel"], "use --overlay-mtu 1350"),
        (["--overlay", "flannel", "--overlay-ipv6"], "use --overlay-mtu 1330"),
        (["--overlay", "flannel", "--overlay-ipv6", "--overlay-mtu", "1350"], "use --overlay-mtu 1330"),
        (["--overlay", "libnetwork"], "use --overlay-mtu 1350"),
        (["--overlay", "none"], "give all circuits one MTU"),
        (["--overlay", "flannel", "--overlay-mtu", "1350"], None),
    ],
)
def test_an_overlay_that_does_not_fit_a_circuit(folder: Path, options: list[str], hint: str | None) -> None:
    result = check("--format", "json", _narrow(folder), *options)
    found = json.loads(result.stdout)["findings"]
    assert [(it["code"], it["severity"], it["start"]["line"], it["hint"]) for it in found] == (
        [] if hint is None else [("GTS054", "warning", 9, hint)]
    )
    assert result.exit_code == 0
    assert check("--strict", "narrow.dsl", *options).exit_code == (hint is not None)


@posix
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clean.dsl", "--overlay", "flannl"], "unknown overlay flannl; did you mean `flannel`?"),
        (["clean.dsl", "--overlay", "flannel:vxlam"], "flannel has no variant vxlam; did you mean `vxlan`?"),
        (["clean.dsl", "--overlay-mtu", "1350"], "--overlay-mtu needs --overlay"),
        (["clean.dsl", "warned.dsl", "--overlay", "flannel"], "--overlay is for one topology: give one FILE"),
        (["clean.dsl", "--overlay", "geneve", "--overlay-mtu", "70000"], "70000 is not between 68 and 65535"),
        (["clean.dsl", "--overlay", "nebula", "--overlay-ipv6"], "nebula takes no --overlay-ipv6"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_overlay_that_cannot_be_checked(arguments: list[str], message: str) -> None:
    done = gtsdsl("check", *arguments)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@posix
@pytest.mark.usefixtures("folder")
def test_an_overlay_on_a_topology_with_errors() -> None:
    result = check("wrong.dsl", "--overlay", "flannel")
    assert "GTS020" in result.stdout
    assert "GTS054" not in result.stdout
    assert result.exit_code == 1
