"""Definitions and references."""

from __future__ import annotations

import pytest

from tests.lsp.cursor import LOOP, MESH, NESTED, defined, in_mesh, mark, used

METHODS = """def count = 2
def island(name, where = "AMS") {
  host { id = name; location = where; port { id = "p" } }
}
T {
  def a = island("x")
  island("y", "MIL")
  (1..count).each { n -> host { id = "h${n}"; port { id = "p" } } }
  adjacency a.p, "h1.p"
}
"""


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (mark(MESH, "h1.p1"), ["3: h1"]),
        (mark(MESH, "p1, l1.src"), ["3: p1"]),
        (mark(MESH, "l1.src"), ["5: l1"]),
        (mark(MESH, "src\n"), ["5: src"]),
        (mark(MESH, "p1, l1.dst"), ["4: p1"]),
        (mark(MESH, 'h1"; location'), ["3: h1"]),
        (in_mesh('adjacency "|h1.p1", l1.src'), ["3: h1"]),
        (in_mesh('adjacency "h1.p|1", l1.src'), ["3: p1"]),
        (in_mesh("adjacency '|h2.p2', l1.src"), ["4: h2"]),
        (in_mesh("def x = |h1"), ["3: h1"]),
        (in_mesh("adjacency |gone.p1, l1.src"), []),
        (in_mesh("adjacency h1.|gone, l1.src"), []),
        (in_mesh("adjacency|"), []),
        ("|", []),
        # what a loop makes
        (mark(LOOP, "hosts[i].port"), ["2: hosts"]),
        (mark(LOOP, "n).collect"), ["1: n"]),
        (mark(LOOP, "sites[i]"), ["1: sites"]),
        (mark(LOOP, "l.src"), ["8: l"]),
        (mark(LOOP, "src\n"), ["8: src"]),
        (mark(LOOP, "i}_${j}"), ["6: i"]),
        (mark(LOOP, 'port("p${j}")', 1), ['4: "p${j}"']),
        (LOOP.replace("  for (i in", "  adjacency |h0.p1, h1.p0\n  for (i in"), ['3: "h${i}"']),
        (LOOP.replace("  for (i in", "  adjacency h0.p|1, h1.p0\n  for (i in"), ['4: "p${j}"']),
        # types and their ports
        (mark(NESTED, 'Island { id = "s1"'), ["1: Island"]),
        (mark(NESTED, "up, l.src"), ["2: up"]),
        (mark(NESTED, "up, h1.q"), ["2: up"]),
        (mark(NESTED, "h1.q"), ['3: "h${it}"']),
        (mark(NESTED, "q\n"), ["3: q"]),
        (mark(NESTED, "s1.up"), ["7: s1"]),
        (mark(NESTED, "n = 3"), ["1: n"]),
        # methods and variables
        (mark(METHODS, 'island("x")'), ["2: island"]),
        (mark(METHODS, 'island("y"'), ["2: island"]),
        (mark(METHODS, "name; location"), ["2: name"]),
        (mark(METHODS, "where; port"), ["2: where"]),
        (mark(METHODS, "count).each"), ["1: count"]),
        (mark(METHODS, "a.p"), ["6: a"]),
        (mark(METHODS, "n}"), ["8: n"]),
        ("def f() { n }\ndef n = 1\nT { def x = f() + |n }", ["2: n"]),
        ("def f() { |n }\ndef n = 1\nT { }", ["2: n"]),
        ("T { def n = 1; if (true) { def n = 2; def x = |n } }", ["1: n"]),
        ("T { def n = 1\n { n -> |n } }", []),
        ("T {\ndef n = 1\n[1].each { n ->\n |n } }", ["3: n"]),
        ("T {\ndef n = 1\n[1].each { m ->\n |n } }", ["2: n"]),
        ("T {\ndef n = 1\nn = |n + 1 }", ["2: n"]),
        ("T {\ndef n = 1\n|n += 1 }", ["2: n"]),
        ("T {\ndef n = 1\nfor (n in 0..<|n) { } }", ["2: n"]),
        ("T {\nfor (n in 0..<3) { def x = |n } }", ["2: n"]),
        ("T {\nfor (int k = 0; |k < 3; k++) { } }", ["2: k"]),
        ('T {\ndef m = "a"\nhost { id = "x$|m" } }', ["2: m"]),
        ('T {\ndef id = "a"\nhost { id = |id } }', ["2: id"]),
        ('T {\ndef id = "a"\nhost { |id = "x" } }', []),
    ],
)
def test_definitions(text: str, places: list[str]) -> None:
    assert defined(text) == places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (mark(MESH, 'h1"; location'), ["3: h1", "6: h1"]),
        (mark(MESH, "h1.p1"), ["3: h1", "6: h1"]),
        (mark(MESH, "l1.src"), ["5: l1", "6: l1", "7: l1"]),
        (mark(MESH, "p1, l1.src"), ["3: p1", "6: p1"]),
        (mark(MESH, 'p2" } }'), ["3: p2"]),
        (in_mesh('adjacency "h1.p|2", l1.src'), ["3: p2", "8: p2"]),
        (in_mesh("def x = |h1"), ["3: h1", "6: h1", "8: h1"]),
        (mark(LOOP, "l.src"), ["8: l", "9: l", "10: l"]),
        (mark(LOOP, "hosts ="), ["2: hosts", "9: hosts", "10: hosts"]),
        (mark(LOOP, "src\n"), ["8: src", "9: src"]),
        (mark(NESTED, "Island {"), ["1: Island", "7: Island", "8: Island"]),
        (mark(NESTED, "Island(n"), ["1: Island", "7: Island", "8: Island"]),
        (mark(NESTED, "n = 2"), ["1: n", "3: n", "8: n"]),
        (mark(NESTED, 'up" }'), ["2: up", "4: up", "10: up", "11: up"]),
        (mark(METHODS, "island(name"), ["2: island", "6: island", "7: island"]),
        (mark(METHODS, "name,"), ["2: name", "3: name"]),
        (mark(METHODS, "count ="), ["1: count", "8: count"]),
        ("|", []),
    ],
)
def test_references(text: str, places: list[str]) -> None:
    assert used(text) == places


def test_ids_of_one_type_are_none_of_another() -> None:
    text = 'type A { host { id = "h" } }\ntype B { A { id = "a" }\n host { id = "h" }\n def x = h }'
    assert used(mark(text, 'h" } }')) == ["1: h"]
    assert used(mark(text, "h }")) == ["3: h", "4: h"]


def test_a_text_that_is_being_typed() -> None:
    assert defined(in_mesh("adjacency h1\n  adjacency |h2.p2, l1.dst")) == ["4: h2"]
    assert defined(MESH.replace("\n}\n", "\n").replace("HERE", "adjacency |h2.p2, l1.dst")) == ["4: h2"]
