"""GTS JSON is written in its canonical form and read back as the same testbed; what is wrong in it has a place."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.data import shipped
from gtsdsl.diagnostics import Diagnostic
from gtsdsl.loading import read_json as read
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.targets.gts_json import write
from tests.hostile import hostile_testbed
from tests.strategies import valid_testbeds
from tests.targets import golden, small

MANY = settings(max_examples=40)


def reread(text: str) -> Testbed:
    testbed, diagnostics = read(Source("x.json", text))
    assert diagnostics == ()
    assert testbed is not None
    return testbed


def refused(text: str) -> list[tuple[str, str, str]]:
    """Return the code, the message, and the text at its place, of each diagnostic."""
    source = Source("x.json", text)
    testbed, diagnostics = read(source)
    assert diagnostics
    assert testbed is None or all(item.code == "GTS044" for item in diagnostics)
    return [(item.code, item.message, marked(item, source)) for item in diagnostics]


def marked(diagnostic: Diagnostic, source: Source) -> str:
    assert diagnostic.place is not None
    span = source.span(diagnostic.place)
    return source.text[span.start : span.end]


def document(**changes: object) -> str:
    whole = {"gts": "2.0", "type": "T", "id": "t", "resources": [], "adjacencies": []} | changes
    return json.dumps({key: value for key, value in whole.items() if value is not None}, ensure_ascii=False)


HOST = {"class": "host", "id": "h1", "ports": []}


@pytest.mark.parametrize(
    ("name", "testbed"),
    [
        ("pair", small.pair()),
        ("switches", small.switches()),
        ("islands", small.islands(2, 3, 2)),
        ("empty", Testbed("Nothing", "nothing")),
        ("hostile", hostile_testbed()),
    ],
)
def test_golden(name: str, testbed: Testbed) -> None:
    text = write(testbed)
    golden.matches(f"{name}.gts.json", text)
    assert reread(text) == testbed
    assert write(reread(text)) == text


def test_keys_are_in_the_published_order() -> None:
    whole = json.loads(write(replace(small.islands(2, 2), description="d", attributes={"a": 1}, ports=(Port("up"),))))
    order = ["gts", "type", "id", "description", "attributes", "ports", "resources", "adjacencies"]
    assert list(whole) == order
    nested = ["class", "id", "type", "parameters", "ports", "resources", "adjacencies"]
    assert list(whole["resources"][0]) == nested
    assert list(json.loads(write(small.pair()))["resources"][0]) == ["class", "id", "location", "attributes", "ports"]


def test_what_is_empty_is_left_out_but_for_a_resources_ports() -> None:
    testbed = Testbed("T", "t", resources=(Resource("host", "h"),))
    assert list(json.loads(write(testbed))) == ["gts", "type", "id", "resources", "adjacencies"]
    assert json.loads(write(testbed))["resources"] == [{"class": "host", "id": "h", "ports": []}]


def test_empty_texts_are_kept() -> None:
    testbed = Testbed("T", "t", description="", resources=(Resource("host", "h", ""),))
    assert reread(write(testbed)) == testbed


@given(valid_testbeds())
@MANY
def test_text_is_that_of_pythons_encoder(testbed: Testbed) -> None:
    text = write(testbed)
    plain = json.loads(text, parse_float=str)  # json knows no decimals: compare with them as strings
    as_strings = re.sub(r"(?m) (-?\d+\.\d+)(,?)$", r' "\1"\2', text)
    assert as_strings == json.dumps(plain, indent=2) + "\n"


@pytest.mark.slow("writes and reads hundreds of random testbeds")
@given(valid_testbeds())
@MANY
def test_reading_gives_the_testbed_back(testbed: Testbed) -> None:
    text = write(testbed)
    assert reread(text) == testbed
    assert write(reread(text)) == text


@given(valid_testbeds())
@settings(max_examples=20)
def test_output_fits_the_published_schema(testbed: Testbed) -> None:
    schema = json.loads(shipped("docs", "schema", "gts-json-2.0.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(write(testbed)))


@pytest.mark.parametrize("name", ["gts-json-2.0", "editor-json"])
def test_schemas_are_schemas(name: str) -> None:
    schema = json.loads(shipped("docs", "schema", f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1", "1"),
        ("-1", "-1"),
        ("100.0", "100.0"),
        ("0.1", "0.1"),
        ("0.10000000000000000000000000001", "0.10000000000000000000000000001"),
        ("1e3", "1000.0"),
        ("1.5E-2", "0.015"),
        ("-0.0", "0.0"),
        ("9" * 100, "9" * 100),
        ("true", "true"),
        ("null", "null"),
        ("[]", "[]"),
        ("{}", "{}"),
    ],
)
def test_values_keep_their_text(given: str, written: str) -> None:
    text = f'{{"gts":"2.0","type":"T","id":"t","attributes":{{"a":{given}}},"resources":[],"adjacencies":[]}}'
    again = write(reread(text))
    assert f'"a": {written}\n' in again
    assert write(reread(again)) == again


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e200"), Decimal("1e-200")])
def test_what_is_no_number_is_not_written(number: Decimal) -> None:
    with pytest.raises(ValueError, match="number"):
        write(Testbed("T", "t", attributes={"a": number}))


def test_ids_with_dots_find_their_resource() -> None:
    testbed = small.pair()
    assert reread(write(testbed)).adjacencies[1].second == PortRef("h.2", "p1")


@pytest.mark.parametrize(
    ("text", "code", "message", "place"),
    [
        ("", "GTS006", "this is not JSON: expecting value", ""),
        ("{", "GTS006", "this is not JSON: expecting property name enclosed in double quotes", ""),
        ('\ufeff{"gts" 1}', "GTS006", "this is not JSON: expecting ':' delimiter", "1"),
        ("{} x", "GTS006", "this is not JSON: extra data", "x"),
        ("[]", "GTS006", "this must be an object, and is an array", "[]"),
        ("3", "GTS006", "this must be an object, and is a number", "3"),
        (document(gts=None), "GTS006", "`gts` is missing here", document(gts=None)),
        (document(gts="3.0"), "GTS006", 'this must be "2.0"', '"3.0"'),
        (document(id=3), "GTS006", "this must be a string, and is a number", "3"),
        (document(id=""), "GTS006", "this must not be empty", '""'),
        (document(id=None), "GTS006", "`id` is missing here", document(id=None)),
        (document(resources=None), "GTS006", "`resources` is missing here", document(resources=None)),
        (document(resources={}), "GTS006", "this must be an array, and is an object", "{}"),
        (document(resouces=[7]), "GTS006", "the key `resouces` has no meaning here", "[7]"),
        (document(parameters={"a": 1}), "GTS006", "the key `parameters` has no meaning here", '{"a": 1}'),
        (document(type="a b"), "GTS006", "`a b` cannot be a name in the DSL: a name has letters, digits and `_`, "
         "and no digit first", '"a b"'),
        (document(type="T\n"), "GTS006", "`T\\n` cannot be a name in the DSL: a name has letters, digits and `_`, "
         "and no digit first", '"T\\n"'),
        (document(type="while"), "GTS006", "`while` is a word of the DSL and cannot be a name here", '"while"'),
        (document(type="port"), "GTS006", "`port` is a word of the DSL and cannot be a name here", '"port"'),
        (document(attributes={"def": 1}), "GTS006", "`def` is a word of the DSL and cannot be a name here", "1"),
        (document(attributes={"description": "x"}), "GTS006",
         "`description` belongs elsewhere and cannot be an attribute", '"x"'),
        (document(resources=[3]), "GTS006", "this must be an object, and is a number", "3"),
        (document(resources=[{"id": "h"}]), "GTS006", "`class` is missing here", '{"id": "h"}'),
        (document(resources=[{"class": "host"}]), "GTS006", "`id` is missing here", '{"class": "host"}'),
        (document(resources=[HOST | {"class": "port"}]), "GTS006",
         "`port` is a word of the DSL and cannot be a name here", '"port"'),
        (document(resources=[HOST | {"location": None}]), "GTS006", "this must be a string, and is null", "null"),
        (document(resources=[HOST | {"locatoin": "x"}]), "GTS006", "the key `locatoin` has no meaning here", '"x"'),
        (document(resources=[HOST | {"attributes": {"location": "y"}}]), "GTS006",
         "`location` belongs elsewhere and cannot be an attribute", '"y"'),
        (document(resources=[HOST | {"ports": ["p"]}]), "GTS006", "this must be an object, and is a string", '"p"'),
        (document(resources=[HOST | {"ports": [{"id": "p", "if": 1}]}]), "GTS006",
         "`if` is a word of the DSL and cannot be a name here", "1"),
        (document(resources=[{"class": "testbed", "id": "s", "resources": [], "adjacencies": []}]), "GTS006",
         "`type` is missing here", '{"class": "testbed", "id": "s", "resources": [], "adjacencies": []}'),
        (document(adjacencies=[["a.b"]]), "GTS006",
         "this must have two strings, one for each of the two ports that an adjacency joins", '["a.b"]'),
        (document(adjacencies=[["a.b", "c.d", "e.f"]]), "GTS006",
         "this must have two strings, one for each of the two ports that an adjacency joins", '["a.b", "c.d", "e.f"]'),
        (document(adjacencies=[["a.b", 7]]), "GTS006", "this must be a string, and is a number", "7"),
        ('{"gts": "2.0", "id": "a", "id": "b"}', "GTS006", "the key `id` occurs twice in one object", '"b"'),
        (document(attributes={"a": float("nan")}), "GTS006", "`NaN` is not a JSON number", "NaN"),
        (document(attributes={"a": float("-inf")}), "GTS006", "`-Infinity` is not a JSON number", "-Infinity"),
        (document(id="HALF").replace("HALF", "\\ud800"), "GTS006", "`\\ud800` contains half a surrogate pair",
         '"\\ud800"'),
        (document(id="HALF").replace("HALF", "\\udc00\\ud800"), "GTS006",
         "`\\udc00\\ud800` contains half a surrogate pair", '"\\udc00\\ud800"'),
        (document(attributes={"a": 10**100}), "GTS012", "a number has more than 100 digits", str(10**100)),
        (document(attributes={"a": 7}).replace("7", "9" * 5000), "GTS012", "a number has more than 100 digits",
         "9" * 5000),
        (document(attributes={"a": 7}).replace("7", "1e999999999"), "GTS012", "a number has more than 100 digits",
         "1e999999999"),
        (document(attributes={"a": 7}).replace("7", "1e" + "9" * 30), "GTS012", "a number has more than 100 digits",
         "1e" + "9" * 30),
        ("[" * 100_000, "GTS012", "objects and arrays are nested more than 64 deep", "["),
        ('{"a":' * 300 + "1" + "}" * 300, "GTS012", "objects and arrays are nested more than 64 deep", "{"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_code_a_sentence_and_a_place(text: str, code: str, message: str, place: str) -> None:
    assert refused(text) == [(code, message, place)]


def test_several_mistakes_are_all_reported() -> None:
    found = refused(document(type="1", id="", resources=[{"class": "host"}, {"id": "h"}]))
    assert len(found) == 4


def test_a_near_key_is_hinted_at() -> None:
    _, diagnostics = read(Source("x", document(resources=[HOST | {"locatoin": "x"}])))
    assert diagnostics[0].hint == "did you mean `location`?"


def test_a_flood_of_mistakes_ends() -> None:
    assert len(refused(document(resources=[3] * 5000))) == 100
    assert len(refused(document(attributes={"a": [float("nan")] * 5000}))) == 100


def test_surrogate_pairs_are_characters() -> None:
    assert reread(document(id="PAIR").replace("PAIR", "\\ud83d\\ude00")).id == "\U0001f600"


def test_places_are_those_of_the_values() -> None:
    text = write(small.islands(2, 2))
    source = Source("x", text)
    testbed = reread(text)
    nested = testbed.resources[0]
    assert isinstance(nested, Testbed)
    host = nested.resources[1]
    assert isinstance(host, Resource)
    for place, found in [
        (testbed.place, '"islands"'),
        (nested.place, '"s1"'),
        (nested.attribute_places["n"], "2"),
        (nested.ports[0].place, '"up"'),
        (host.place, '"h2"'),
        (host.attribute_places["location"], '"BRA"'),
        (host.ports[0].place, '"q"'),
        (nested.adjacencies[0].first_place, '"up"'),
        (testbed.adjacencies[1].second_place, '"l.dst"'),
    ]:
        assert place is not None
        span = source.span(place)
        assert text[span.start : span.end] == found


class TestNestedTestbedsThatContradictEachOther:
    """Two testbeds that one definition of a type cannot make are GTS044, at the second of them."""

    def check(self, testbed: Testbed, message: str) -> None:
        assert [(code, text) for code, text, _ in refused(write(testbed))] == [("GTS044", message)]

    def test_same_parameters_other_content(self) -> None:
        other = replace(small.island("s2", 3), parameters={"n": 2, "site": "BRA"})
        testbed = small.islands(2, 2)
        testbed = replace(testbed, resources=(testbed.resources[0], other, testbed.resources[2]))
        self.check(testbed, "`s2` has the same type and parameters as another one, and other content")

    @pytest.mark.parametrize("value", [Decimal("2.0"), Decimal("2")])
    def test_parameters_that_the_dsl_takes_for_equal(self, value: Value) -> None:
        testbed = small.islands(2, 3)
        other = replace(small.island("s2", 3), parameters={"n": value, "site": "BRA"})
        testbed = replace(testbed, resources=(testbed.resources[0], other, testbed.resources[2]))
        self.check(testbed, "`s2` has the same type and parameters as another one, and other content")

    def test_other_parameters(self) -> None:
        testbed = small.islands(2, 3)
        other = replace(small.island("s2", 3), parameters={"m": 3})
        testbed = replace(testbed, resources=(testbed.resources[0], other, testbed.resources[2]))
        self.check(testbed, "`s2` has other parameters than another one of its type")

    def test_the_type_of_the_whole(self) -> None:
        testbed = replace(small.islands(2, 2), type="Island")
        message = "is of the same type as the whole testbed"
        assert [text for _, text, _ in refused(write(testbed))] == [f"`s1` {message}", f"`s2` {message}"]

    def test_a_class_that_is_a_type(self) -> None:
        testbed = small.islands(2, 2)
        testbed = replace(testbed, resources=(*testbed.resources, Resource("Island", "x")))
        self.check(testbed, "`x` has the name of a testbed's type for a class")

    def test_equal_ones_are_fine(self) -> None:
        testbed = small.islands(2, 3, 2, 3)
        assert reread(write(testbed)) == testbed


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["gts", "type", "id", "resources", "adjacencies", "class", "ports", "attributes", "x"]),
            inner,
        ),
    ),
    max_leaves=20,
))  # fmt: skip
@MANY
def test_no_document_is_too_odd(value: object) -> None:
    source = Source("x", json.dumps(value))
    for diagnostic in read(source)[1]:
        assert marked(diagnostic, source)


@given(st.data())
@settings(max_examples=100)
def test_no_mutation_gives_a_traceback(data: st.DataObject) -> None:
    text = write(small.islands(2, 2))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    source = Source("x", text[:start] + data.draw(st.text('{}[]":,0x\\', max_size=4)) + text[end:])
    testbed, diagnostics = read(source)
    assert testbed is not None or diagnostics
    for diagnostic in diagnostics:
        assert diagnostic.place is not None
        source.span(diagnostic.place)


def test_adjacencies_to_nothing_are_kept_for_the_rules() -> None:
    testbed = Testbed("T", "t", adjacencies=(Adjacency(PortRef("a", "b"), PortRef("", "c")),))
    assert reread(write(testbed)) == testbed
