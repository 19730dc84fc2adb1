"""Testbeds, resources, ports and blocks while their braces are open: what is declared into them, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import cast

from gtsdsl.evaluate.values import Handle, Scope
from gtsdsl.model.references import split_reference
from gtsdsl.model.testbed import NOTHING, Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Span


class Level(Enum):
    """What a pair of braces encloses."""

    TESTBED = "testbed"
    INSTANCE = "instance"  # the braces behind a type's name: attributes and values for its parameters
    RESOURCE = "resource"
    PORT = "port"
    BLOCK = "block"  # a structured attribute, e.g. `controller { … }`


@dataclass(slots=True, eq=False)
class OpenBlock:
    """What has been declared between a pair of braces so far. ``name`` is the word before them."""

    level: Level
    name: str
    known: Mapping[str, object]
    """Names that are attributes here whatever variables there are outside."""
    place: Span
    scope: Scope
    attributes: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Attributes whose value could not be evaluated."""
    blocks: dict[str, int] = field(default_factory=dict)
    """How many structured attributes there are of each name."""
    ports: list[Port] = field(default_factory=list)
    resources: list[Resource | Testbed] = field(default_factory=list)
    adjacencies: list[tuple[PortRef | str, PortRef | str, Span, Span, Span]] = field(default_factory=list)
    by_id: dict[str, Handle] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=lambda: NOTHING)

    @property
    def id(self) -> str:
        value = self.attributes.get("id")
        return value if isinstance(value, str) else ""

    def has_port(self, port: str) -> bool:
        return any(own.id == port for own in self.ports)

    def add_block(self, name: str, block: OpenBlock) -> None:
        """Take a structured attribute; from the second of a name on they make a list. The places of what is in them
        are kept as ``controller.ipv4``, or ``controller.1.ipv4`` in a list."""
        value: Value = block.attributes
        before = self.blocks.get(name, 0)
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
        self.blocks[name] = before + 1
        self.places |= {prefix + key: place for key, place in block.places.items()}

    def _rest(self, *taken: str) -> tuple[Mapping[str, Value], Mapping[str, Span]]:
        """The attributes that have no field of their own, and the places of all but the id."""
        rest = {name: value for name, value in self.attributes.items() if name not in taken}
        places = {name: place for name, place in self.places.items() if name != "id"}
        return rest or NOTHING, places or _NO_PLACES

    def port(self) -> Port:
        attributes, places = self._rest("id")
        return Port(self.id, attributes, self.places.get("id", self.place), places)

    def resource(self) -> Resource:
        attributes, places = self._rest("id", "location")
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
        attributes, places = self._rest("id", "description")
        description = self.attributes.get("description")
        return Testbed(
            self.name,
            self.id,
            description if isinstance(description, str) else None,
            self.parameters,
            attributes,
            tuple(self.ports),
            tuple(self.resources),
            tuple(self._resolved()),
            self.places.get("id", self.place),
            places,
        )

    def _resolved(self) -> list[Adjacency]:
        """The adjacencies; a reference that is a string is taken apart now that all ids are known."""
        if all(type(first) is PortRef and type(second) is PortRef for first, second, *_ in self.adjacencies):
            return [Adjacency(*adjacency) for adjacency in self.adjacencies]  # type: ignore[arg-type]
        ports_of = {resource.id: {port.id for port in resource.ports} for resource in self.resources}
        own = {port.id for port in self.ports}

        def resolve(reference: PortRef | str) -> PortRef:
            return reference if isinstance(reference, PortRef) else split_reference(reference, ports_of, own)

        return [Adjacency(resolve(first), resolve(second), *spans) for first, second, *spans in self.adjacencies]


_NO_PLACES: Mapping[str, Span] = MappingProxyType({})
