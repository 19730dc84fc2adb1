"""Objects that are found by the names of their modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.system.errors import UnknownNameError
from emulator.system.named_modules import NamedModules


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NamedModules]:
    folder = tmp_path / "fruits_of_a_test"
    folder.mkdir()
    for name, text in {"__init__": "", "pear": "FRUIT = 1", "apple": "FRUIT = 2", "base": ""}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield NamedModules("fruits_of_a_test", [str(folder)], "FRUIT", "fruit", ["base"])
    for name in [it for it in sys.modules if it.startswith("fruits_of_a_test")]:
        del sys.modules[name]


def test_names_are_those_of_the_modules(fruits: NamedModules) -> None:
    assert fruits.names == ("apple", "pear")
    assert fruits.find("pear") == 1
    assert "fruits_of_a_test.apple" not in sys.modules  # only the module that was asked for is imported


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pera", "unknown fruit pera; did you mean `pear`?"),
        ("base", "unknown fruit base; choose one of apple, pear"),
        ("", "the name of the fruit is empty; choose one of apple, pear"),
        ("\x1b[1m", "unknown fruit \\x1b[1m; choose one of apple, pear"),
    ],
)
def test_an_unknown_name(fruits: NamedModules, name: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        fruits.find(name)
    assert str(caught.value) == message
