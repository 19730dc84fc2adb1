"""The model: what a testbed is once every loop, variable and parameter is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from gtsdsl.model.values import Value
from gtsdsl.source import Location

NOTHING: Mapping[str, Value] = MappingProxyType({})
NO_PLACES: Mapping[str, Location] = MappingProxyType({})


def _nothing() -> Mapping[str, Value]:  # Python 3.11 takes a mapping proxy for a mutable default
    return NOTHING


def _no_places() -> Mapping[str, Location]:
    return NO_PLACES


HOST_CLASSES = frozenset({"host", "baremetalserver"})
SWITCH_CLASSES = frozenset({"ofx", "vsi"})
LINK_CLASS = "link"
TESTBED_CLASS = "testbed"


class PortRef(NamedTuple):
    """A port by the ids that lead to it; ``resource`` is empty for a port of the testbed itself."""

    resource: str
    port: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.port}" if self.resource else self.port


@dataclass(frozen=True, slots=True)
class Port:
    """A place where a link can be joined to a resource; attributes are e.g. ``logicalPort`` or ``mode``."""

    id: str
    attributes: Mapping[str, Value] = field(default_factory=_nothing)
    place: Location | None = field(default=None, compare=False, repr=False)
    attribute_places: Mapping[str, Location] = field(default_factory=_no_places, compare=False, repr=False)

    @property
    def is_control(self) -> bool:
        """Whether a switch reaches its controller through this port; the switch forwards no frames through it."""
        mode = self.attributes.get("mode")
        return isinstance(mode, str) and mode.upper() == "CONTROL"


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Two ports that are one: a resource's port and a link's end, or an exported port and what it stands for."""

    first: PortRef
    second: PortRef
    place: Location | None = field(default=None, compare=False, repr=False)
    first_place: Location | None = field(default=None, compare=False, repr=False)
    second_place: Location | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Resource:
    """A host, a link, a switch, or a class that we do not know. ``cls`` is the DSL's name of the class.

    ``place`` is where the id stands, or the block where it has none; ``attribute_places`` are those of the values
    (``location`` among them).
    """

    cls: str
    id: str
    location: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=_nothing)
    ports: tuple[Port, ...] = ()
    place: Location | None = field(default=None, compare=False, repr=False)
    attribute_places: Mapping[str, Location] = field(default_factory=_no_places, compare=False, repr=False)

    @property
    def is_switch(self) -> bool:
        """Whether the resource forwards frames (``ofx``, ``vsi``)."""
        return self.cls in SWITCH_CLASSES


@dataclass(frozen=True, slots=True)
class Testbed:
    """A topology: resources and what joins them, in the order of the file.

    ``ports`` are those that it exports; ``parameters`` the values that its type was given. A testbed inside another
    is one of its ``resources``.
    """

    __test__ = False  # pytest: this is not a test

    type: str
    id: str
    description: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=_nothing)
    attributes: Mapping[str, Value] = field(default_factory=_nothing)
    ports: tuple[Port, ...] = ()
    resources: tuple[Resource | Testbed, ...] = ()
    adjacencies: tuple[Adjacency, ...] = ()
    place: Location | None = field(default=None, compare=False, repr=False)
    attribute_places: Mapping[str, Location] = field(default_factory=_no_places, compare=False, repr=False)

    @property
    def hosts(self) -> Iterator[Resource]:
        """Machines: hosts and bare-metal servers that stand directly in this testbed."""
        return self._of(HOST_CLASSES)

    @property
    def switches(self) -> Iterator[Resource]:
        """OpenFlow switches (``ofx`` and ``vsi``) that stand directly in this testbed."""
        return self._of(SWITCH_CLASSES)

    @property
    def links(self) -> Iterator[Resource]:
        """Circuits that stand directly in this testbed."""
        return self._of(frozenset({LINK_CLASS}))

    def _of(self, classes: frozenset[str]) -> Iterator[Resource]:
        return (item for item in self.resources if isinstance(item, Resource) and item.cls in classes)


def flatten(testbed: Testbed) -> Testbed:
    """The same topology without nested testbeds: a resource ``h1`` inside ``s1`` becomes ``s1/h1``.

    Exported ports are resolved to what they are bound to. A port that is bound to nothing, or to itself in a circle,
    takes the adjacency that names it away with it (the rules report both).
    """
    if not any(isinstance(resource, Testbed) for resource in testbed.resources):
        return testbed
    resources: list[Resource] = []
    adjacencies: list[Adjacency] = []
    exported: dict[PortRef, PortRef] = {}  # an exported port, as seen from the root -> what it is bound to

    def visit(inner: Testbed, prefix: str) -> None:
        own_ports = {port.id for port in inner.ports} if prefix else set()

        def absolute(ref: PortRef) -> PortRef:
            if not ref.resource:
                return PortRef(prefix.removesuffix("/"), ref.port)
            return PortRef(prefix + ref.resource, ref.port)

        for adjacency in inner.adjacencies:
            first, second = adjacency.first, adjacency.second
            if not first.resource and first.port in own_ports:
                exported[absolute(first)] = absolute(second)
            elif not second.resource and second.port in own_ports:
                exported[absolute(second)] = absolute(first)
            else:
                adjacencies.append(replace(adjacency, first=absolute(first), second=absolute(second)))
        for resource in inner.resources:
            if isinstance(resource, Testbed):
                visit(resource, f"{prefix}{resource.id}/")
            else:
                resources.append(replace(resource, id=prefix + resource.id))

    visit(testbed, "")
    ports = {PortRef(resource.id, port.id) for resource in resources for port in resource.ports}

    def resolve(ref: PortRef) -> PortRef | None:
        for _ in range(len(exported) + 1):
            if ref not in exported:
                return ref if ref in ports or not ref.resource else None
            ref = exported[ref]
        return None

    resolved = []
    for adjacency in adjacencies:
        ends = resolve(adjacency.first), resolve(adjacency.second)
        if ends[0] is not None and ends[1] is not None:
            resolved.append(replace(adjacency, first=ends[0], second=ends[1]))
    return replace(testbed, resources=tuple(resources), adjacencies=tuple(resolved))
