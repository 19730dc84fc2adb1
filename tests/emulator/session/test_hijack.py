"""In a stranger's folder, nothing runs that is called as what gtsdsl runs: no module, and no program."""

from __future__ import annotations

import json
import shlex
import sys
import tarfile
from pathlib import Path

import pytest

from emulator.kernel.build import missing_tools
from emulator.kernel.cache import Kernel
from tests import hijack
from tests.emulator.kernel.packaged import runs_or_says_why


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stranger")
    hijack.make_folder(path)
    return path


def is_safe(folder: Path, *arguments: str, stdin: str = "", **more: str) -> str:
    """Run gtsdsl there; what it wrote. Nothing of the folder's may have run, and nothing may have failed.

    `doctor` has not failed if it says that no network runs on this machine.
    """
    done = hijack.run(folder, hijack.console_script(), *arguments, stdin=stdin, **more)
    assert hijack.RAN not in done.stdout + done.stderr
    assert not (folder / hijack.RAN).exists()
    assert done.returncode in ({0, 3} if arguments == ("doctor",) else {0}), done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["/usr/bin/env python3 -m gtsdsl", "ping", "sh -c true"])
def test_the_traps_work(tmp_path: Path, command: str) -> None:
    hijack.make_folder(tmp_path)
    done = hijack.run(tmp_path, "/usr/bin/env", *shlex.split(command))
    assert hijack.RAN in done.stderr
    assert (tmp_path / hijack.RAN).exists()


@pytest.mark.parametrize(
    "command",
    [
        "check .",
        "compile pair.dsl",
        "draw pair.dsl -o pair.png",
        "draw pair.dsl -o pair.html",
        "plan pair.dsl",
        "fmt --check pair.dsl",
        "circuits AMS MIL",
        "explain GTS001",
        "completion bash",
        "doctor",
        "kernel info",
        "clean",
    ],
)
def test_commands_that_emulate_nothing(folder: Path, command: str) -> None:
    is_safe(folder, *command.split())


def test_the_server_of_editors(folder: Path) -> None:
    text = (folder / "pair.dsl").read_text()
    opened = {"uri": (folder / "pair.dsl").as_uri(), "languageId": "gts", "version": 1, "text": text}
    requests = (
        {
            "id": 1,
            "method": "initialize",
            "params": {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}},
        },
        {"method": "textDocument/didOpen", "params": {"textDocument": opened}},
        {"id": 2, "method": "shutdown"},
        {"method": "exit"},
    )
    bodies = [json.dumps({"jsonrpc": "2.0", **request}) for request in requests]
    said = is_safe(folder, "lsp", stdin="".join(f"Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies))
    assert '"id":2' in said.replace(" ", "")


@pytest.fixture(params=["uml", "uml-packaged"])
def kernel(request: pytest.FixtureRequest, guest_kernel: Kernel) -> str:
    assert guest_kernel
    if request.param == "uml-packaged" and not runs_or_says_why(
        request.getfixturevalue("gtsdsl"), request.getfixturevalue("packaged")
    ):
        pytest.skip("Debian's packaged guest kernel does not run here")
    return str(request.param)


def test_an_emulation(folder: Path, kernel: str) -> None:
    asked = ["emulate", "pair.dsl", "--kernel", kernel]
    said = is_safe(folder, *asked, "--probe", "--count", "1", "--exec", "h1: ping -c 1 h2", "--exec", "h1: pwd")
    assert f"\n{folder}\n" in said
    # what the user runs is the user's: a Python imports from the working folder
    done = hijack.run(folder, hijack.console_script(), *asked, "--exec", "h1: python3 -c 'import json'")
    assert done.stderr.startswith(f"{hijack.RAN}: {folder}/")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("overlay", [[], ["--overlay", "flannel"], ["--overlay", "geneve"]])
def test_a_shell(folder: Path, overlay: list[str]) -> None:
    lines = "nodes\nlinks\nh1 ping -c 1 h2\npingall\nh1 killall none\niperf\n"
    assert "0% dropped" in is_safe(folder, "emulate", "pair.dsl", *overlay, stdin=lines)


def test_a_guest(folder: Path, kernel: str) -> None:
    is_safe(folder, "guest", "--kernel", kernel, "--", "ping", "-c", "1", "127.0.0.1")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("overlay", ["libnetwork:swarm", "flannel --runtime docker"])
def test_docker(folder: Path, overlay: str) -> None:
    is_safe(folder, "emulate", "pair.dsl", "--probe", "--count", "1", "--overlay", *overlay.split())


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("switch", ["ovs", "bridge"])
def test_switches(folder: Path, switch: str) -> None:
    is_safe(folder, "emulate", "switched.dsl", "--switch", switch, "--exec", "h1: ping -c 1 h2")


@pytest.mark.usefixtures("guest_kernel")
def test_the_kernel_of_the_host(folder: Path) -> None:
    """A guest is the host here, because it has netem."""
    emulate = [hijack.console_script(), "emulate", "pair.dsl", "--kernel", "native", "--exec", "h1: ping -c 1 h2"]
    is_safe(folder, "guest", "--", *emulate)


@pytest.mark.usefixtures("guest_kernel")
def test_a_program_that_uses_the_library(folder: Path) -> None:
    program = "from emulator import emulate\nwith emulate('pair.dsl') as net: net['h1'].run(['ping', '-c1', 'h2'])"
    done = hijack.run(folder, sys.executable, "-P", "-c", program)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_build_of_the_kernel(folder: Path, tmp_path: Path) -> None:
    if missing := missing_tools():
        pytest.skip(f"tools that a build of the kernel needs are missing: {', '.join(missing)}")
    with tarfile.open(tmp_path / "linux.tar", "w") as archive:
        archive.add(__file__, "linux/arch/um/Kconfig")
    build = ["kernel", "build", "--source", str(tmp_path / "linux.tar")]
    done = hijack.run(folder, hijack.console_script(), *build, XDG_CACHE_HOME=str(tmp_path))
    assert "error: the kernel cannot be configured: make says nothing" in done.stderr
    assert hijack.RAN not in done.stderr
