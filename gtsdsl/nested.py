"""From a testbed to the types that its nested testbeds are made from, and where those cannot come from one type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from gtsdsl.testbed import TESTBED_CLASS, Resource, Testbed, Value


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An element that no definition of a type could have brought forth beside another element."""

    message: str
    element: Testbed | Resource
    other: Testbed | None


@dataclass(frozen=True, slots=True)
class NestedTypes:
    """The types that nested testbeds are made from, inner ones first.

    ``instances`` holds, for each type, one testbed for each set of parameters that occurs.
    """

    instances: dict[str, list[Testbed]]
    contradictions: tuple[Contradiction, ...]


def nested_types(testbed: Testbed) -> NestedTypes:
    """The types of all testbeds inside a testbed. A type's name and its parameters together determine the content."""
    by_parameters: dict[str, dict[object, tuple[Testbed, str]]] = {}
    contradictions: list[Contradiction] = []

    def content(instance: Testbed) -> str:
        """What two testbeds of one type with equal parameters share: everything but their own id."""
        inner = tuple(
            Resource(TESTBED_CLASS, item.id, item.type, item.parameters) if isinstance(item, Testbed) else item
            for item in instance.resources
        )
        return repr(replace(instance, id="", resources=inner))

    def visit(instance: Testbed) -> None:
        for item in instance.resources:
            if isinstance(item, Testbed):
                visit(item)
        kinds = by_parameters.setdefault(instance.type, {})
        first = next(iter(kinds.values()))[0] if kinds else instance
        key = tuple(sorted((name, _comparable(value)) for name, value in instance.parameters.items()))
        if instance.type == testbed.type:
            contradictions.append(Contradiction("is of the same type as the whole testbed", instance, testbed))
        elif instance.parameters.keys() != first.parameters.keys():
            contradictions.append(Contradiction("has other parameters than another one of its type", instance, first))
        elif kinds.setdefault(key, (instance, content(instance)))[1] != content(instance):
            message = "has the same type and parameters as another one, and other content"
            contradictions.append(Contradiction(message, instance, kinds[key][0]))

    for item in testbed.resources:
        if isinstance(item, Testbed):
            visit(item)
    types = by_parameters.keys() | {testbed.type}
    contradictions += [
        Contradiction("has the name of a testbed's type for a class", resource, None)
        for resource in _plain_resources(testbed)
        if resource.cls in types
    ]
    instances = {name: [instance for instance, _ in kinds.values()] for name, kinds in by_parameters.items() if kinds}
    return NestedTypes(instances, tuple(contradictions))


def _plain_resources(testbed: Testbed) -> Iterator[Resource]:
    for item in testbed.resources:
        if isinstance(item, Testbed):
            yield from _plain_resources(item)
        else:
            yield item


def _comparable(value: Value) -> str:
    """Equal texts for values that the DSL's ``==`` may take for equal: 1, 1.0 and true among them."""
    if isinstance(value, list):
        return f"[{','.join(map(_comparable, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{key!r}:{_comparable(item)}' for key, item in value.items()))}}}"
    return repr(value) if value is None or isinstance(value, str) else f"#{Fraction(value)}"
