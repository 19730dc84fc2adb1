"""The page of the architecture: it has each room, in its order, and names only what exists."""

from __future__ import annotations

import importlib
import itertools
import re
from pathlib import Path

import pytest

from tests.test_rooms import ORDERS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "dev" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ORDERS)
def test_the_page_has_each_room_in_its_order(package: str) -> None:
    table = PAGE.partition(f"\n### {package}\n")[2].partition("\n#")[0]
    rooms = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert rooms == [room for room in ORDERS[package] if not room.startswith("__")]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:gtsdsl|emulator|tests|grammar)/[\w./]*)`", PAGE))))
def test_a_path_that_the_page_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:gtsdsl|emulator)(?:\.\w+)+)`", PAGE))))
def test_what_the_page_names_by_its_module_exists(name: str) -> None:
    parts = name.split(".")
    found: object = None
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        break
    for attribute in parts[count:]:
        found = getattr(found, attribute)
    assert found is not None


HALVES = re.findall(
    r"^(?:Outside|Inside):\n\n\| function \| hands on \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE
)
"""The rows of each half of a walk of a value."""


def test_no_walk_returns_to_a_room_that_it_has_left() -> None:
    assert len(HALVES) == 8
    for rows in HALVES:
        rooms = [".".join(name.split(".")[:2]) for name in re.findall(r"^\| `([\w.]+)` \|", rows, re.MULTILINE)]
        assert len(rooms) == len(rows.splitlines())
        visits = [room for room, _ in itertools.groupby(rooms)]
        assert len(visits) == len(set(visits)), visits


def test_the_classes_that_the_glossary_names_exist() -> None:
    page = (ROOT / "docs" / "dev" / "glossary.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for room in ORDERS for path in (ROOT / room).rglob("*.py"))
    named = set(re.findall(r"`(?:\w+\.)?([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", page))
    assert len(named) > 20
    assert {name for name in named if f"class {name}" not in code} == set()
