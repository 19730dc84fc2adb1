"""Testbed to formatted DSL without loops and variables, which describes an equal testbed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gtsdsl.model.classes import CLASSES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.nested import Key, NestedTypes, nested_types
from gtsdsl.model.references import is_attribute_name, is_name
from gtsdsl.model.testbed import Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value, scalar_text
from gtsdsl.text import printable

_STEP = "  "


def write(testbed: Testbed) -> str:
    """Return a testbed as DSL.

    The definitions of the nested testbeds' types come first. If testbeds of one type have different parameters and
    contents, the definition chooses the content by the parameters that differ.

    Raises:
        ValueError: the DSL cannot express the testbed: a class, type or attribute has a name that the language does not
            allow, two nested testbeds of one type contradict each other, an attribute inside a type has the name of a
            parameter of the type, or a number is not finite.
    """
    types = nested_types(testbed)
    for contradiction in types.contradictions:
        raise ValueError(f"`{printable(contradiction.element.id)}` {contradiction.message}: no one type makes both")
    lines: list[str] = []
    for name, bodies in types.bodies.items():
        lines += [*_Writer(types, frozenset(next(iter(bodies.values())).parameters)).definition(name, bodies), ""]
    lines += [f"{_class_name(testbed.type)} {{", f"{_STEP}id = {text(testbed.id)}"]
    lines += [*_Writer(types, frozenset()).body(testbed, _STEP), "}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Writer:
    """A writer of the content of a type's braces; ``taken`` are the names of the type's parameters."""

    types: NestedTypes
    taken: frozenset[str]

    def definition(self, name: str, bodies: Mapping[Key, Testbed]) -> Iterator[str]:
        """Yield the lines of a type's definition, from the body of its testbeds for each set of parameters."""
        first, *others = bodies.values()
        heads = ", ".join(f"{_class_name(key)} = {literal(value)}" for key, value in first.parameters.items())
        yield f"type {_class_name(name)}{f'({heads})' if heads else ''} {{"
        texts = [list(self.body(body, _STEP)) for body in bodies.values()]
        if all(lines == texts[0] for lines in texts):
            yield from texts[0]
        else:
            differing = [
                key for key, value in first.parameters.items() if any(it.parameters[key] != value for it in others)
            ]
            # an `if` for each body, without `else`, because a hundred `else if` would be nested a hundred deep
            for body in bodies.values():
                condition = " && ".join(f"{key} == {literal(body.parameters[key])}" for key in differing)
                yield f"{_STEP}if ({condition}) {{"
                yield from self.body(body, _STEP * 2)
                yield f"{_STEP}}}"
        yield "}"

    def body(self, testbed: Testbed, pad: str) -> Iterator[str]:
        """Yield the lines of the content of a testbed's block."""
        if "id" in self.taken:
            yield f"{pad}id = {text(testbed.id)}"
        if testbed.description is not None:
            yield f"{pad}description = {text(testbed.description)}"
        for name, value in testbed.attributes.items():  # never as a block, which would be a resource
            yield f"{pad}{self._settable(name, TESTBED_ATTRIBUTES)} = {literal(value)}"
        for port in testbed.ports:
            yield from self._port(port, pad)
        for item in testbed.resources:
            yield from self._instance(item, pad) if isinstance(item, Testbed) else self._resource(item, pad)
        for adjacency in testbed.adjacencies:
            yield f"{pad}adjacency {self._reference(adjacency.first)}, {self._reference(adjacency.second)}"

    def _instance(self, testbed: Testbed, pad: str) -> Iterator[str]:
        inner = pad + _STEP
        body = self.types.body_of(testbed)
        yield f"{pad}{_class_name(testbed.type)} {{"
        if "id" not in testbed.parameters:
            yield f"{inner}id = {text(testbed.id)}"
        for name, value in testbed.parameters.items():
            yield f"{inner}{_class_name(name)} = {literal(value)}"
        own: dict[str, Value] = {
            name: value for name, value in testbed.attributes.items() if repr(body.attributes.get(name)) != repr(value)
        }
        if testbed.description is not None and testbed.description != body.description:
            own["description"] = testbed.description
        for name, value in own.items():
            if name in testbed.parameters:
                raise ValueError(f"the attribute `{name}` of `{printable(testbed.id)}` has the name of a parameter")
            yield f"{inner}{self._settable(name, TESTBED_ATTRIBUTES)} = {literal(value)}"
        yield f"{pad}}}"

    def _resource(self, resource: Resource, pad: str) -> Iterator[str]:
        inner = pad + _STEP
        known = CLASSES[resource.cls].attributes if resource.cls in CLASSES else _KNOWN_ANYWHERE
        yield f"{pad}{_class_name(resource.cls)} {{"
        yield f"{inner}id = {text(resource.id)}"
        if resource.location is not None:
            yield f"{inner}{self._settable('location', known)} = {text(resource.location)}"
        yield from self._attributes(resource.attributes, inner, known)
        for port in resource.ports:
            yield from self._port(port, inner)
        yield f"{pad}}}"

    def _port(self, port: Port, pad: str) -> Iterator[str]:
        if not port.attributes:
            yield f"{pad}port {{ id = {text(port.id)} }}"
            return
        yield f"{pad}port {{"
        yield f"{pad}{_STEP}id = {text(port.id)}"
        yield from self._attributes(port.attributes, pad + _STEP, PORT_ATTRIBUTES)
        yield f"{pad}}}"

    def _attributes(self, attributes: Mapping[str, Value], pad: str, known: Collection[str]) -> Iterator[str]:
        for name, value in attributes.items():
            blocks = self._blocks(name, value)
            if not blocks:
                yield f"{pad}{self._settable(name, known)} = {literal(value)}"
            for block in blocks:
                yield f"{pad}{name} {{"
                yield from self._attributes(block, pad + _STEP, ())
                yield f"{pad}}}"

    def _blocks(self, name: str, value: Value) -> list[dict[str, Value]]:
        """Return the blocks that express a value: one for a map, one for each map of a list, none for other values."""
        if not is_name(name) or name == "port" or name in CLASSES or name in self.types.bodies:
            return []  # a block of this name would be a resource or a port
        items = value if isinstance(value, list) and len(value) > 1 else [value]
        blocks = [item for item in items if isinstance(item, dict) and item and self._fits_in_block(item)]
        return blocks if len(blocks) == len(items) else []

    def _fits_in_block(self, members: Mapping[str, Value]) -> bool:
        return all(
            is_attribute_name(name) and name not in self.taken and (isinstance(value, str) or name not in _TEXTS)
            for name, value in members.items()
        )

    def _settable(self, name: str, known: Collection[str]) -> str:
        """Return a name that sets an attribute before ``=``, and not a parameter; raise ValueError for other names."""
        if not is_attribute_name(name):
            raise ValueError(f"`{printable(name)}` cannot be the name of an attribute in the DSL")
        if name in self.taken and name not in known:
            raise ValueError(f"the attribute `{name}` has the name of a parameter of its type")
        return name

    def _reference(self, ref: PortRef) -> str:
        """Return a reference to a port: ``h1.p1`` if the ids are names, else a string."""
        bare = is_name(ref.resource or ref.port) and is_name(ref.port) and (ref.resource or ref.port) not in self.taken
        return str(ref) if bare else text(str(ref))


_KNOWN_ANYWHERE = frozenset({"id", "location"})
"""The attributes that a resource of any class can set, even if a parameter has the same name."""

_TEXTS = frozenset({"id", "location", "description"})
"""The attributes that must be texts."""


def _class_name(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"`{printable(name)}` cannot be a name in the DSL")
    return name


def literal(value: Value) -> str:
    """Return a value as the DSL writes it, on one line.

    Raises:
        ValueError: a number is not finite.
    """
    if isinstance(value, str):
        return text(value)
    if not isinstance(value, list | dict):
        return scalar_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    entries = (f"{key if is_name(key) else text(key)}: {literal(item)}" for key, item in value.items())
    return f"[{', '.join(entries) or ':'}]"


_SPECIAL = re.compile(r'["\\$]|[^ -~]')
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"} | {sign: f"\\{sign}" for sign in '"\\$'}


def text(characters: str) -> str:
    """Return a string of the DSL in double quotes, with escapes for invisible and bidirectional characters."""
    return f'"{_SPECIAL.sub(_escape, characters)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    if unicodedata.category(character)[0] not in "CZ":
        return character
    units = character.encode(
        "utf-16-be", "surrogatepass"
    )  # Groovy, like Java, has a pair of escapes for a character above U+FFFF
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))
