"""Testbed to what the rules ask of it again and again: resources by id, ports, and where each adjacency leads."""

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
"""A resource's id (empty: the testbed itself) and a port's. Equal to a `PortRef`, and much faster to make."""

MAX_PATHS = 64_000_000
"""Characters of the ids in nested testbeds, each written out from the root as often as it is used: ``s1/h1``."""


def path_bound(testbed: Testbed, source: Source) -> Diagnostic | None:
    """The finding that ids, written out from the root, are too long in all."""
    total = 0
    for item, prefix in _nested(testbed, 0):
        total += prefix * (1 + len(item.resources) + 2 * len(item.adjacencies))
        if total > MAX_PATHS:
            message = f"the ids in nested testbeds, written out as `s1/h1`, have more than {MAX_PATHS} characters"
            return Diagnostic("GTS012", message, source, item.place, hint="give the testbeds shorter ids")
    return None


def _nested(testbed: Testbed, prefix: int) -> Iterator[tuple[Testbed, int]]:
    """The nested testbeds, each with how long what stands before the ids inside it is."""
    for item in testbed.resources:
        if isinstance(item, Testbed):
            inner = prefix + len(item.id) + 1
            yield item, inner
            yield from _nested(item, inner)


@dataclass(frozen=True)
class Scope:
    """One testbed, or one nested in it, with what its names mean inside it.

    Resources with an empty id cannot be named, and of those with the same id the first is meant. ``prefix`` is empty
    for the root, else such as ``s1/``.
    """

    testbed: Testbed
    prefix: str
    named: dict[str, Resource | Testbed]
    nested: dict[str, Scope]
    numbers: dict[str, int]
    """The place of a resource in `Index.resources`."""

    @cached_property
    def own_ports(self) -> dict[str, Location | None]:
        return {port.id: port.place for port in self.testbed.ports}

    @cached_property
    def ports(self) -> set[PortKey]:
        """All ports that an adjacency of this testbed may name."""
        ports = {(id, port.id) for id, resource in self.named.items() for port in resource.ports}
        ports.update(("", id) for id in self.own_ports)
        return ports

    @cached_property
    def named_ports(self) -> set[PortKey]:
        """All ports that an adjacency of this testbed does name."""
        adjacencies = self.testbed.adjacencies
        return {ref for adjacency in adjacencies for ref in (adjacency.first, adjacency.second)}

    @cached_property
    def bindings(self) -> dict[str, PortRef]:
        """What each of the testbed's own ports stands for; a port bound to another one of them stands for nothing."""
        bindings: dict[str, PortRef] = {}
        for first, second in ((adjacency.first, adjacency.second) for adjacency in self.testbed.adjacencies):
            if not first[0] and second[0]:
                bindings.setdefault(first.port, second)
            elif not second[0] and first[0]:
                bindings.setdefault(second.port, first)
        return bindings

    def leads_to(self, ref: PortRef) -> int | None:
        """The number of the resource that a reference ends at, through exported ports; None if it ends nowhere.

        A port that its resource does not declare is no obstacle: it is reported once, and the rest goes on.
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
    """A testbed with everything nested in it, looked at once.

    ``resources`` are all that are no testbeds and can be named, ``owners`` the scope of each.
    """

    def __init__(self, testbed: Testbed, source: Source) -> None:
        self.source = source
        self.scopes: list[Scope] = []
        self.resources: list[Resource] = []
        self.owners: list[Scope] = []
        self.near = Hints().near
        self._add(testbed, "")

    def _add(self, testbed: Testbed, prefix: str) -> Scope:
        scope = Scope(testbed, prefix, {}, {}, {})
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
        """The adjacencies whose two ends lead to resources, with the numbers of both.

        Those that bind a testbed's own port are none: they are part of the way that an outer adjacency goes.
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
        """How a resource is called from the root, e.g. ``s1/h1``."""
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
        """A diagnostic in this index's source; a note without a place is left out."""
        notes = (Note(note[0], note[1]),) if note is not None and note[1] is not None else ()
        return Diagnostic(code, message, self.source, place, notes, hint)


def place_of(item: Testbed | Resource | Port, attribute: str) -> Location | None:
    """Where an attribute's value stands, such as ``controller.ipv4``, or as near to it as is known."""
    places = item.attribute_places
    return places.get(attribute) or places.get(attribute.partition(".")[0]) or item.place


def shown(text: str) -> str:
    """An id, a name or a port as a message quotes it."""
    return f"`{printable(text)}`"
