"""The texts that hovering shows."""

from __future__ import annotations

import re

import pytest

from gtsdsl.diagnostics import CODES
from gtsdsl.lsp import meanings
from gtsdsl.lsp.hover import code, explain, page
from gtsdsl.model.classes import CLASSES
from gtsdsl.targets import compile_to
from tests.hostile import HOSTILE_IDS
from tests.lsp.cursor import LOOP, MESH, NESTED, in_mesh, mark, said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # a link: its two ends, their sites, the time and where the figure comes from
        (mark(MESH, 'l1"'), "`h1.p1` (AMS, Amsterdam) ↔ `h2.p1` (MIL, Milan)"),
        (mark(MESH, "l1.src"), "round trip 36.2 ms: smallest minimum over"),
        (mark(MESH, "l1.src"), "source: "),
        (mark(MESH.replace('"MIL"', '"LON"'), "l1.src"), "ms, estimated ("),
        (
            mark(MESH.replace('id = "l1"', 'id = "l1"; delay = "5ms"'), "l1.src"),
            "one-way delay `5ms`, set by the link",
        ),
        (mark(MESH.replace('"MIL"', '"XYZ"'), "l1.src"), "round trip unknown"),
        (mark(MESH.replace("adjacency h2.p1, l1.dst", ""), "l1.src"), "It does not join two ports yet."),
        (mark(LOOP, "l${i}"), "`h0.p1` (AMS, Amsterdam) ↔ `h1.p0` (MIL, Milan)"),
        (mark(NESTED, 'l";'), "↔"),
        # resources and ports
        (mark(MESH, "h1.p1"), "host `h1`"),
        (mark(MESH, "h1.p1"), "at Amsterdam, Netherlands (AMS)"),
        (mark(MESH, "h1.p1"), "2 ports, 1 in use"),
        (mark(MESH, "p1, l1.src"), "port `p1` of `h1`"),
        (mark(MESH, "p1, l1.src"), "joined with `l1.src`"),
        (mark(LOOP, "h${i}"), "`h2`: at Bratislava, Slovakia (BRA)"),
        (mark(LOOP, "h${i}"), "host `h${i}`: 3 of them"),
        (mark(NESTED, "s2.up"), "Island `s2`"),
        # types, methods, variables
        (mark(NESTED, "Island {"), "`type Island(n = 2)`"),
        (mark(LOOP, "hosts[i]"), "variable `def hosts = (0..<n).collect { i ->`"),
        (mark(LOOP, "n).coll"), "parameter `n = 3`"),
        (mark(LOOP, "i + 1"), "loop variable, of `0..<n`"),
        (mark("def make(a, b = 2) { }\nT { make(1) }", "make(1"), "`def make(a, b = 2)`"),
        # words
        (mark(MESH, "host {"), CLASSES["host"].meaning),
        (mark(MESH, "location"), CLASSES["host"].attributes["location"]),
        (mark(MESH, "AMS"), "at Amsterdam, Netherlands (AMS)"),
        (mark(MESH, "adjacency"), meanings.KEYWORDS["adjacency"]),
        (mark(LOOP, "collect"), meanings.METHODS["collect"]),
        (mark(LOOP, "for ("), meanings.KEYWORDS["for"]),
        (mark(NESTED, 'id = "s1"'), "The testbed's name"),
        (in_mesh("vsi { controller { i|pv4 = 'x' } }"), "The IPv4 address of the OpenFlow controller."),
        (in_mesh("host { port { mo|de = 'CONTROL' } }"), "`CONTROL` for the port by which"),
        (in_mesh("host { location = 'p|rg' }"), "at Prague, Czechia (PRA)"),
        # diagnostics
        ("// see GTS0|12", "**GTS012**: bound passed"),
        (in_mesh("adjacency |h1.gone, l1.src"), "**GTS022**: reference to nothing"),
        (in_mesh('host { id = "h|1" }'), "**GTS020**: duplicate id"),
    ],
)
def test_hover(text: str, wanted: str) -> None:
    assert wanted in said(text)


@pytest.mark.parametrize(
    "text", ["|", "// a |comment", "T { } |", mark(MESH, "= "), 'T { description = "A|MS" }', "1|2"]
)
def test_nothing_to_say(text: str) -> None:
    assert said(text) == ""


@pytest.mark.parametrize("name", sorted(CODES))
def test_each_code_has_a_page(name: str) -> None:
    assert page(name).startswith("file://")
    assert page(name) in explain(name)


@pytest.mark.parametrize("hostile", [*HOSTILE_IDS, "", "`", "``a`", "](javascript:x)", "[x](y)"])
def test_ids_are_code(hostile: str) -> None:
    shown = code(hostile)
    fence = re.match("`+", shown)
    assert fence is not None
    inside = shown[len(fence[0]) : -len(fence[0])]
    assert shown.endswith(fence[0])
    assert all(len(run) != len(fence[0]) for run in re.findall("`+", inside))
    assert shown.isprintable()


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_hostile_ids_are_shown_as_data(hostile: str) -> None:
    from gtsdsl.model.testbed import Resource, Testbed

    text = compile_to(Testbed("T", "t", resources=(Resource("host", hostile, "AMS"),)), "dsl")
    found = said(mark(text, '"', text.index("host") and 3))
    assert "host `" in found
    assert "\x1b" not in found
