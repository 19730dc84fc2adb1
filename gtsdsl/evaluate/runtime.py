"""Types of evaluation: runtime values, the scopes that hold them, and the blocks that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias, cast

from gtsdsl.evaluate.errors import Jump
from gtsdsl.model.references import split_reference
from gtsdsl.model.testbed import NOTHING, Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Span
from gtsdsl.syntax.nodes import Closure, MethodDefinition


class Scope:
    """The variables of a block, and the scope around it; ``depth`` is the number of scopes around it."""

    __slots__ = ("depth", "parent", "variables")

    def __init__(self, parent: Scope | None, variables: dict[str, RuntimeValue] | None = None) -> None:
        self.parent = parent
        self.variables = {} if variables is None else variables
        self.depth: int = 0 if parent is None else parent.depth + 1

    def holder(self, name: str) -> Scope | None:
        """Return the nearest scope that has a variable; None if no scope has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True, eq=False)
class ClosureValue:
    """A closure, and the scope that it stands in."""

    node: Closure
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class MethodValue:
    """A method that the source defines, and the scope that it stands in."""

    node: MethodDefinition
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class ResourceValue:
    """A resource or a nested testbed: the value of the block that declares it."""

    block: OpenBlock


@dataclass(frozen=True, slots=True, eq=False)
class ThisValue:
    """The value of ``this``: the testbed that is open."""

    block: OpenBlock


class FailedValue:
    """The value of a variable whose evaluation failed. Its use raises `ReportedError`, without another finding."""


FAILED_VALUE = FailedValue()

RuntimeValue: TypeAlias = (
    "bool | int | Decimal | str | list[RuntimeValue] | dict[str, RuntimeValue] | range"
    " | ClosureValue | MethodValue | ResourceValue | ThisValue | PortRef | FailedValue | None"
)
"""A value during evaluation."""


class Return(Jump):
    """The exception by which ``return`` leaves its method or closure, with a value."""

    word = "return"
    surroundings = "method or closure"

    def __init__(self, value: RuntimeValue) -> None:
        super().__init__()
        self.value = value


class Level(Enum):
    """The kind of block that a pair of braces encloses."""

    TESTBED = "testbed"
    INSTANCE = "instance"  # the braces behind a type's name: attributes and values for its parameters
    RESOURCE = "resource"
    PORT = "port"
    BLOCK = "block"  # a structured attribute, e.g. `controller { … }`


@dataclass(slots=True, eq=False)
class OpenBlock:
    """The declarations between a pair of braces so far. ``name`` is the word before the braces."""

    level: Level
    name: str
    known_attributes: Mapping[str, object]
    """Names that are attributes here, even if there are variables of the same name outside."""
    place: Span
    scope: Scope
    attributes: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    """Places of the attributes' values, by name."""
    failed_attributes: set[str] = field(default_factory=set)
    """Names of the attributes whose value could not be evaluated."""
    block_counts: dict[str, int] = field(default_factory=dict)
    """Number of structured attributes, by name."""
    ports: list[Port] = field(default_factory=list)
    resources: list[Resource | Testbed] = field(default_factory=list)
    adjacencies: list[tuple[PortRef | str, PortRef | str, Span, Span, Span]] = field(default_factory=list)
    """Both ports of each adjacency, then the places of the adjacency and of both ports."""
    resources_by_id: dict[str, ResourceValue] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=lambda: NOTHING)

    @property
    def id(self) -> str:
        """The id, or an empty string where it is missing."""
        value = self.attributes.get("id")
        return value if isinstance(value, str) else ""

    def has_port(self, port: str) -> bool:
        """Return whether a port of this id is declared."""
        return any(own.id == port for own in self.ports)

    def add_block(self, name: str, block: OpenBlock) -> None:
        """Add a structured attribute; a second one of the same name makes the attribute a list.

        The places inside are kept as ``controller.ipv4``, in a list as ``controller.1.ipv4``.
        """
        value: Value = block.attributes
        before = self.block_counts.get(name, 0)
        if before == 0:
            self.attributes[name] = value
            self.places[name] = block.place
            prefix = f"{name}."
        else:
            if before == 1:
                self.attributes[name] = [self.attributes[name]]
                inside = [key for key in self.places if key.startswith(f"{name}.")]
                for key in inside:
                    self.places[f"{name}.0.{key.removeprefix(f'{name}.')}"] = self.places.pop(key)
            cast("list[Value]", self.attributes[name]).append(value)
            prefix = f"{name}.{before}."
        self.block_counts[name] = before + 1
        self.places |= {prefix + key: place for key, place in block.places.items()}

    def _other_attributes(self, *fields: str) -> tuple[Mapping[str, Value], Mapping[str, Span]]:
        """Return the attributes that are no fields of the result, and the places of all attributes but the id."""
        others = {name: value for name, value in self.attributes.items() if name not in fields}
        places = {name: place for name, place in self.places.items() if name != "id"}
        return others or NOTHING, places or _NO_PLACES

    def port(self) -> Port:
        """Return the port that the block describes."""
        attributes, places = self._other_attributes("id")
        return Port(self.id, attributes, self.places.get("id", self.place), places)

    def resource(self) -> Resource:
        """Return the resource that the block describes."""
        attributes, places = self._other_attributes("id", "location")
        location = self.attributes.get("location")
        return Resource(
            self.name,
            self.id,
            location if isinstance(location, str) else None,
            attributes,
            tuple(self.ports),
            self.places.get("id", self.place),
            places,
        )

    def testbed(self) -> Testbed:
        """Return the testbed that the block describes."""
        attributes, places = self._other_attributes("id", "description")
        description = self.attributes.get("description")
        return Testbed(
            self.name,
            self.id,
            description if isinstance(description, str) else None,
            self.parameters,
            attributes,
            tuple(self.ports),
            tuple(self.resources),
            tuple(self._resolved_adjacencies()),
            self.places.get("id", self.place),
            places,
        )

    def _resolved_adjacencies(self) -> list[Adjacency]:
        """Return the adjacencies; a reference that is a string is split here because all ids are known now."""
        if all(type(first) is PortRef and type(second) is PortRef for first, second, *_ in self.adjacencies):
            return [Adjacency(*adjacency) for adjacency in self.adjacencies]  # type: ignore[arg-type]
        ports_of = {resource.id: {port.id for port in resource.ports} for resource in self.resources}
        own = {port.id for port in self.ports}

        def resolve(reference: PortRef | str) -> PortRef:
            return reference if isinstance(reference, PortRef) else split_reference(reference, ports_of, own)

        return [Adjacency(resolve(first), resolve(second), *spans) for first, second, *spans in self.adjacencies]


_NO_PLACES: Mapping[str, Span] = MappingProxyType({})
