"""Renaming: everywhere or not at all."""

from __future__ import annotations

from collections import Counter

import pytest

from gtsdsl.lsp.analysis import analyse
from gtsdsl.lsp.rename import RenameError
from tests.hostile import HOSTILE_IDS
from tests.lsp.cursor import LOOP, MESH, NESTED, in_mesh, mark, renamed


@pytest.mark.parametrize(
    ("text", "piece", "new", "changes"),
    [
        (MESH, "h1.p1", "node", {'id = "h1"': 'id = "node"', "h1.p1": "node.p1"}),
        (MESH, 'h1";', "node", {'id = "h1"': 'id = "node"', "h1.p1": "node.p1"}),
        (MESH, "l1.src", "wire", {'"l1"': '"wire"', "l1.src": "wire.src", "l1.dst": "wire.dst"}),
        (MESH, "src\n", "a", {'"src"': '"a"', "l1.src": "l1.a"}),
        (LOOP, "src\n", "a", {'"src"': '"a"', "l.src": "l.a"}),
        (LOOP, "l.src", "wire", {"def l =": "def wire =", "l.src": "wire.src", "l.dst": "wire.dst"}),
        (LOOP, "hosts =", "xs", {"def hosts": "def xs", "hosts[i]": "xs[i]", "hosts[j]": "xs[j]"}),
        (LOOP, "n = 3", "size", {"n = 3": "size = 3", "..<n": "..<size"}),
        (LOOP, "sites =", "where", {"sites": "where"}),
        (LOOP, "Mesh", "Net", {"Mesh": "Net"}),
        (NESTED, "Island(", "Isle", {"Island": "Isle"}),
        (NESTED, 'up" }', "out", {'"up"': '"out"', "adjacency up,": "adjacency out,", ".up": ".out"}),
        (NESTED, "s1.up", "west", {'"s1"': '"west"', "s1.up": "west.up"}),
        (NESTED, 'q" }', "inner", {'"q"': '"inner"', "h1.q": "h1.inner"}),
        (NESTED, "n = 3", "size", {"(n = 2)": "(size = 2)", "1..n": "1..size", "n = 3": "size = 3"}),
    ],
)
def test_renaming(text: str, piece: str, new: str, changes: dict[str, str]) -> None:
    wanted = text
    for old, better in changes.items():
        wanted = wanted.replace(old, better)
    assert renamed(mark(text, piece), new) == wanted


def test_a_reference_in_a_string() -> None:
    text = in_mesh('adjacency "h1.p2", "l1.src"')
    assert 'adjacency "node.p2", "l1.src"' in renamed(mark(text, "h1.p1"), "node")
    assert 'adjacency "h1.out", "l1.src"' in renamed(mark(text, 'p2", "l1'), "out")


def test_a_method() -> None:
    text = "def make(a) { a }\nT { def x = make(1); make(2) }"
    assert renamed(mark(text, "make(1)"), "build") == text.replace("make", "build")


def test_a_text_that_quotes_an_id_by_its_name() -> None:
    text = in_mesh('def n = 1; host { id = "x"; description = "as ${h1.id}" }')
    assert 'description = "as ${node.id}"' in renamed(mark(text, "h1.p1"), "node")


def test_the_same_name_changes_nothing() -> None:
    assert renamed(mark(MESH, "h1.p1"), "h1") == MESH


def test_what_is_not_named_bare_may_be_called_anything() -> None:
    assert 'id = "a b"' in renamed(mark(in_mesh('host { id = "free" }'), 'free"'), "a b")


@pytest.mark.parametrize(
    ("text", "piece", "new", "why"),
    [
        # made by an expression
        (LOOP, '"h${i}"', "x", 'this id is made by `"h${i}"` in line 3: change that'),
        (LOOP, '"p${j}" } }', "x", 'this port is made by `"p${j}"` in line 4'),
        (LOOP.replace("  for (i in", "  adjacency h0.p1, h1.p0\n  for (i in"), "h0.p1", "x", 'made by `"h${i}"`'),
        (in_mesh('def n = 1; adjacency "h${n}.p2", l1.src'), "h1.p1", "x", 'also named by `"h${n}.p2"` in line 8'),
        (in_mesh('def n = 2; adjacency h1.port("p${n}"), l1.src'), 'p2" }', "x", "in line 8, which is computed"),
        (in_mesh('def s = "h1.p2"; adjacency s, l1.src'), "h1.p1", "x", "mean something else"),
        # taken
        (MESH, "h1.p1", "h2", "there is a resource `h2` already"),
        (MESH, "p1, l1.src", "p2", "there is a port `p2` already"),
        (MESH, "src\n", "dst", "there is a port `dst` already"),
        (NESTED, "Island(", "Pair", "there is a type `Pair` already"),
        (LOOP, "hosts =", "sites", "there is a variable or method `sites` already"),
        (LOOP, "hosts =", "j", "there is a variable or method `j` already"),
        (in_mesh("def a = 1; [1].each { b -> }"), "a = 1", "b", "there is a variable `b` within"),
        (LOOP, "j in", "i", "there is a variable or method `i` already"),
        (in_mesh("def v = 1; def x = h1"), "h1.p1", "v", "`v` is a variable where this resource is named"),
        # no name
        (MESH, "h1.p1", "", "a name cannot be empty"),
        (MESH, "h1.p1", "1h", "`1h` cannot be written as a bare word"),
        (MESH, "h1.p1", "a b", "`a b` cannot be written as a bare word, as it would have to be in line 6"),
        (MESH, "h1.p1", "if", "`if` cannot be written as a bare word"),
        (MESH, "h1.p1", "a.b", "cannot be written as a bare word"),
        (LOOP, "hosts =", "if", "`if` is a word of the language"),
        (LOOP, "hosts =", "a-b", "`a-b` is no name"),
        (LOOP, "Mesh", "", "a name cannot be empty"),
        # nothing to rename
        (MESH, "adjacency", "x", "only ids, ports, variables, types and methods can be renamed"),
        (MESH, "host {", "x", "only ids, ports, variables, types and methods can be renamed"),
        (MESH, "AMS", "x", "only ids, ports, variables, types and methods can be renamed"),
        (MESH, "location", "x", "only ids, ports, variables, types and methods can be renamed"),
    ],
)
def test_refusals(text: str, piece: str, new: str, why: str) -> None:
    with pytest.raises(RenameError) as refusal:
        renamed(mark(text, piece), new)
    assert why in str(refusal.value)


def attempted(text: str, new: str) -> tuple[str, str]:
    """Return the text after a rename, or the refusal."""
    try:
        return renamed(text, new), ""
    except RenameError as refusal:
        return "", str(refusal)


@pytest.mark.parametrize("new", HOSTILE_IDS)
def test_a_hostile_name_is_refused_or_is_data(new: str) -> None:
    text = in_mesh('host { id = "free" }')
    for piece in ("h1.p1", 'free"'):
        found, refusal = attempted(mark(text, piece), new)
        assert refusal.isprintable()
        if not refusal:
            testbed = analyse(found, "").check_result.testbed
            assert testbed is not None
            assert new in [resource.id for resource in testbed.resources]


@pytest.mark.parametrize("text", [MESH.replace("HERE", ""), LOOP, NESTED])
def test_every_name_can_be_renamed_or_is_refused(text: str) -> None:
    before = analyse(text, "").check_result
    codes = Counter(finding.code for finding in before.diagnostics)
    for offset in range(len(text)):
        try:
            after = analyse(renamed(f"{text[:offset]}|{text[offset:]}", "zz9"), "").check_result
        except RenameError:
            continue
        assert Counter(finding.code for finding in after.diagnostics) == codes
        assert after.testbed is not None
        assert before.testbed is not None
        assert len(after.testbed.adjacencies) == len(before.testbed.adjacencies)
