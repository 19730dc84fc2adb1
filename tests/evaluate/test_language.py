"""The forms of a testbed that occur in real files, and the testbed that each describes."""

from __future__ import annotations

import pytest

from gtsdsl.model.values import Value
from tests.evaluate.run import host, joins, names, read, testbed

PAIR = """\
Pair {
  id = "p"
  host { id = "h1" port { id = "p1" } port { id = "p2" } }
  host { id = "h2" port { id = "p1" } }
  link { id = "l1" port { id = "src" } port { id = "dst" } }
  adjacency h1.p1, l1.src
  adjacency h2.p1, l1.dst
}
"""


@pytest.mark.parametrize(
    ("text", "type_", "id_"),
    [
        ("FullMesh { id = 'mesh' }", "FullMesh", "mesh"),
        ("FullMesh { }", "FullMesh", "FullMesh"),
        ("FullMesh\n{ }", "FullMesh", "FullMesh"),
        ("FullMesh{}", "FullMesh", "FullMesh"),
        ("type Star { }", "Star", "Star"),
        ("type Star\n{\n}", "Star", "Star"),
        ("type Star() { }", "Star", "Star"),
        ("type Star(n = 5) { }", "Star", "Star"),
        ("type Star(int n = 5, List sites = ['AMS'], def x = null) { }", "Star", "Star"),
        ("type Star { id = 'other' }", "Star", "other"),
        ("type Star { description = 'd' }\n", "Star", "Star"),
        ("// a note\n\n/* and\nanother */ Star { }", "Star", "Star"),
        ("Star { } // behind", "Star", "Star"),
        ("type { id = 'x' }", "type", "x"),
        ('def n = 2\nStar { id = "s$n" }', "Star", "s2"),
        ('Star { id = "s${f(1)}" }\ndef f(x) { x + 1 }', "Star", "s2"),
        ('type Star(n = 1) { id = "s$n" }\nStar { n = 4 }', "Star", "s4"),
        ("type A { B { id = 'b' } }\ntype B { }", "A", "A"),
        ("type B { }\ntype A { B { id = 'b' } }", "A", "A"),
    ],
)
def test_headers(text: str, type_: str, id_: str) -> None:
    made = testbed(text)
    assert (made.type, made.id) == (type_, id_)


@pytest.mark.parametrize(
    "body",
    [
        'id="h"\nlocation="AMS"',
        'id = "h"\nlocation = "AMS"',
        'id="h" location="AMS"',
        'id = "h"; location = "AMS"',
        'id = "h";location = "AMS";',
        ';; id = "h" ;;\n; location = "AMS"',
        'location = "AMS" id = "h"',
        'id =\n"h"\nlocation\t=\t"AMS"',
        "id = 'h' location = 'AMS'",
        'id = "h" // the id\nlocation = "AMS" /* the site */',
        '/* a */ id /* b */ = /* c */ "h" /* d */ location = "AMS"',
        'id = "h"\r\nlocation = "AMS"\r\n',
        'id = "h"\n\n\n\tlocation = "AMS"',
        'id = "h"\nlocation = "A" + "MS"',
        'id = "h"\nlocation = "A" +\n  "MS"',
        'def site = "AMS"; id = "h"; location = site',
        'id = ("h")\nlocation = true ? "AMS" : "MIL"',
        'if (1 < 2) { id = "h" }\nlocation = "AMS"',
    ],
)
def test_attributes(body: str) -> None:
    made = host(body)
    assert (made.id, made.location, dict(made.attributes)) == ("h", "AMS", {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("bandwidth = 1000", 1000),
        ("bandwidth = '1000'", "1000"),
        ("bandwidth = 10 * 100", 1000),
        ("bandwidth = true", True),
        ("bandwidth = null", None),
        ("bandwidth = [1, [a: 2]]", [1, {"a": 2}]),
        ("bandwidth = 1..3", [1, 2, 3]),
        ("def m = [a: 1]\nbandwidth = m\nm.a = 2", {"a": 1}),
        ("bandwidth = 1\nbandwidth += 2", 3),
        ("bandwidth = 5\nbandwidth -= 2", 3),
        ("bandwidth = 1\nbandwidth++", 2),
        ("def x = 1\nx--\nbandwidth = x", 0),
        ("bandwidth = id + 'x'", "lx"),
        ('bandwidth = "$id-x"', "l-x"),
    ],
)
def test_values_stay_what_they_are(body: str, expected: Value) -> None:
    made = testbed(f"T {{ link {{ id = 'l'\n{body}\n}} }}").resources[0]
    assert made.attributes["bandwidth"] == expected
    assert type(made.attributes["bandwidth"]) is type(expected)


@pytest.mark.parametrize(
    "body",
    [
        'port { id = "p1" } port { id = "p2" } id = "h"',
        'id = "h" port { id = "p1" } port { id = "p2" }',
        'port { id = "p1" } id = "h" port { id = "p2" }',
        'id="h" port{id="p1"}port{id="p2"}',
        'id = "h"; port { id = "p1" }; port { id = "p2" };',
        'id = "h"\n(1..2).each { port { id = "p$it" } }',
        'id = "h"\nfor (i in 1..2) port { id = "p" + i }',
        'id = "h"\n2.times { i -> port {\nid = "p${i + 1}" } }',
        'id = "h"\ndef p(n) { port { id = "p$n" } }\np(1)\np(2)',
        'id = "h"\n["p1", "p2"].each { name -> port { id = name } }',
    ],
)
def test_ports(body: str) -> None:
    if "def p(n)" in body:  # methods stand at the top of a file or a testbed
        made = testbed('T { def p(n) { port { id = "p$n" } }\nhost { id = "h"; p(1); p(2) } }').resources[0]
    else:
        made = host(body)
    assert made.id == "h"
    assert [port.id for port in made.ports] == ["p1", "p2"]


def test_attributes_of_ports() -> None:
    (made,) = testbed(
        "T { vsi { id = 's'; port { id = 'c' mode = 'CONTROL' }; port { id = 'd'; logicalPort = 3 } } }"
    ).resources
    assert [dict(port.attributes) for port in made.ports] == [{"mode": "CONTROL"}, {"logicalPort": 3}]


@pytest.mark.parametrize(
    "adjacency",
    [
        "adjacency h1.p1, l1.src",
        "adjacency(h1.p1, l1.src)",
        "adjacency (h1.p1, l1.src)",
        "adjacency h1.p1,l1.src",
        "adjacency h1.p1,\n  l1.src",
        "adjacency(\n  h1.p1,\n  l1.src\n)",
        "adjacency 'h1.p1', 'l1.src'",
        'adjacency "h${2 - 1}.p1", "l1.src"',
        "adjacency h1.port('p1'), l1.port(\"src\")",
        'adjacency h1.port("p${1}"), l1.src',
        "adjacency [h1][0].p1, [a: l1].a.src",
        "adjacency(h1.p1, l1.src);",
        "adjacency h1.p1, l1.src // note",
        "adjacency /* a */ h1 . p1 , l1 . src",
        "def h = h1\nadjacency h.p1, l1.src",
        "def p = h1.p1\nadjacency p, l1.src",
        "def join(a, b) { adjacency a, b }\njoin(h1.p1, l1.src)",
        "def join = { a, b -> adjacency a, b }\njoin(h1.p1, l1.src)",
        "[[h1.p1, l1.src]].each { a, b -> adjacency a, b }",
        "if (true) adjacency h1.p1, l1.src",
    ],
)
def test_adjacencies(adjacency: str) -> None:
    assert joins(testbed(PAIR.replace("adjacency h1.p1, l1.src", adjacency))) == ["h1.p1, l1.src", "h2.p1, l1.dst"]


def test_an_adjacency_has_its_ends_in_either_order_and_may_stand_first() -> None:
    made = testbed(
        "T { adjacency l.src, h.p\nlink { id = 'l' port { id = 'src' } }\nhost { id = 'h' port { id = 'p' } } }"
    )
    assert joins(made) == ["l.src, h.p"]


@pytest.mark.parametrize(
    ("adjacency", "expected"),
    [
        ("'a.b.p', l.src", "a.b.p, l.src"),
        ('"a.b.p", "l.src"', "a.b.p, l.src"),
        ("a.b.p, l.src", "a.b.p, l.src"),
        ("x.port('p.1'), l.src", "x.p.1, l.src"),
        ("'x.p.1', l.src", "x.p.1, l.src"),
    ],
)
def test_ids_with_dots(adjacency: str, expected: str) -> None:
    made = testbed(f"""T {{
      def x = host {{ id = 'x' port {{ id = 'p.1' }} }}
      host {{ id = 'a.b' port {{ id = 'p' }} }}
      link {{ id = 'l' port {{ id = 'src' }} }}
      adjacency {adjacency}
    }}""")
    assert joins(made) == [expected]
    assert {made.adjacencies[0].first.resource} <= {"a.b", "x", "a"}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("  ", "\t"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n\n",
        lambda text: text.replace("\n", " \t\n"),
        lambda text: text.replace("\n", "\n\n// note\n"),
        lambda text: text.replace(" {", "{"),
        lambda text: text.replace(" {", "\n{"),
        lambda text: text.replace(" = ", "="),
        lambda text: text.replace(" = ", "  =  "),
        lambda text: text.replace("}", "};"),
        lambda text: text.replace('"', "'"),
        lambda text: "\f" + text,
        lambda text: text + "// no end of line",
        lambda text: text + "/* note */",
    ],
)
def test_line_ends_and_space(change: object) -> None:
    assert callable(change)
    assert testbed(change(PAIR)) == testbed(PAIR)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'a'\n+ 'b'", "GTS018"),  # a line of its own: `+ 'b'`
        ("1 +\n 2", None),
        ("1\n- 2", "GTS018"),
        ("(1\n- 2)", None),
        ("[1,\n 2\n]", None),
        ("true &&\n false", None),
        ("true\n && false", None),
        ("true\n ? 1\n : 2", None),
        ("null\n ?: 2", None),
        ("[1, 2]\n .size()", None),
        ("[1, 2].\n size()", None),
        ("1\n * 2", None),
        ("1\n == 2", None),
        ("2 y = 3", None),
        ("2; y = 3", None),
        ("2 host { id = 'h' }", None),
        ("2 adjacency a.b, c.d", None),
        ("2 def z = 3", None),
        ("2 3", "GTS018"),
        ("2 + y = 3", "GTS001"),
    ],
)
def test_where_a_statement_ends(text: str, found: str | None) -> None:
    _, findings = read(f"T {{ x = {text}\n}}")
    assert [each.code for each in findings] == ([found] if found else [])


# ------------------------------------------------------------------------------------------------ structured attributes


def test_a_block_is_a_structured_attribute() -> None:
    made = testbed(
        "T { vsi { id = 's'; controller { ipv4 = '10.0.0.1'; port = 6633; tls { on = true } } } }"
    ).resources[0]
    assert made.attributes == {"controller": {"ipv4": "10.0.0.1", "port": 6633, "tls": {"on": True}}}
    assert sorted(made.attribute_places) == [
        "controller",
        "controller.ipv4",
        "controller.port",
        "controller.tls",
        "controller.tls.on",
    ]


def test_repeated_blocks_make_a_list() -> None:
    text = "T { vsi { id = 's'; (1..3).each { controller { ipv4 = \"10.0.0.$it\" } } } }"
    made = testbed(text).resources[0]
    assert made.attributes == {"controller": [{"ipv4": f"10.0.0.{number}"} for number in (1, 2, 3)]}
    assert sorted(made.attribute_places) == ["controller", *(f"controller.{number}.ipv4" for number in (0, 1, 2))]


def test_a_block_inside_a_port() -> None:
    made = testbed("T { host { id = 'h'; port { id = 'p'; vlan { tag = 5 } } } }").resources[0]
    assert made.ports[0].attributes == {"vlan": {"tag": 5}}


# ------------------------------------------------------------------------------------------------ nested testbeds

ISLAND = """
type Island(n = 2, String site = "BRA", List names = []) {
  description = "island of $n"
  port { id = "up" }
  (1..n).each { host { id = "h$it"; location = site; port { id = "p" } } }
  adjacency up, h1.p
}
"""


def test_nested_testbeds() -> None:
    made = testbed(
        ISLAND
        + """type Pair {
          Island { id = "s1" }
          def s2 = Island { id = "s2"; n = 3; site = "AMS"; names = ["a"] }
          link { id = "l"; port { id = "src" }; port { id = "dst" } }
          adjacency s1.up, l.src
          adjacency s2.up, l.dst
        }"""
    )
    first, second, link = made.resources
    assert (made.type, made.id, dict(made.parameters)) == ("Pair", "Pair", {})
    assert not isinstance(first, type(link))
    assert (first.id, dict(first.parameters)) == ("s1", {"n": 2, "site": "BRA", "names": []})  # type: ignore[union-attr]
    assert (second.id, dict(second.parameters)) == ("s2", {"n": 3, "site": "AMS", "names": ["a"]})  # type: ignore[union-attr]
    assert names(first) == ["h1", "h2"]  # type: ignore[arg-type]
    assert names(second) == ["h1", "h2", "h3"]  # type: ignore[arg-type]
    assert joins(second) == ["up, h1.p"]  # type: ignore[arg-type]
    assert [port.id for port in first.ports] == ["up"]
    assert joins(made) == ["s1.up, l.src", "s2.up, l.dst"]


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("type A(n) { }\ntype B { A { id = 'a' } }", "GTS015", "2:10", "the type `A` gets no value for its parameter `n`"),  # noqa: E501 (a case a line)
        ("type A(int n) { }\ntype B { A { id = 'a'; n = 'x' } }", "GTS011", "2:10", "`int n` is a whole number, not a string"),  # noqa: E501 (a case a line)
        ("type A { A { id = 'a' } }", "GTS012", "1:14", "testbeds are nested more than 20 deep"),
        ("type A { B { id = 'b' } }\ntype B { A { id = 'a' } }", "GTS016", "1:6", "every type is used by another: none is the root"),  # noqa: E501 (a case a line)
        ("type A { }\ntype B { }", "GTS016", "2:6", "`B` is a root type, and so is `A`"),
        ("A { }\nB { }", "GTS016", "2:1", "`B` is a root type, and so is `A`"),
        ("type A { }\ntype A { }", "GTS020", "2:6", "type `A` is defined twice"),
        ("type A { type B { } }", "GTS018", "1:15", "the type `B` is defined inside a block or a statement"),
        ("type A { host { id = 'h'; host { id = 'i' } } }", "GTS018", "1:27", "a `host` cannot stand inside a `host`"),
        ("type A { link { adjacency a.b, c.d } }", "GTS018", "1:17", "an adjacency stands inside a `link`"),
        ("adjacency a.b, c.d\nA { }", "GTS018", "1:1", "an adjacency stands outside of a testbed"),
        ("x = 1\nA { }", "GTS018", "1:1", "`x` is set outside of a testbed"),
        ("A { host { a -> id = a } }", "GTS018", "1:5", "the braces of a resource take no parameters"),
        ("A { adjacency h1, h2.p\nhost { id = 'x' } \ndef h1 = host { id = 'y' }\nadjacency h1, x.p }", "GTS011", "4:11", "an adjacency joins ports, not a `host`"),  # noqa: E501 (a case a line)
        ("A { break }", "GTS018", "1:5", "`break` stands outside of a loop"),
        ("A { id = 5 }", "GTS039", "1:10", "`id` is a string, not a number"),
        ("A { host { location = ['AMS'] } }", "GTS039", "1:23", "`location` is a string, not a list"),
        ("A { host { id = 'a'; id = 'b' } }", "GTS029", "1:22", "`id` is set twice"),
        ("A { host { imageId = { 1 } } }", "GTS011", "1:22", "a closure cannot be the value of an attribute"),
        ("A { host { id } }", "GTS018", "1:12", "`id` alone does nothing"),
        ("A { 5 }", "GTS018", "1:5", "a value that stands alone does nothing"),
        ("import java.io.File\nA { }", "GTS014", "1:1", "`import` is not part of the language"),
        ("A { new File('x') }", "GTS014", "1:5", "`new` is not part of the language"),
        ("A { def x = 1\nx() }", "GTS010", "2:1", "there is no method `x`"),
    ],
)  # fmt: skip
def test_what_cannot_stand(text: str, code: str, place: str, message: str) -> None:
    assert read(text)[1] == [(code, place, message)]


# ------------------------------------------------------------------------------------------------ parameters


MESH = "type Mesh(n = 2, sites = ['AMS'], deep = n + 1) { (1..n).each { host { id = \"h$it\"; location = sites[0] } } }"


def test_parameters_have_defaults_that_see_those_before() -> None:
    made = testbed(MESH)
    assert dict(made.parameters) == {"n": 2, "sites": ["AMS"], "deep": 3}
    assert names(made) == ["h1", "h2"]


def test_parameters_are_set_from_outside() -> None:
    made = testbed(MESH, {"n": 3, "sites": ["MIL"]})
    assert dict(made.parameters) == {"n": 3, "sites": ["MIL"], "deep": 4}
    assert {host.location for host in made.hosts} == {"MIL"}


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        ({"m": 1}, "GTS017", "`Mesh` has no parameter `m`"),
        ({"n": "x"}, "GTS011", "a range goes from a whole number to another, not from a number to a string"),
    ],
)
def test_parameters_that_cannot_be_set(parameters: dict[str, Value], code: str, message: str) -> None:
    found = read(MESH.replace("deep = n + 1", "deep = 1"), parameters)[1]
    assert [(each.code, each.message) for each in found] == [(code, message)]
