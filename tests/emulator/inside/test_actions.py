"""The steps of a task that ends by itself, in this machine's kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.inside.actions import perform, start
from emulator.mininet.network import EmulatedNetwork
from emulator.outcome import Outcome
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from emulator.task import Command, Task
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("h1", "h2")]), Options(impaired=False))


@pytest.fixture
def network() -> Iterator[EmulatedNetwork]:
    with EmulatedNetwork(PLAN) as network:
        yield network


def ran(outcome: Outcome) -> list[tuple[str, int]]:
    """Return the command lines that ran, each with its exit status."""
    return [(item.command, item.exit_status) for item in outcome.commands]


def test_commands_run_in_order_until_one_fails(network: EmulatedNetwork, capfd: pytest.CaptureFixture[str]) -> None:
    commands = (Command("h1", "echo one"), Command("h2", "exit 3"), Command("h1", "echo two"))
    steps: list[str] = []
    outcome = perform(network, Task(PLAN, commands=commands), steps.append)
    assert outcome.exit_status == 3
    assert ran(outcome) == [("echo one", 0), ("exit 3", 3)]
    assert steps == ["h1: echo one", "h2: exit 3"]
    assert capfd.readouterr().out == "one\n"


def test_a_task_that_keeps_going_has_the_status_of_its_first_failure(network: EmulatedNetwork) -> None:
    commands = (Command("h1", "kill -TERM $$"), Command("h2", "exit 3"), Command("h1", "true"))
    outcome = perform(network, Task(PLAN, commands=commands, keep_going=True), lambda _: None)
    assert outcome.exit_status == 143
    assert [status for _, status in ran(outcome)] == [143, 3, 0]


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("assert net['h1'].name == 'h1'", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no more')", 1, "no more\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("not a python", 1, "SyntaxError: invalid syntax\n"),
    ],
)
def test_a_scripts_end_is_the_tasks(
    network: EmulatedNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    status: int,
    error: str,
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    script = tmp_path / "script.py"
    script.write_text(f"{text}\n")
    assert perform(network, Task(PLAN, script=str(script)), lambda _: None).exit_status == status
    said = capsys.readouterr().err
    assert said.endswith(error)
    assert bool(said) is bool(error)
    assert "actions.py" not in said


def test_a_script_does_not_run_after_a_command_that_failed(network: EmulatedNetwork, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit(7)\n")
    task = Task(PLAN, commands=(Command("h1", "exit 3"),), script=str(script))
    assert perform(network, task, lambda _: None).exit_status == 3


def test_a_command_starts_in_its_host_without_input(network: EmulatedNetwork, tmp_path: Path) -> None:
    with (tmp_path / "out").open("xb") as out:
        assert start(network, "h2", ["sh", "-c", "cat; ls /sys/class/net"], stdout=out.fileno()).wait() == 0
    assert (tmp_path / "out").read_text().split() == ["h2-eth0", "lo"]


def test_a_command_in_an_unknown_host_is_an_error(network: EmulatedNetwork) -> None:
    with pytest.raises(EmulationError, match=r"^unknown host 'h9'$"):
        start(network, "h9", ["true"])
