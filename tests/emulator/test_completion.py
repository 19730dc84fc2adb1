"""The words that complete a line of the shell."""

from __future__ import annotations

import pytest

from emulator.completion import complete
from emulator.inside.shell import Shell
from gtsdsl.topology.naming import SHELL_COMMANDS


def test_the_commands_are_the_methods_of_the_shell() -> None:
    methods = {name.removeprefix("do_") for name in dir(Shell) if name.startswith("do_")}
    assert {*SHELL_COMMANDS} == methods - {"EOF"}


@pytest.mark.parametrize(
    ("before", "text", "found"),
    [
        ("", "switc", ["switch"]),
        ("", "h", ["help", "h1", "h2"]),
        ("link ", "l", ["l1", "l2"]),
        ("link l1 ", "d", ["down", "delay", "duplicate"]),
        ("capture ", "l2", ["l2"]),
        ("capture l1 ", "s", ["stop"]),
        ("h1 ping ", "h", ["h1", "h2"]),
        ("h1 ping ", "x", []),
    ],
)
def test_words(before: str, text: str, found: list[str]) -> None:
    assert complete(["h1", "h2"], ["l1", "l2"], before, text) == found
