"""The shell for a person: its lines, its completion and its history, in this machine's kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from emulator.outside.channel import Channel
from emulator.outside.prompt import _Prompt
from emulator.outside.runner import NativeRunner
from emulator.plan import Options, plan
from emulator.task import Task
from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("h1", "h2"), ("h2", "s1")], ("s1",)), Options(impaired=False, switch="bridge"))


@pytest.fixture
def prompt() -> Iterator[_Prompt]:
    with Channel(NativeRunner(Task(PLAN, "serve"), 60.0), stops=False) as channel:
        yield _Prompt(["c1"], PLAN, channel)


def test_a_line_is_done_beside_the_network_and_exit_is_the_last(
    prompt: _Prompt, capfd: pytest.CaptureFixture[str]
) -> None:
    assert [prompt.onecmd(line) for line in ("h1 echo here", "nobody echo there", "exit")] == [False, False, True]
    said = capfd.readouterr()
    assert "here\n" in said.out
    assert "neither a command nor a host: 'nobody'" in said.out + said.err


def test_the_end_of_the_input_ends_the_shell_on_a_new_line(prompt: _Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt.onecmd("EOF")
    assert capsys.readouterr().out == "\n"


def test_words_are_completed_to_commands_nodes_containers_and_circuits(prompt: _Prompt) -> None:
    assert prompt.completenames("h") == ["help", "h1", "h2"]
    assert prompt.completenames("c") == ["capture", "c1"]
    assert prompt.completedefault("s", "h1 ping s", 8, 9) == ["s1"]
    assert prompt.completedefault("l", "link l", 5, 6) == ["l1", "l2"]


def test_the_history_of_a_session_continues_the_one_before(tmp_path: Path) -> None:
    history = tmp_path / "gtsdsl" / "history"
    history.parent.mkdir()
    history.write_text("nodes\n")
    program, *arguments = command_of(scenarios.run_a_prompt)
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm", "INPUTRC": "/dev/null"}
    child = pexpect.spawn(program, arguments, env=environment, encoding="utf-8", timeout=60, dimensions=(40, 160))
    try:
        child.expect("2 hosts, 1 circuits")
        child.expect("gtsdsl> ")
        child.sendline("h1 echo $((20 + 3))")
        child.expect("23")
        child.expect("gtsdsl> ")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        child.wait()
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
    assert history.read_text() == "nodes\nh1 echo $((20 + 3))\nexit\n"
