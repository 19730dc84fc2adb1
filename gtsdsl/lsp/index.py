"""From syntax, and the testbed that it describes, to an `Index`: each reference finds what it names."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.lsp.symbols import IdScope, Index, Kind, Symbol, occurrences
from gtsdsl.lsp.walk import Names, Reference, walk
from gtsdsl.model.references import split_reference
from gtsdsl.model.testbed import PortRef, Testbed
from gtsdsl.source import Location, Span
from gtsdsl.syntax import nodes


def index(body: nodes.Body, text: str, testbed: Testbed | None) -> Index:
    """The names of a text. What is made by loops and interpolation is known from the testbed."""
    walked = walk(body, text)
    bound = _Binding(walked, text)
    if testbed is not None:
        for part in all_testbeds(testbed):
            bound.evaluated(part)
    bound.literal()
    for reference in walked.references:
        bound.reference(reference)
    for room, name, span in walked.names:
        symbol = room.resources.get(name)
        if symbol is not None:
            symbol.uses.append(span)
    symbols = tuple(walked.symbols)
    scopes = tuple(walked.scopes)
    return Index(tuple(walked.rooms), walked.types, symbols, walked.members, scopes, occurrences(symbols))


def all_testbeds(testbed: Testbed) -> Iterator[Testbed]:
    """A testbed and all that are nested in it; of those made of one type in the same way only the first."""
    seen: set[int] = set()
    todo = [testbed]
    while todo:
        part = todo.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            todo.extend(item for item in part.resources if isinstance(item, Testbed))


class _Binding:
    """What ids mean, room by room, while references are bound to it."""

    def __init__(self, walked: Names, text: str) -> None:
        self._walked = walked
        self._text = text
        self._rooms: dict[str, IdScope] = {}
        for room in walked.rooms:
            if room.type is not None:
                self._rooms.setdefault(room.type.name, room)
        self._at = {
            place.start: symbol
            for symbol in walked.symbols
            if symbol.kind in (Kind.RESOURCE, Kind.PORT)
            for place in symbol.places
        }
        self._plain = {reference.span for reference in walked.references if reference.resource is not None}
        self._joined: dict[Span, dict[tuple[str, PortRef], None]] = {}
        self._ports_of: dict[Span, dict[str, set[str]]] = {}

    def evaluated(self, testbed: Testbed) -> None:
        """Take the ids of a testbed as they came out."""
        room = self._rooms.get(testbed.type)
        if room is None:
            return
        for port in testbed.ports:
            self._own(room, "", port.id, port.place)
        for resource in testbed.resources:
            symbol = self._symbol(resource.place)
            if symbol is not None:
                room.resources.setdefault(resource.id, symbol)
            for port in resource.ports:
                self._own(room, resource.id, port.id, port.place)
        for adjacency in testbed.adjacencies:
            for ref, place in ((adjacency.first, adjacency.first_place), (adjacency.second, adjacency.second_place)):
                if isinstance(place, Span) and place not in self._plain:
                    self._joined.setdefault(place, {})[testbed.type, ref] = None

    def _own(self, room: IdScope, resource: str, port: str, place: Location | None) -> None:
        symbol = self._symbol(place)
        if symbol is not None:
            room.ports.setdefault((resource, port), symbol)

    def _symbol(self, place: Location | None) -> Symbol | None:
        """What is defined at a place: the testbed's places are those of the values, quotes included."""
        if not isinstance(place, Span):
            return None
        return self._at.get(place.start + 1) or self._at.get(place.start)

    def literal(self) -> None:
        """Take the ids that stand in the text where nothing came out, such as in a branch that was not taken."""
        for room, symbol in self._walked.ports:
            owner = symbol.owner
            is_own = owner is None or owner.kind is Kind.TYPE
            if not symbol.made and (is_own or (owner is not None and not owner.made)):
                room.ports.setdefault(("" if is_own or owner is None else owner.name, symbol.name), symbol)

    def reference(self, reference: Reference) -> None:
        """Bind an end of an adjacency to its resource and its port."""
        room = reference.room
        if reference.text is not None:
            reference.resource, reference.port = self._taken_apart(room, *reference.text)
        if reference.resource is not None and reference.port is not None:
            (resource, at), (port, at_port) = reference.resource, reference.port
            self._use(room.resources.get(resource), at)
            self._use(room.ports.get((resource, port)), at_port)
            return
        ports = [self._rooms[type_].ports.get(ref) for type_, ref in self._joined.get(reference.span, ())]
        resources = [
            self._rooms[type_].resources.get(ref.resource) for type_, ref in self._joined.get(reference.span, ())
        ]
        if reference.handle is not None and reference.port is not None:
            ports += [it for it in self._walked.members.get(reference.handle, ()) if it.kind is Kind.PORT]
        is_text = not _is_followed(reference, self._text)
        for symbol in dict.fromkeys(resources):
            if symbol is not None and is_text:
                symbol.computed.append(reference.span)
        for symbol in dict.fromkeys(ports):
            if symbol is None:
                continue
            if reference.port is not None and (symbol.made or symbol.name == reference.port[0]):
                symbol.uses.append(reference.port[1])
            elif reference.port is None:
                symbol.computed.append(reference.span)

    def _taken_apart(self, room: IdScope, text: str, span: Span) -> tuple[tuple[str, Span], tuple[str, Span]]:
        ports_of = self._ports_of.get(room.span)
        if ports_of is None:
            ports_of = self._ports_of[room.span] = {resource: set() for resource in room.resources}
            for resource, port in room.ports:
                ports_of.setdefault(resource, set()).add(port)
        ref = split_reference(text, ports_of, ports_of.get("", ()))
        middle = span.start + len(ref.resource)
        return (ref.resource, Span(span.start, middle)), (ref.port, Span(span.end - len(ref.port), span.end))

    def _use(self, symbol: Symbol | None, span: Span) -> None:
        if symbol is not None and span.end > span.start:
            symbol.uses.append(span)


def _is_followed(reference: Reference, text: str) -> bool:
    """Whether an end goes by a variable, which goes on holding a resource whatever its id comes to be."""
    return text[reference.span.start] not in "\"'"
