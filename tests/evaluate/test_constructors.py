"""A type with a method of its own name, as DSL 1.0 has it: the method is run when a testbed of the type is made."""

from __future__ import annotations

import pytest

from gtsdsl.loading import check
from gtsdsl.model.testbed import Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.source import Source

HOSTS = '(1..nVM).each { host { id = "h${it}"; location = "AMS"; port { id = "p" } } }'
LAB = "Lab { Integer nVM\n def Lab(nVM = 2) { this.nVM = nVM; build() }\n def build() { HOSTS } }".replace(
    "HOSTS", HOSTS
)


def made(text: str, parameters: dict[str, Value] | None = None) -> Testbed:
    checked = check(Source("x.dsl", text), parameters)
    assert [str(it.message) for it in checked.diagnostics if it.is_error] == []
    assert checked.testbed is not None
    return checked.testbed


def ids(testbed: Testbed) -> list[str]:
    return [resource.id for resource in flatten(testbed).resources]


@pytest.mark.parametrize("header", ["Lab", "type Lab"])
def test_a_constructor_runs_with_its_defaults(header: str) -> None:
    assert ids(made(LAB.replace("Lab {", f"{header} {{", 1))) == ["h1", "h2"]


def test_its_parameters_are_those_of_the_type() -> None:
    testbed = made(LAB, {"nVM": 4})
    assert ids(testbed) == ["h1", "h2", "h3", "h4"]
    assert testbed.parameters == {"nVM": 4}


def test_a_testbed_inside_another_sets_them() -> None:
    text = f'type {LAB}\n type Two {{ Lab {{ id = "a"; nVM = 1 }}\n Lab {{ id = "b" }} }}'
    assert ids(made(text)) == ["a/h1", "b/h1", "b/h2"]


@pytest.mark.parametrize(
    "body",
    [
        'def n = 1\n def Lab() { this.n = 3; build() }\n def build() { n.times { host { id = "h${it}" } } }',
        'def n = 1\n def Lab() { n = 3; this.build() }\n def build() { n.times { host { id = "h${it}" } } }',
        'def n = 1\n def Lab() { this.n += 2; build(this.n) }\n def build(c) { c.times { host { id = "h${it}" } } }',
    ],
)
def test_this_is_the_testbed(body: str) -> None:
    assert ids(made(f"Lab {{ {body} }}")) == ["h0", "h1", "h2"]


def test_attributes_of_the_testbed_are_set_too() -> None:
    testbed = made('Lab { def Lab() { this.id = "x"; this.description = "y"; host { id = "h" } } }')
    assert (testbed.id, testbed.description) == ("x", "y")


def test_it_runs_after_the_body() -> None:
    assert ids(made('Lab { def Lab() { host { id = "late" } }\n host { id = "early" } }')) == ["early", "late"]


def test_with_parameters_of_the_type_it_has_its_defaults() -> None:
    text = 'type Lab(n = 1) { def Lab(m = 2) { (n + m).times { host { id = "h${it}" } } } }'
    assert len(ids(made(text))) == 3


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ('Lab { def Lab(n) { host { id = "h" } } }', "GTS015", "the type `Lab` gets no value for its parameter `n`"),
        ('type Lab(n = 1) { def Lab(m) { host { id = "h" } } }', "GTS015", "`Lab` gets no value for its parameter `m`"),
        ("Lab { def Lab() { this.nope = 1 } }", "GTS010", "testbed `Lab` has no `nope`"),
        ("Lab { def number = 1\n def Lab() { def y = this.numbr } }", "GTS010", "testbed `Lab` has no `numbr`"),
        ("Lab { def Lab() { this.build() } }", "GTS010", "there is no method `build`"),
        ("Lab { def Lab() { def y = this } }", "GTS014", "`this` is not part of the language"),
        ("Lab { def Lab() { this.class.forName('x') } }", "GTS014", "`class` is not part of the language"),
        ("Lab { def Lab() { this['class'] } }", "GTS011", "the testbed has no items"),
        ("Lab { def Lab() { Lab() } }", "GTS012", "more than 50 calls of methods and closures are nested"),
        (
            'def y = this.x\nLab { host { id = "h" } }',
            "GTS014",
            "`this` is not part of the language outside of a testbed",
        ),
    ],
)
def test_what_goes_wrong_has_a_sentence(text: str, code: str, message: str) -> None:
    found = [(it.code, it.message) for it in check(Source("x.dsl", text)).diagnostics if it.is_error]
    assert found == [(code, message)]
