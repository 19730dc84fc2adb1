"""The types of nested testbeds, worked out from the testbeds, and contradictions between testbeds of one type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from typing import TypeAlias

from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.model.values import Value

Key: TypeAlias = tuple[tuple[str, str], ...]
"""The names and values of parameters. Keys are equal if the DSL's ``==`` could take the values for equal."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An element that cannot come from the same definition of a type as another element."""

    message: str
    element: Testbed | Resource
    other: Testbed | None


@dataclass(frozen=True, slots=True)
class NestedTypes:
    """The types of nested testbeds, inner ones first, and the contradictions between testbeds.

    ``bodies`` holds, for each type and each set of its parameters, what all testbeds of this type and set share: a
    testbed with the description and attributes that all of them have. A single testbed may set more attributes, or
    other values.
    """

    bodies: dict[str, dict[Key, Testbed]]
    contradictions: tuple[Contradiction, ...]

    def body_of(self, instance: Testbed) -> Testbed:
        """Return the body that a nested testbed shares with all others of its type and parameters."""
        return self.bodies[instance.type][_key(instance)]


def nested_types(testbed: Testbed) -> NestedTypes:
    """Return the types of all testbeds inside a testbed.

    Testbeds with the same type and the same parameters must have the same content; others are contradictions.
    """
    instances: dict[str, dict[Key, list[Testbed]]] = {}
    contents: dict[tuple[str, Key], bytes] = {}
    contradictions: list[Contradiction] = []
    for item in _nested(testbed):
        if item.type == testbed.type:
            contradictions.append(Contradiction("is of the same type as the whole testbed", item, testbed))
            continue
        alike = instances.setdefault(item.type, {})
        first = next(iter(alike.values()))[0] if alike else item
        key = _key(item)
        same = alike.setdefault(key, [])
        content = _content(item)
        if item.parameters.keys() != first.parameters.keys():
            contradictions.append(Contradiction("has other parameters than another one of its type", item, first))
        elif contents.setdefault((item.type, key), content) != content:
            message = "has the same type and parameters as another one, and other content"
            contradictions.append(Contradiction(message, item, same[0]))
        same.append(item)
    types = instances.keys() | {testbed.type}
    contradictions += [
        Contradiction("has the name of a testbed's type for a class", resource, None)
        for inner in (testbed, *_nested(testbed))
        for resource in inner.resources
        if isinstance(resource, Resource) and resource.cls in types
    ]
    bodies = {name: {key: _shared(same) for key, same in alike.items()} for name, alike in instances.items()}
    return NestedTypes(bodies, tuple(contradictions))


def _nested(testbed: Testbed) -> Iterator[Testbed]:
    for item in testbed.resources:
        if isinstance(item, Testbed):
            yield from _nested(item)
            yield item


def _content(instance: Testbed) -> bytes:
    """Return a digest of the content that testbeds of one type with equal parameters must share."""
    inner = tuple(
        replace(item, parameters=dict(item.parameters), attributes=dict(item.attributes), resources=(), adjacencies=())
        if isinstance(item, Testbed)  # its own content is compared by itself
        else item
        for item in instance.resources
    )
    named = instance.id if "id" in instance.parameters else ""
    return sha256(repr((named, instance.ports, inner, instance.adjacencies)).encode("utf-8", "surrogatepass")).digest()


def _shared(instances: list[Testbed]) -> Testbed:
    first, *others = instances
    attributes = {
        name: value for name, value in first.attributes.items() if all(name in it.attributes for it in others)
    }
    description = first.description if all(it.description == first.description for it in others) else None
    return replace(first, description=description, attributes=attributes)


def _key(instance: Testbed) -> Key:
    return tuple(sorted((name, _comparable(value)) for name, value in instance.parameters.items()))


def _comparable(value: Value) -> str:
    """Return the same text for values that the DSL's ``==`` could take for equal, such as 1, 1.0 and true."""
    if isinstance(value, list):
        return f"[{','.join(map(_comparable, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{key!r}:{_comparable(item)}' for key, item in value.items()))}}}"
    return repr(value) if value is None or isinstance(value, str) else f"#{Fraction(value)}"
