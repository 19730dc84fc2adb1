"""`--agent`: what it may say, and what a program must show before it is run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from emulator.agents.choice import choose
from emulator.agents.model import AgentProgram
from emulator.agents.recipes import RECIPES, recipe_of
from emulator.system.errors import EmulationError, OptionError, OverlayError, UntrustedError
from tests.emulator.agents.tiny import tiny_recipe
from tests.emulator.kernel.standins import put

HOSTS = ("h1", "h2", "h3")
FLANNEL = RECIPES["flannel"]


def refusal(text: str) -> str:
    with pytest.raises((OverlayError, OptionError)) as caught:
        choose(text, FLANNEL, HOSTS)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def script(folder: Path, text: str) -> Path:
    return put(folder / "flanneld", f"#!/bin/sh\n{text}\n")


@pytest.mark.parametrize("text", [None, "built-in", "h1=built-in"])
def test_the_built_in_agent_is_no_program(text: str | None) -> None:
    assert choose(text, FLANNEL, HOSTS) == {}


def test_the_real_agent_runs_on_all_hosts_or_on_those_that_are_named(flanneld: AgentProgram) -> None:
    assert choose("real", FLANNEL, HOSTS) == dict.fromkeys(HOSTS, flanneld)
    assert choose("h3=real,h1=built-in", FLANNEL, HOSTS) == {"h3": flanneld}


def test_a_program_of_the_user_is_named_by_its_own_version_and_hash(
    flanneld: AgentProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "my=own,flanneld"
    shutil.copy(flanneld.path, copy)
    expected = AgentProgram("flanneld", "0.28.10", str(copy), flanneld.sha256)
    assert choose(str(copy), FLANNEL, HOSTS) == dict.fromkeys(HOSTS, expected)
    assert expected.title == f"flanneld 0.28.10 (sha256 {flanneld.sha256[:12]})"
    (tmp_path / "link").symlink_to(copy)
    monkeypatch.chdir(tmp_path)
    assert choose("h2=./link", FLANNEL, HOSTS) == {"h2": expected}


@pytest.mark.usefixtures("agents")
def test_an_agent_that_has_not_been_built_is_named_with_the_command() -> None:
    with pytest.raises(EmulationError) as caught:
        choose("real", FLANNEL, HOSTS)
    assert str(caught.value) == "flanneld has not been built: gtsdsl agents build flannel"
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reel", "--agent: no agent is called reel; did you mean `real`?"),
        ("flanneld", "--agent: no agent is called flanneld; choose built-in, real, or a path such as ./flanneld"),
        ("h9=real", "--agent: the topology has no host h9; the hosts are h1, h2, h3"),
        ("h1=real,h2", "--agent: `h2` is not HOST=AGENT, as in h1=real,h3=real"),
        ("h1=", "--agent: `h1=` is not HOST=AGENT, as in h1=real,h3=real"),
        ("h1=real,", "--agent: `` is not HOST=AGENT, as in h1=real,h3=real"),
        ("h1=real,h1=built-in", "--agent: h1 is given twice"),
        ("./none", "./none is no flanneld: No such file or directory"),
        ("/usr", "/usr is no flanneld: it is not a file"),
        ("/bin/true", "/bin/true is no flanneld: --version says "),
        ("/bin/sh", "/bin/sh is no flanneld: --version says "),
    ],
)
def test_what_is_no_agent_is_refused(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(text).startswith(said)


def test_a_link_in_a_hidden_folder_stands_for_the_program_that_it_leads_to(tmp_path: Path) -> None:
    with script(tmp_path, "echo Python 3").open() as program:
        link = f"/proc/self/fd/{program.fileno()}"
        assert refusal(link) == f"{link} is no flanneld: --version says Python 3"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo v1.2.3", "it says that it is version 1.2.3, and has no option -etcd-endpoints"),
        ("echo '\033[31mred'", "--version says \\x1b[31mred"),
        ("echo v1.2.3; echo again", "--version says v1.2.3 again"),
        (":", "--version says nothing"),
        ("exec yes", "flanneld --version does not stop printing"),
    ],
)
def test_a_program_must_answer_to_its_version_and_have_the_options(tmp_path: Path, body: str, said: str) -> None:
    path = script(tmp_path, body)
    assert refusal(str(path)) == f"{path} is no flanneld: {said}"


def test_a_file_that_cannot_be_run(tmp_path: Path) -> None:
    path = script(tmp_path, "")
    path.chmod(0o644)
    assert refusal(str(path)) == f"{path} is no flanneld: it cannot be run (Permission denied)"


@pytest.mark.skipif(not os.access("/run", os.W_OK), reason="needs the right to write in /run")
def test_a_program_that_a_guest_does_not_show_is_refused(flanneld: AgentProgram) -> None:
    path = Path(f"/run/gtsdsl-test-flanneld-{os.getpid()}")
    shutil.copy(flanneld.path, path)
    try:
        assert refusal(str(path)) == (
            f"{path} is no flanneld that a host can run, because each host has its own /run: copy it elsewhere"
        )
    finally:
        path.unlink()


def test_a_program_that_others_may_change_is_not_even_started(tmp_path: Path) -> None:
    path = script(tmp_path, f"touch {tmp_path}/started; echo v1.2.3")
    path.chmod(0o777)
    with pytest.raises(UntrustedError, match="or copy the program to a folder of your own"):
        choose(str(path), FLANNEL, HOSTS)
    assert not (tmp_path / "started").exists()


def test_agents_that_can_be_built_are_named() -> None:
    assert recipe_of("flannel") is FLANNEL
    with pytest.raises(OverlayError, match="no agent is called weaver; choose one of flannel"):
        recipe_of("weaver")


def test_a_recipe_s_hash_follows_its_sources(tmp_path: Path) -> None:
    first = tiny_recipe(tmp_path).digest()
    assert tiny_recipe(tmp_path).digest() == first
    assert tiny_recipe(tmp_path, "package main\n").digest() != first
