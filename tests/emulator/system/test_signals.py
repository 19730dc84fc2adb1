"""A signal that ends a process is never lost, whatever Python was doing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.emulator import scenarios
from tests.emulator.play import command_of
from tests.emulator.samples import HANG_S


def output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=True).stdout


def test_a_signal_during_an_import_comes_again_after_it(tmp_path: Path) -> None:
    assert output(command_of(scenarios.wait_after_a_signal_in_an_import, tmp_path)) == "ended\n"


def test_only_the_first_signal_raises() -> None:
    assert output(command_of(scenarios.get_a_second_signal_while_cleaning_up)) == "ended\n"
