"""Short ways from a text to what it comes to: a value, a testbed, findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gtsdsl.evaluate import evaluate
from gtsdsl.model.testbed import Adjacency, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.syntax import parse


class Found(NamedTuple):
    """A finding, as a test states it."""

    code: str
    place: str
    message: str


def read(text: str, parameters: Mapping[str, Value] | None = None) -> tuple[Testbed | None, list[Found]]:
    """Return what a text describes and its findings, before any rule looks at it."""
    source = Source("<test>", text)
    parsed = parse(source)
    evaluated = evaluate(parsed.body, source, parameters)
    found = []
    for diagnostic in (*parsed.diagnostics, *evaluated.diagnostics):
        assert diagnostic.place is not None
        line, column = source.position(source.span(diagnostic.place).start)
        found.append(Found(diagnostic.code, f"{line}:{column}", diagnostic.message))
    return evaluated.testbed, found


def testbed(text: str, parameters: Mapping[str, Value] | None = None) -> Testbed:  # noqa: PT028 (this is not a test)
    """The testbed that a right text describes."""
    made, found = read(text, parameters)
    assert not found
    assert made is not None
    return made


testbed.__test__ = False  # type: ignore[attr-defined]  # pytest: this is not a test


def value(text: str) -> Value:
    """Return the value of the expression on the last line of a text; the lines before are statements."""
    *before, last = text.split("\n")
    return testbed("\n".join(["T {", *before, f"result = {last}", "}"])).attributes["result"]


def failure(text: str) -> Found:
    """Return the finding about the expression on the last line; its location counts from the text's beginning."""
    *before, last = text.split("\n")
    _, found = read("\n".join(["T { def result", *before, f"result = {last}", "}"]))
    assert len(found) == 1, found
    line, _, column = found[0].place.partition(":")
    is_last = int(line) == len(before) + 2
    shifted = int(column) - len("result = ") if is_last else int(column)
    return found[0]._replace(place=f"{int(line) - 1}:{shifted}")


def host(body: str) -> Resource:
    """Return the host that a text between its braces describes."""
    (made,) = testbed(f"T {{ host {{ {body} }} }}").resources
    assert isinstance(made, Resource)
    return made


def names(made: Testbed) -> list[str]:
    """Return the ids of a testbed's resources."""
    return [resource.id for resource in made.resources]


def joins(made: Testbed) -> list[str]:
    """Return a testbed's adjacencies, as ``h1.p1, l1.src``."""
    return [_written(adjacency) for adjacency in made.adjacencies]


def _written(adjacency: Adjacency) -> str:
    return f"{adjacency.first}, {adjacency.second}"
