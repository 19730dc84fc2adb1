"""Names to an `Index`: each reference is bound to the resource and the port that it names."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.lsp.names import Names, Reference
from gtsdsl.lsp.symbols import IdScope, Index, Symbol, SymbolKind, occurrences
from gtsdsl.lsp.walk import walk
from gtsdsl.model.references import split_reference
from gtsdsl.model.testbed import PortRef, Testbed
from gtsdsl.source import Location, Span
from gtsdsl.syntax import nodes


def index(body: nodes.Body, text: str, testbed: Testbed | None) -> Index:
    """Return the index of a text.

    ``testbed`` is the testbed that the text describes, or None. It gives the ids that loops and interpolation make.
    """
    names = walk(body, text)
    binder = _Binder(names, text)
    if testbed is not None:
        for part in all_testbeds(testbed):
            binder.add_testbed(part)
    binder.add_written_ports()
    for reference in names.references:
        binder.bind(reference)
    for id_scope, name, span in names.other_words:
        symbol = id_scope.resources.get(name)
        if symbol is not None:
            symbol.uses.append(span)
    symbols = tuple(names.symbols)
    scopes = tuple(names.scopes)
    return Index(tuple(names.id_scopes), names.types, symbols, names.members, scopes, occurrences(symbols))


def all_testbeds(testbed: Testbed) -> Iterator[Testbed]:
    """Yield a testbed and all testbeds nested in it; one that occurs several times is yielded once."""
    seen: set[int] = set()
    todo = [testbed]
    while todo:
        part = todo.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            todo.extend(item for item in part.resources if isinstance(item, Testbed))


class _Binder:
    """The ids of all scopes, to which references are bound."""

    def __init__(self, names: Names, text: str) -> None:
        self._names = names
        self._text = text
        self._id_scopes: dict[str, IdScope] = {}
        for id_scope in names.id_scopes:
            if id_scope.type is not None:
                self._id_scopes.setdefault(id_scope.type.name, id_scope)
        self._symbols_by_start = {
            place.start: symbol
            for symbol in names.symbols
            if symbol.kind in (SymbolKind.RESOURCE, SymbolKind.PORT)
            for place in symbol.places
        }
        self._plain_spans = {reference.span for reference in names.references if reference.resource is not None}
        self._ports_by_place: dict[Span, dict[tuple[str, PortRef], None]] = {}
        self._ports_of: dict[Span, dict[str, set[str]]] = {}

    def add_testbed(self, testbed: Testbed) -> None:
        """Add the ids that evaluation gave to the resources and ports of a testbed."""
        id_scope = self._id_scopes.get(testbed.type)
        if id_scope is None:
            return
        for port in testbed.ports:
            self._add_port(id_scope, "", port.id, port.place)
        for resource in testbed.resources:
            symbol = self._symbol(resource.place)
            if symbol is not None:
                id_scope.resources.setdefault(resource.id, symbol)
            for port in resource.ports:
                self._add_port(id_scope, resource.id, port.id, port.place)
        for adjacency in testbed.adjacencies:
            for ref, place in ((adjacency.first, adjacency.first_place), (adjacency.second, adjacency.second_place)):
                if isinstance(place, Span) and place not in self._plain_spans:
                    self._ports_by_place.setdefault(place, {})[testbed.type, ref] = None

    def _add_port(self, id_scope: IdScope, resource: str, port: str, place: Location | None) -> None:
        symbol = self._symbol(place)
        if symbol is not None:
            id_scope.ports.setdefault((resource, port), symbol)

    def _symbol(self, place: Location | None) -> Symbol | None:
        """Return the symbol that is defined at a place of a testbed: such a place includes the quotes of a string."""
        if not isinstance(place, Span):
            return None
        return self._symbols_by_start.get(place.start + 1) or self._symbols_by_start.get(place.start)

    def add_written_ports(self) -> None:
        """Add the ports that are written in the text but not in a testbed, such as in a branch that was not run."""
        for id_scope, symbol in self._names.ports:
            owner = symbol.owner
            is_own = owner is None or owner.kind is SymbolKind.TYPE
            if not symbol.is_computed and (is_own or (owner is not None and not owner.is_computed)):
                id_scope.ports.setdefault(("" if is_own or owner is None else owner.name, symbol.name), symbol)

    def bind(self, reference: Reference) -> None:
        """Add an end of an adjacency to the uses of its resource and its port."""
        id_scope = reference.id_scope
        if reference.text is not None:
            reference.resource, reference.port = self._split(id_scope, *reference.text)
        if reference.resource is not None and reference.port is not None:
            (resource, at), (port, at_port) = reference.resource, reference.port
            self._use(id_scope.resources.get(resource), at)
            self._use(id_scope.ports.get((resource, port)), at_port)
            return
        evaluated = [(self._id_scopes[type_], ref) for type_, ref in self._ports_by_place.get(reference.span, ())]
        ports = [scope.ports.get(ref) for scope, ref in evaluated]
        resources = [scope.resources.get(ref.resource) for scope, ref in evaluated]
        if reference.variable_value is not None and reference.port is not None:
            ports += [it for it in self._names.members.get(reference.variable_value, ()) if it.kind is SymbolKind.PORT]
        is_variable = _is_variable(reference, self._text)
        for symbol in dict.fromkeys(resources):
            if symbol is not None and not is_variable:
                symbol.computed_uses.append(reference.span)
        for symbol in dict.fromkeys(ports):
            if symbol is None:
                continue
            if reference.port is not None and (symbol.is_computed or symbol.name == reference.port[0]):
                symbol.uses.append(reference.port[1])
            elif reference.port is None:
                symbol.computed_uses.append(reference.span)

    def _split(self, id_scope: IdScope, text: str, span: Span) -> tuple[tuple[str, Span], tuple[str, Span]]:
        ports_of = self._ports_of.get(id_scope.span)
        if ports_of is None:
            ports_of = self._ports_of[id_scope.span] = {resource: set() for resource in id_scope.resources}
            for resource, port in id_scope.ports:
                ports_of.setdefault(resource, set()).add(port)
        ref = split_reference(text, ports_of, ports_of.get("", ()))
        middle = span.start + len(ref.resource)
        return (ref.resource, Span(span.start, middle)), (ref.port, Span(span.end - len(ref.port), span.end))

    def _use(self, symbol: Symbol | None, span: Span) -> None:
        if symbol is not None and span.end > span.start:
            symbol.uses.append(span)


def _is_variable(reference: Reference, text: str) -> bool:
    """Return whether a reference names a variable, which holds its resource even if the id of the resource changes."""
    return text[reference.span.start] not in "\"'"
