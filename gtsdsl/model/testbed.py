"""A testbed as a value: resources, ports and adjacencies, with each loop, variable and parameter resolved."""

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
    """A reference to a port by two ids; ``resource`` is empty for one of the testbed's own ports."""

    resource: str
    port: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.port}" if self.resource else self.port


@dataclass(frozen=True, slots=True)
class Port:
    """A point of a resource to which a link can be joined; attributes are ``logicalPort`` and ``mode``, for example.

    ``place`` is the position of the id in the source, ``attribute_places`` those of the attributes' values; both are
    None or empty for a port that was not read from a text. They do not count when ports are compared.
    """

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
    """A statement that joins two ports: a node's and a link's, or an exported port and the inner port behind it.

    The places are positions in the source: of the statement, and of the references to the two ports.
    """

    first: PortRef
    second: PortRef
    place: Location | None = field(default=None, compare=False, repr=False)
    first_place: Location | None = field(default=None, compare=False, repr=False)
    second_place: Location | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Resource:
    """A host, a link, a switch, or a resource of an unknown class. ``cls`` is the DSL's name of the class.

    ``location`` is a site's code as the source has it; None if the resource states none. ``place`` is the position of
    the id in the source, or of the block if there is no id. ``attribute_places`` are the positions of the attributes'
    values and of ``location``.
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
    """A topology: resources and the adjacencies that join them, in the order of the file.

    ``type`` is the name of the testbed's type. ``parameters`` are the values that the type's parameters had.
    ``ports`` are the ports that the testbed exports. A nested testbed is one of the ``resources``.
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
        """The hosts and bare-metal servers of this testbed, without those of nested testbeds."""
        return self._of(HOST_CLASSES)

    @property
    def switches(self) -> Iterator[Resource]:
        """The OpenFlow switches (``ofx`` and ``vsi``) of this testbed, without those of nested testbeds."""
        return self._of(SWITCH_CLASSES)

    @property
    def links(self) -> Iterator[Resource]:
        """The links of this testbed, without those of nested testbeds."""
        return self._of(frozenset({LINK_CLASS}))

    def _of(self, classes: frozenset[str]) -> Iterator[Resource]:
        return (item for item in self.resources if isinstance(item, Resource) and item.cls in classes)


def flatten(testbed: Testbed) -> Testbed:
    """Return the same topology without nested testbeds: a resource ``h1`` inside ``s1`` becomes ``s1/h1``.

    References to exported ports become references to the ports that they are bound to. An adjacency that names an
    exported port without a binding, or with a circular one, is left out; the rules report both.
    """
    if not any(isinstance(resource, Testbed) for resource in testbed.resources):
        return testbed
    resources: list[Resource] = []
    adjacencies: list[Adjacency] = []
    exported: dict[PortRef, PortRef] = {}  # an exported port, as seen from the root -> the port that it is bound to

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
