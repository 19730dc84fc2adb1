"""The proposals at a cursor."""

from __future__ import annotations

import pytest

from gtsdsl.circuits import SITES
from gtsdsl.lsp.analysis import analyse
from gtsdsl.lsp.completion import MAX_PROPOSALS, complete
from gtsdsl.lsp.proposals import ProposalKind
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES
from gtsdsl.model.testbed import Port, PortRef, Resource, Testbed
from gtsdsl.targets import compile_to
from tests.hostile import HOSTILE_IDS, hostile_testbed
from tests.lsp.cursor import LOOP, NESTED, in_mesh, marked, proposals, proposed


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        # ports: the free ones first; those that the statement itself names count as free
        ("adjacency h1.|", ["p2", "p1"]),
        ("adjacency h1.p|", ["p2", "p1"]),
        ("adjacency h1.|p1, l1.src", ["p2", "p1"]),
        ("adjacency(h1.|", ["p2", "p1"]),
        ("adjacency ( h1.|", ["p2", "p1"]),
        ("adjacency(h1.|)", ["p2", "p1"]),
        ("adjacency h1.p2, l1.|", ["src", "dst"]),
        ("adjacency h1.p2,\n    l1.|", ["src", "dst"]),
        ("adjacency(h1.p2, l1.|", ["src", "dst"]),
        ("adjacency nothing.|", []),
        # resources: those with free ports first, then what fits the other end
        ("adjacency |", ["h1", "h2", "l1"]),
        ("adjacency h|", ["h1", "h2", "l1"]),
        ("adjacency(|", ["h1", "h2", "l1"]),
        ("adjacency h1.p2, |", ["h1", "h2", "l1"]),
        # references in a string
        ('adjacency "|"', ["h1.p2", "h2.p2", "h1.p1", "h2.p1", "l1.src", "l1.dst"]),
        ('adjacency "h1.|", l1.src', ["h1.p2", "h2.p2", "h1.p1", "h2.p1", "l1.src", "l1.dst"]),
        # values
        ('vsi { port { mode = "|" } }', ["CONTROL", "DATA"]),
        ('vsi { switchMode = "|" }', ["hard", "soft"]),
        ("vsi { port { mode = '|' } }", ["CONTROL", "DATA"]),
        ('host { flavorId = "|" }', ["tiny", "small", "medium", "large"]),
        ('host { description = "|" }', []),
        # methods
        ("(0..<3).|", "each eachWithIndex collect findAll size join first last contains step".split()),
        ("[1, 2].|", "each eachWithIndex collect findAll size join first last contains step".split()),
        ("def s = 'ab'.|", ["size", "contains", "toUpperCase", "toLowerCase", "toString"]),
        ('def s = "ab".to|', ["size", "contains", "toUpperCase", "toLowerCase", "toString"]),
        ("def xs = [1]; xs.|", "each eachWithIndex collect findAll size join first last contains step".split()),
        ("def s = 'a'; def t = s.|", ["size", "contains", "toUpperCase", "toLowerCase", "toString"]),
        # nothing
        ("// adjacency h1.|", []),
        ("/* adjacency h1.| */", []),
        ("/* adjacency h1.|", []),
        ("def |", []),
        ("def h|", []),
        ("int |", []),
        ("def n = 12|", []),
    ],
)
def test_what_is_proposed(case: str, wanted: list[str]) -> None:
    assert proposed(in_mesh(case)) == wanted


@pytest.mark.parametrize(
    "quotes", ['location = "|"', "location = '|'", 'location="A|"', 'location = "|', "location = '|\n"]
)
def test_sites(quotes: str) -> None:
    found = proposed(in_mesh(f"host {{ {quotes} }}"))
    assert set(found) == {code for site in SITES for code in (site.code, *site.aliases)}


def test_a_site_without_quotes_gets_them() -> None:
    assert '"AMS"' in proposed(in_mesh("host { location = | }"))


def test_a_site_says_its_city() -> None:
    ams = next(it for it in proposals(in_mesh('host { location = "|" }')) if it.text == "AMS")
    assert (ams.detail, ams.kind) == ("Amsterdam, Netherlands", ProposalKind.SITE)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_the_attributes_of_a_class_with_their_meaning(name: str) -> None:
    found = {it.text: it.meaning for it in proposals(in_mesh(f"{name} {{ | }}")) if it.meaning}
    assert dict(CLASSES[name].attributes).items() <= found.items()


@pytest.mark.parametrize(
    ("case", "known"),
    [("host { port { | } }", PORT_ATTRIBUTES), ("vsi { controller { | } }", CONTROLLER_ATTRIBUTES)],
)
def test_the_attributes_of_inner_blocks(case: str, known: dict[str, str]) -> None:
    assert known.keys() <= set(proposed(in_mesh(case)))


@pytest.mark.parametrize(
    ("case", "missing"),
    [
        ('host { id = "h3"; | }', "id"),
        ('host { | ; id = "h3" }', "id"),
        ('host {\n location = "AMS"\n |\n }', "location"),
        ("link { bandwidth = 10\n| }", "bandwidth"),
    ],
)
def test_an_attribute_is_set_once(case: str, missing: str) -> None:
    assert missing not in proposed(in_mesh(case))


def test_the_id_of_a_port_is_not_that_of_its_resource() -> None:
    assert "id" in proposed(in_mesh('host { port { id = "p1" }; | }'))


@pytest.mark.parametrize("case", ["|", "ho|", "for (i in 0..<3) { | }", "if (true) { | }", "(0..<3).each { | }",
                                  "(0..<3).each { i -> | }", "id = 'x'; |"])  # fmt: skip
def test_classes_where_a_statement_begins(case: str) -> None:
    assert {*CLASSES, "adjacency", "port"} <= set(proposed(in_mesh(case)))


@pytest.mark.parametrize(
    "case", ["host { | }", "host { port { | } }", "adjacency |", 'host { location = "|" }', "x = |"]
)
def test_no_classes_elsewhere(case: str) -> None:
    assert not {"vsi", "adjacency"} & set(proposed(in_mesh(case)))


def test_the_top_of_a_file() -> None:
    assert "type" in proposed("|")
    assert "type" in proposed("def n = 3\n|")


def test_break_only_in_loops() -> None:
    assert {"break", "continue"} <= set(proposed(in_mesh("for (i in 0..<3) { | }")))
    assert "break" not in proposed(in_mesh("|"))


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("def count = 3; def x = |", "count"),
        ("for (i in 0..<3) { def x = | }", "i"),
        ("(0..<3).each { j -> def x = | }", "j"),
        ("(0..<3).each { def x = | }", "it"),
        ('def site = "AMS"; host { location = | }', "site"),
        ('def n = 3; host { id = "h${|}" }', "n"),
        ('def n = 3; host { id = "h$|" }', "n"),
        ("def make(a, b = 2) { | }", "b"),
        ("for (int k = 0; k < 3; k++) { def x = | }", "k"),
    ],
)
def test_variables(case: str, name: str) -> None:
    assert name in proposed(in_mesh(case))


@pytest.mark.parametrize(
    "case", ["for (i in 0..<3) { }\n def x = |", "(0..<3).each { i -> }\n def x = |", "def x = |\n def i = 3"]
)
def test_variables_that_are_not_seen(case: str) -> None:
    assert "i" not in proposed(in_mesh(case))


def test_methods_of_the_file() -> None:
    found = next(it for it in proposals("def mesh(n, site = 'AMS') { }\nT { | }") if it.text == "mesh")
    assert (found.kind, found.detail) == (ProposalKind.METHOD, "mesh(n, site)")


def test_types_and_their_parameters() -> None:
    assert "Island" in proposed(NESTED.replace("  link {", "  |\n  link {"))
    assert {"n", "id"} <= set(proposed(NESTED.replace('Island { id = "s1" }', "Island { | }")))


def test_the_ports_of_a_nested_testbed() -> None:
    assert proposed(NESTED.replace("adjacency s1.up, l.src", "adjacency s1.|")) == ["up"]


def test_the_ports_of_a_type_itself() -> None:
    assert "up" in proposed(NESTED.replace("adjacency up,", "adjacency |,"))


def test_ports_and_resources_that_loops_make() -> None:
    assert proposed(LOOP.replace("  for (i in", "  adjacency h0.|\n  for (i in", 1)) == ["p1", "p2"]
    assert {"h0", "h1", "h2"} <= set(proposed(LOOP.replace("  for (i in", "  adjacency |\n  for (i in", 1)))


def test_the_ports_of_what_a_variable_holds() -> None:
    assert proposed(LOOP.replace("l.src", "l.|"))[:2] == ["dst", "src"]
    assert "port" in proposed(LOOP.replace('hosts[i].port("p${j}")', "hosts[i].|"))


def test_a_proposal_takes_the_place_of_the_word() -> None:
    text, offset = marked(in_mesh("adjacency h1.p|9, l1.src"))
    place = complete(text, offset, analyse(text, ""))[0].span
    assert text[place.start : place.end] == "p9"


def test_an_open_string_keeps_what_is_behind_it() -> None:
    text, offset = marked(in_mesh('host { location = "A| ; port { id = 3 } }'))
    place = complete(text, offset, analyse(text, ""))[0].span
    assert text[place.start : place.end] == "A"


def test_hostile_ids_are_proposed_as_data() -> None:
    text = compile_to(hostile_testbed(), "dsl").rstrip()[:-1] + "\n  adjacency "
    found = complete(text, len(text), analyse(text, ""))
    resources = [it.text for it in found if it.kind is ProposalKind.RESOURCE]
    assert resources
    assert all(text.isidentifier() for text in resources)


def test_a_port_that_is_no_word_is_proposed_in_quotes() -> None:
    text = 'T { host { id = "h"; port { id = "a b" }; port { id = "x\\"y" } }\n  adjacency h.|'
    text, offset = marked(text)
    found = {it.text: text[it.span.start : it.span.end] for it in complete(text, offset, analyse(text, ""))}
    assert found == {'"h.a b"': "h.", '"h.x\\"y"': "h."}


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_a_hostile_port_is_proposed_as_itself(hostile: str) -> None:
    ports = (Port(hostile),)
    text = compile_to(Testbed("T", "t", resources=(Resource("host", "h", ports=ports),)), "dsl").rstrip()[:-1]
    text += "\n  adjacency h."
    (found,) = [it for it in complete(text, len(text), analyse(text, "")) if it.kind is ProposalKind.PORT]
    written = text[: found.span.start] + found.text + text[found.span.end :] + ", h.x }"
    testbed = analyse(written, "").check_result.testbed
    assert testbed is not None
    assert testbed.adjacencies[0].first == PortRef("h", hostile)


def test_there_is_a_limit() -> None:
    hosts = "\n".join(f'  host {{ id = "h{number}" }}' for number in range(MAX_PROPOSALS + 500))
    text, offset = marked(f"T {{\n{hosts}\n  adjacency h14|\n}}")
    found = [it.text for it in complete(text, offset, analyse(text, ""))]
    assert len(found) <= MAX_PROPOSALS
    assert {"h14", "h140", "h1499"} <= set(found)


def test_an_old_analysis_serves_a_new_text() -> None:
    old = in_mesh("")
    text, offset = marked(in_mesh("\n\n  adjacency h1.|"))
    assert [it.text for it in complete(text, offset, analyse(old, ""))] == ["p2", "p1"]


def test_a_large_text_is_read_from_near_the_cursor() -> None:
    hosts = "\n".join(f'  host {{ id = "h{number}"; location = "AMS"; port {{ id = "p" }} }}' for number in range(4000))
    whole = f"T {{\n{hosts}\n  HERE\n}}"
    old = analyse(whole.replace("HERE", ""), "")
    for case, wanted in [("adjacency h77.|", "p"), ('host { location = "|" }', "AMS"), ("host { | }", "location"),
                         ("|", "vsi"), ('host { port { mode = "|" } }', "CONTROL")]:  # fmt: skip
        text, offset = marked(whole.replace("HERE", case))
        assert wanted in [it.text for it in complete(text, offset, old)], case
