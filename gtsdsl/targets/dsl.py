"""From a testbed to DSL with every loop, variable and parameter expanded, formatted, that gives the testbed again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

from gtsdsl.diagnostics import printable
from gtsdsl.nested import nested_types
from gtsdsl.references import is_attribute_name, is_name
from gtsdsl.testbed import (
    HOST_CLASSES,
    LINK_CLASS,
    SWITCH_CLASSES,
    TESTBED_CLASS,
    Port,
    PortRef,
    Resource,
    Testbed,
    Value,
    decimal_text,
)

_STEP = "  "
_NOT_A_NESTED_BLOCK = HOST_CLASSES | SWITCH_CLASSES | {LINK_CLASS, TESTBED_CLASS, "port"}
"""Blocks of these names are resources and ports wherever they stand: an attribute so called is written as a map."""


def write(testbed: Testbed) -> str:
    """The testbed as DSL.

    Each type that a nested testbed was made from becomes a definition before the testbed itself. Where testbeds of one
    type differ in parameters and content, the definition chooses by the parameters that differ.

    Raises:
        ValueError: the testbed cannot be said in the DSL: a class, type or attribute has a name that the language
            cannot write, two nested testbeds of one type contradict each other, or a value is no finite number.
    """
    types = nested_types(testbed)
    for contradiction in types.contradictions:
        raise ValueError(f"`{printable(contradiction.element.id)}` {contradiction.message}: no one type makes both")
    lines: list[str] = []
    for name, instances in types.instances.items():
        lines += [*_definition(name, instances, types.instances), ""]
    lines += [f"{_class_name(testbed.type)} {{", f"{_STEP}id = {text(testbed.id)}"]
    lines += [*_body(testbed, _STEP, types.instances), "}"]
    return "\n".join(lines) + "\n"


def _definition(name: str, instances: list[Testbed], types: Collection[str]) -> Iterator[str]:
    """The definition of a type from what was made of it: instances that differ in their parameters."""
    parameters = instances[0].parameters
    heads = ", ".join(f"{_class_name(parameter)} = {literal(value)}" for parameter, value in parameters.items())
    yield f"type {_class_name(name)}{f'({heads})' if heads else ''} {{"
    bodies = [list(_body(instance, _STEP, types)) for instance in instances]
    if all(body == bodies[0] for body in bodies):
        yield from bodies[0]
    else:
        differing = [key for key in parameters if any(other.parameters[key] != parameters[key] for other in instances)]
        word = "if"
        for instance in instances:
            condition = " && ".join(f"{key} == {literal(instance.parameters[key])}" for key in differing)
            yield f"{_STEP}{word} ({condition}) {{"
            yield from _body(instance, _STEP * 2, types)
            word = "} else if"
        yield f"{_STEP}}}"
    yield "}"


def _body(testbed: Testbed, pad: str, types: Collection[str]) -> Iterator[str]:
    """What stands in a testbed's block, but for its id."""
    if testbed.description is not None:
        yield f"{pad}description = {text(testbed.description)}"
    for name, value in testbed.attributes.items():
        yield f"{pad}{_attribute_name(name)} = {literal(value)}"  # a block here would be a resource
    for port in testbed.ports:
        yield from _port(port, pad, types)
    for item in testbed.resources:
        yield from _instance(item, pad) if isinstance(item, Testbed) else _resource(item, pad, types)
    taken = testbed.parameters.keys() | {"it"}
    resources = {item.id for item in testbed.resources}
    for adjacency in testbed.adjacencies:
        first = _reference(adjacency.first, taken, resources)
        second = _reference(adjacency.second, taken, resources)
        yield f"{pad}adjacency {first}, {second}"


def _instance(testbed: Testbed, pad: str) -> Iterator[str]:
    yield f"{pad}{_class_name(testbed.type)} {{"
    yield f"{pad}{_STEP}id = {text(testbed.id)}"
    for name, value in testbed.parameters.items():
        yield f"{pad}{_STEP}{_attribute_name(name)} = {literal(value)}"
    yield f"{pad}}}"


def _resource(resource: Resource, pad: str, types: Collection[str]) -> Iterator[str]:
    inner = pad + _STEP
    yield f"{pad}{_class_name(resource.cls)} {{"
    yield f"{inner}id = {text(resource.id)}"
    if resource.location is not None:
        yield f"{inner}location = {text(resource.location)}"
    yield from _attributes(resource.attributes, inner, types)
    for port in resource.ports:
        yield from _port(port, inner, types)
    yield f"{pad}}}"


def _port(port: Port, pad: str, types: Collection[str]) -> Iterator[str]:
    if not port.attributes:
        yield f"{pad}port {{ id = {text(port.id)} }}"
        return
    yield f"{pad}port {{"
    yield f"{pad}{_STEP}id = {text(port.id)}"
    yield from _attributes(port.attributes, pad + _STEP, types)
    yield f"{pad}}}"


def _attributes(attributes: Mapping[str, Value], pad: str, types: Collection[str]) -> Iterator[str]:
    for name, value in attributes.items():
        blocks = _as_blocks(name, value, types)
        if not blocks:
            yield f"{pad}{_attribute_name(name)} = {literal(value)}"
        for block in blocks:
            yield f"{pad}{name} {{"
            yield from _attributes(block, pad + _STEP, types)
            yield f"{pad}}}"


def _as_blocks(name: str, value: Value, types: Collection[str]) -> list[dict[str, Value]]:
    """The nested blocks that bring forth a value: one for a map, one each for two maps or more; none for the rest."""
    items = value if isinstance(value, list) and len(value) > 1 else [value]
    blocks = [item for item in items if isinstance(item, dict) and item and all(map(is_attribute_name, item))]
    fits = len(blocks) == len(items) and is_name(name) and name not in _NOT_A_NESTED_BLOCK and name not in types
    return blocks if fits else []


def _reference(ref: PortRef, taken: Collection[str], resources: Collection[str]) -> str:
    """A port as ``h1.p1`` where that is plain to read, else as a string."""
    first = ref.resource or ref.port
    bare = is_name(first) and is_name(ref.port) and first not in taken and (ref.resource or first not in resources)
    return str(ref) if bare else text(str(ref))


def _class_name(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"`{printable(name)}` cannot be a name in the DSL")
    return name


def _attribute_name(name: str) -> str:
    if not is_attribute_name(name):
        raise ValueError(f"`{printable(name)}` cannot be the name of an attribute in the DSL")
    return name


def literal(value: Value) -> str:
    """A value as the DSL writes it on one line.

    Raises:
        ValueError: a number is not finite.
    """
    if isinstance(value, str):
        return text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    entries = (f"{key if is_name(key) else text(key)}: {literal(item)}" for key, item in value.items())
    return f"[{', '.join(entries) or ':'}]"


_SPECIAL = re.compile(r'["\\$]|[^ -~]')
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"} | {sign: f"\\{sign}" for sign in '"\\$'}


def text(characters: str) -> str:
    """A string in double quotes. What cannot be seen, or turns text around, is written as its number."""
    return f'"{_SPECIAL.sub(_escape, characters)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    if unicodedata.category(character)[0] not in "CZ":
        return character
    units = character.encode("utf-16-be", "surrogatepass")  # beyond U+FFFF Groovy, as Java, takes a pair of escapes
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))
