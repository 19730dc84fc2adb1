"""DSL is written so that it can be read, and evaluates to the testbed that it was written from."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from gtsdsl.evaluate import evaluate
from gtsdsl.loading import read_json
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.syntax import parse
from gtsdsl.targets import dsl, gts_json
from tests.hostile import HOSTILE_IDS, hostile_testbed
from tests.strategies import VALUES, valid_testbeds
from tests.targets import golden, small

MANY = settings(max_examples=60)


def evaluated(text: str) -> Testbed:
    source = Source("x.dsl", text)
    parsed = parse(source)
    assert parsed.diagnostics == (), text
    result = evaluate(parsed.body, source)
    assert result.diagnostics == (), text
    assert result.testbed is not None
    return result.testbed


def comes_back(testbed: Testbed) -> str:
    """Check that DSL and JSON give the testbed back, each from the other, and the same text again. Return the DSL."""
    text = dsl.write(testbed)
    again = evaluated(text)
    assert again == testbed
    assert gts_json.write(again) == gts_json.write(testbed)
    read, diagnostics = read_json(Source("x.json", gts_json.write(again)))
    assert diagnostics == ()
    assert read is not None
    assert dsl.write(read) == text
    return text


@pytest.mark.parametrize(
    ("name", "testbed"),
    [
        ("pair", small.pair()),
        ("switches", small.switches()),
        ("islands", small.islands(2, 3, 2)),
        ("equal-islands", small.islands(2, 2)),
        ("empty", Testbed("Nothing", "nothing")),
        ("hostile", hostile_testbed()),
    ],
)
def test_golden(name: str, testbed: Testbed) -> None:
    golden.matches(f"{name}.dsl", comes_back(testbed))


@pytest.mark.slow("writes and reads hundreds of random testbeds")
@given(valid_testbeds())
@MANY
def test_every_testbed_comes_back(testbed: Testbed) -> None:
    comes_back(testbed)


@given(VALUES)
def test_every_value_comes_back(value: Value) -> None:
    comes_back(Testbed("T", "t", attributes={"a": value}, resources=(Resource("host", "h", None, {"a": value}),)))


@pytest.mark.parametrize("text", HOSTILE_IDS)
def test_every_text_is_on_one_line_and_comes_back(text: str) -> None:
    written = dsl.text(text)
    assert len(written.splitlines()) == 1
    assert evaluated(f"T {{ id = {written} }}").id == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", '"plain"'),
        ('a"b', r'"a\"b"'),
        ("a'b", '"a\'b"'),
        ("a\\b", r'"a\\b"'),
        ("$x ${y}", r'"\$x \${y}"'),
        ("\n\r\t\b\f", r'"\n\r\t\b\f"'),
        ("\x00\x1b\x7f", r'"\u0000\u001b\u007f"'),
        ("a\u202eb\u2066c", r'"a\u202eb\u2066c"'),
        ("\u2028\ufeff\u00a0", r'"\u2028\ufeff\u00a0"'),
        ("\U0001f600", '"\U0001f600"'),
        ("\U000e0041", r'"\udb40\udc41"'),  # a tag, which cannot be seen
        ("šķ", '"šķ"'),
        (1, "1"),
        (-1, "-1"),
        (Decimal("100.0"), "100.0"),
        (Decimal("-1e3"), "-1000.0"),
        (True, "true"),
        (None, "null"),
        ([], "[]"),
        ([1, "a"], '[1, "a"]'),
        ({}, "[:]"),
        ({"a": 1, "odd key": 2, "if": 3}, '[a: 1, "odd key": 2, "if": 3]'),
    ],
)
def test_literals(value: Value, written: str) -> None:
    assert dsl.literal(value) == written


def host(attributes: dict[str, Value]) -> str:
    """Return the text in the braces of a host with attributes, without its id."""
    lines = comes_back(Testbed("T", "t", resources=(Resource("host", "h", None, attributes),))).splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines[4:-2])


@pytest.mark.parametrize(
    ("attributes", "written"),
    [
        ({"controller": {"ipv4": "1.2.3.4", "port": 6633}}, 'controller {\n  ipv4 = "1.2.3.4"\n  port = 6633\n}'),
        ({"a": {"b": {"c": 1}}}, "a {\n  b {\n    c = 1\n  }\n}"),
        ({"a": [{"b": 1}, {"b": 2}]}, "a {\n  b = 1\n}\na {\n  b = 2\n}"),
        ({"a": [{"b": 1}]}, "a = [[b: 1]]"),
        ({"a": [{"b": 1}, 2]}, "a = [[b: 1], 2]"),
        ({"a": {"odd key": 1}}, 'a = ["odd key": 1]'),
        ({"a": {"id": 1}}, "a = [id: 1]"),  # as an attribute it would have to be a text
        ({"port": {"id": "p"}}, 'port = [id: "p"]'),  # not a port
        ({"host": {"b": 1}}, "host = [b: 1]"),  # not a host
        ({"type": "x"}, 'type = "x"'),
        ({"type": {"b": 1}}, "type = [b: 1]"),
        ({"it": 1, "size": 2}, "it = 1\nsize = 2"),
    ],
)
def test_nested_blocks(attributes: dict[str, Value], written: str) -> None:
    assert host(attributes) == written


@pytest.mark.parametrize(
    ("resource", "port", "written"),
    [
        ("h1", "p1", "h1.p1"),
        ("h1", "p 1", '"h1.p 1"'),
        ("if", "p1", '"if.p1"'),
        ("h1", "in", '"h1.in"'),
        ("type", "p1", '"type.p1"'),
        ("h.1", "p1", '"h.1.p1"'),
        ("println", "size", "println.size"),
        ("it", "port", "it.port"),
        ("$h", "p", '"\\$h.p"'),
    ],
)
def test_references(resource: str, port: str, written: str) -> None:
    item = Resource("host", resource, None, {}, (Port(port),))
    link = Resource("link", "l", None, {}, small.SRC_DST)
    adjacency = Adjacency(PortRef(resource, port), PortRef("l", "src"))
    text = comes_back(Testbed("T", "t", resources=(item, link), adjacencies=(adjacency,)))
    assert text.splitlines()[-2] == f"  adjacency {written}, l.src"


class TestNested:
    """Nested testbeds become instances of types that are defined first."""

    def test_a_parameter_is_not_taken_for_a_resource_of_its_name(self) -> None:
        inner = Testbed(
            "Inner",
            "s1",
            parameters={"h": 1},
            ports=(Port("h"),),
            resources=(Resource("host", "h", None, {}, (Port("p"),)),),
            adjacencies=(Adjacency(PortRef("", "h"), PortRef("h", "p")),),
        )
        assert '  adjacency "h", "h.p"' in comes_back(Testbed("T", "t", resources=(inner,)))

    def test_what_instances_say_for_themselves(self) -> None:
        plain = small.islands(2, 2, 3)
        first, second, third, link = plain.resources
        assert isinstance(first, Testbed)
        assert isinstance(second, Testbed)
        first = replace(first, description="one", attributes={"x": 1, "label": "a"})
        second = replace(second, description="two", attributes={"x": 1, "label": "b", "y": 3})
        comes_back(replace(plain, resources=(first, second, third, link)))

    def test_parameters_with_the_names_of_attributes(self) -> None:
        for name in ("location", "description", "label", "x"):
            inner = Testbed("Inner", "s1", parameters={name: "AMS"}, resources=(Resource("host", "h", "AMS"),))
            comes_back(Testbed("T", "t", resources=(inner, replace(inner, id="s2"))))

    def test_a_parameter_called_id(self) -> None:
        made = "type Inner(id = 1) { id = id; host { id = \"h\" } }\nT { Inner { id = 'a' }; Inner { id = 'b' } }"
        comes_back(evaluated(made))

    def test_a_hundred_sets_of_parameters(self) -> None:
        comes_back(small.islands(*range(1, 101)))

    def test_types_in_types(self) -> None:
        outer = replace(small.islands(2, 3), type="Outer", id="o", ports=(), parameters={"k": [1, {"a": None}]})
        comes_back(Testbed("T", "t", resources=(outer, replace(outer, id="o2"))))

    def test_a_type_that_holds_itself(self) -> None:
        tree = "type Tree(n = 3) { host { id = 'h' }\n if (n > 1) { Tree { id = 't'; n = n - 1 } } }"
        text = comes_back(evaluated(f"{tree}\nT {{ Tree {{ id = 'r' }} }}"))
        assert text.count("if (") == 3

    @pytest.mark.parametrize(
        ("made", "message"),
        [
            ("attribute", "`a b` cannot be the name of an attribute"),
            ("class", "`no class` cannot be a name"),
            ("type", "`while` cannot be a name"),
            ("parameters", "`s9` has the same type and parameters as another one, and other content"),
            ("collision", "the attribute `q` has the name of a parameter"),
            ("number", "NaN is not a number"),
        ],
    )
    def test_what_cannot_be_said_is_a_value_error(self, made: str, message: str) -> None:
        inner = small.island("s1", 2)
        choices: dict[str, Resource | Testbed] = {
            "attribute": Resource("host", "h", None, {"a b": 1}),
            "class": Resource("no class", "h"),
            "type": replace(inner, type="while"),
            "parameters": replace(inner, id="s9", parameters={"n": 2, "site": "BRA"}, resources=()),
            "collision": replace(inner, parameters={"q": 1}, resources=(Resource("host", "h", None, {"q": 1}),)),
            "number": Resource("host", "h", None, {"a": Decimal("NaN")}),
        }
        others = (inner,) if made == "parameters" else ()
        with pytest.raises(ValueError, match=message):
            dsl.write(Testbed("T", "t", resources=(*others, choices[made])))
