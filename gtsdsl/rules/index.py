"""An index of a testbed for the rules: resources by id, ports, and the resources that each adjacency joins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.source import Location, Source
from gtsdsl.text import Hints, printable

PortKey: TypeAlias = tuple[str, str]
"""The ids of a resource (empty: the testbed itself) and a port. It equals a `PortRef`, and is much faster to make."""

MAX_PATHS = 64_000_000
"""The most characters of all ids in nested testbeds, written from the root (``s1/h1``), at each use."""


def check_paths(testbed: Testbed, source: Source) -> Diagnostic | None:
    """Return a finding if the ids in nested testbeds, written from the root, are longer than `MAX_PATHS` in all."""
    total = 0
    for item, prefix in _nested(testbed, 0):
        total += prefix * (1 + len(item.resources) + 2 * len(item.adjacencies))
        if total > MAX_PATHS:
            message = f"the ids in nested testbeds, written out as `s1/h1`, have more than {MAX_PATHS} characters"
            return Diagnostic("GTS012", message, source, item.place, hint="give the testbeds shorter ids")
    return None


def _nested(testbed: Testbed, prefix: int) -> Iterator[tuple[Testbed, int]]:
    """Yield the nested testbeds, each with the length of the prefix of the ids inside it."""
    for item in testbed.resources:
        if isinstance(item, Testbed):
            inner = prefix + len(item.id) + 1
            yield item, inner
            yield from _nested(item, inner)


@dataclass(frozen=True)
class IdScope:
    """A testbed, the root or a nested one, and the resources that its adjacencies can name.

    ``named`` has the resources by id, without those of an empty id; of resources with the same id, it has the first.
    ``nested`` has the scopes of the nested testbeds. ``numbers`` has the index of each resource in `Index.resources`.
    ``prefix`` is the path to the ids from the root, such as ``s1/``; it is empty for the root.
    """

    testbed: Testbed
    prefix: str
    named: dict[str, Resource | Testbed]
    nested: dict[str, IdScope]
    numbers: dict[str, int]

    @cached_property
    def own_ports(self) -> dict[str, Location | None]:
        """The places of the ports that the testbed exports, by id."""
        return {port.id: port.place for port in self.testbed.ports}

    @cached_property
    def ports(self) -> set[PortKey]:
        """All ports that an adjacency of this testbed may join."""
        ports = {(id, port.id) for id, resource in self.named.items() for port in resource.ports}
        ports.update(("", id) for id in self.own_ports)
        return ports

    @cached_property
    def named_ports(self) -> set[PortKey]:
        """All ports that an adjacency of this testbed joins."""
        adjacencies = self.testbed.adjacencies
        return {ref for adjacency in adjacencies for ref in (adjacency.first, adjacency.second)}

    @cached_property
    def bindings(self) -> dict[str, PortRef]:
        """The port to which each exported port is bound; an exported port bound to another one is left out."""
        bindings: dict[str, PortRef] = {}
        for first, second in ((adjacency.first, adjacency.second) for adjacency in self.testbed.adjacencies):
            if not first[0] and second[0]:
                bindings.setdefault(first.port, second)
            elif not second[0] and first[0]:
                bindings.setdefault(second.port, first)
        return bindings

    def leads_to(self, ref: PortRef) -> int | None:
        """Return the number of the resource that a reference leads to, through exported ports; None if there is none.

        The resource need not declare the port, because another rule reports missing ports.
        """
        scope = self
        resource, port = ref
        while True:
            number = scope.numbers.get(resource)
            if number is not None:
                return number
            inner = scope.nested.get(resource)
            if inner is None:
                return None
            bound = inner.bindings.get(port)
            if bound is None:
                return None
            scope = inner
            resource, port = bound


class Index:
    """A testbed with all its nested testbeds.

    ``resources`` are all resources, other than testbeds, that adjacencies can name; ``owners`` are their scopes.
    """

    def __init__(self, testbed: Testbed, source: Source) -> None:
        self.source = source
        self.scopes: list[IdScope] = []
        self.resources: list[Resource] = []
        self.owners: list[IdScope] = []
        self.near = Hints().near
        self._add(testbed, "")

    def _add(self, testbed: Testbed, prefix: str) -> IdScope:
        scope = IdScope(testbed, prefix, {}, {}, {})
        self.scopes.append(scope)
        for item in testbed.resources:
            if not item.id or item.id in scope.named:
                continue
            if isinstance(item, Testbed):
                scope.named[item.id] = item
                scope.nested[item.id] = self._add(item, f"{prefix}{item.id}/")
            else:
                scope.named[item.id] = item
                scope.numbers[item.id] = len(self.resources)
                self.resources.append(item)
                self.owners.append(scope)
        return scope

    @cached_property
    def joins(self) -> list[tuple[Adjacency, int, int]]:
        """The adjacencies whose two ends lead to resources, with the numbers of both resources.

        Adjacencies that bind an exported port are left out, because they are part of the path of an outer adjacency.
        """
        joins = []
        for scope in self.scopes:
            numbers = scope.numbers.get
            for adjacency in scope.testbed.adjacencies:
                first = numbers(adjacency.first[0])
                if first is None:
                    first = scope.leads_to(adjacency.first)
                second = numbers(adjacency.second[0])
                if second is None:
                    second = scope.leads_to(adjacency.second)
                if first is not None and second is not None:
                    joins.append((adjacency, first, second))
        return joins

    def path(self, number: int) -> str:
        """Return the id of a resource with its path from the root, e.g. ``s1/h1``."""
        return self.owners[number].prefix + self.resources[number].id

    def finding(
        self,
        code: str,
        message: str,
        place: Location | None,
        *,
        note: tuple[str, Location | None] | None = None,
        hint: str | None = None,
    ) -> Diagnostic:
        """Return a diagnostic in the source of this index; a note without a place is left out."""
        notes = (Note(note[0], note[1]),) if note is not None and note[1] is not None else ()
        return Diagnostic(code, message, self.source, place, notes, hint)


def place_of(item: Testbed | Resource | Port, attribute: str) -> Location | None:
    """Return the place of an attribute's value, such as ``controller.ipv4``, else of its block, else of the item."""
    places = item.attribute_places
    return places.get(attribute) or places.get(attribute.partition(".")[0]) or item.place


def shown(text: str) -> str:
    """Return an id, a name or a port as a message quotes it."""
    return f"`{printable(text)}`"
