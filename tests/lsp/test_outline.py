"""The outline of a text."""

from __future__ import annotations

import pytest

from gtsdsl.lsp.analysis import analyse
from gtsdsl.lsp.outline import MAX_ENTRIES, Entry, outline
from gtsdsl.targets import compile_to
from tests.hostile import hostile_testbed
from tests.lsp.cursor import LOOP, MESH, NESTED


def drawn(entries: list[Entry], depth: int = 0) -> list[str]:
    """Return an outline as lines, two spaces a level."""
    lines = []
    for entry in entries:
        lines += [f"{'  ' * depth}{entry.detail} {entry.name}", *drawn(list(entry.children), depth + 1)]
    return lines


def flat(entries: list[Entry]) -> list[Entry]:
    return [found for entry in entries for found in (entry, *flat(list(entry.children)))]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            MESH.replace("HERE", ""),
            "type Mesh;  host h1;    port p1;    port p2;  host h2;    port p1;    port p2;  link l1;"
            "    port src;    port dst",
        ),
        (LOOP, "type Mesh;  host h${i};    port p${j};  link l${i}_${j};    port src;    port dst"),
        (
            NESTED,
            "type Island;  port up;  host h${it};    port p;    port q;type Pair;  Island s1;  Island s2;  link l;"
            "    port src;    port dst",
        ),
        ("def f() { }\nT { host { } }", "method f;type T;  host host"),
        ("", ""),
        ("}}}", ""),
    ],
)
def test_outline(text: str, wanted: str) -> None:
    assert ";".join(drawn(outline(analyse(text, "").index))) == wanted


def test_the_head_is_inside() -> None:
    text = compile_to(hostile_testbed(), "dsl")
    entries = flat(outline(analyse(text, "").index))
    assert len(entries) > 100
    for entry in entries:
        assert entry.extent.start <= entry.head.start <= entry.head.end <= entry.extent.end
        assert entry.name.isprintable()
        assert entry.name


def test_a_large_text_has_a_short_outline() -> None:
    hosts = "\n".join(f'host {{ id = "h{number}"; port {{ id = "p" }} }}' for number in range(MAX_ENTRIES + 100))
    entries = flat(outline(analyse(f"T {{\n{hosts}\n}}", "").index))
    assert len(entries) <= MAX_ENTRIES + 1
    assert not [entry for entry in entries if entry.detail == "port"]
