"""Symbols: the named things of a text, with the places where each is defined and used."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from operator import itemgetter
from typing import TypeAlias

from gtsdsl.source import Span
from gtsdsl.syntax import nodes

DefiningNode: TypeAlias = (
    nodes.TypeDefinition
    | nodes.MethodDefinition
    | nodes.Declaration
    | nodes.Parameter
    | nodes.ForIn
    | nodes.Block
    | nodes.Closure
)
"""The nodes that define a name. (A closure defines ``it``.)"""


class SymbolKind(Enum):
    """The kind of thing that a name stands for; the value is the word that messages use."""

    TYPE = "type"
    METHOD = "method"
    VARIABLE = "variable"
    RESOURCE = "id"
    PORT = "port"


@dataclass(slots=True, eq=False)
class Symbol:
    """A named thing of a text. Its lists grow while an `Index` is built, and do not change afterwards.

    A symbol refers to its owner. The owner does not refer back, because Python would free the symbols of a large text
    late if they were in reference cycles.
    """

    kind: SymbolKind
    name: str
    node: DefiningNode = field(repr=False)
    owner: Symbol | None = field(default=None, repr=False)
    """The resource or type around the symbol; None at the top of the text."""
    places: list[Span] = field(default_factory=list)
    """Places where the name is defined."""
    is_computed: bool = False
    """Whether an expression gives the name, such as ``"h${i}"``; then ``name`` is the text of the expression."""
    uses: list[Span] = field(default_factory=list)
    """Other places where the name is written letter by letter."""
    computed_uses: list[Span] = field(default_factory=list)
    """Expressions whose value is the name."""

    @property
    def extent(self) -> Span:
        """The whole definition."""
        return Span(self.node.start, self.node.end)

    @property
    def head(self) -> Span:
        """The place that an editor jumps to: the name, or the word before the braces if the name is missing."""
        if self.places:
            return self.places[0]
        name = self.node.name if not isinstance(self.node, nodes.Closure) else None
        return Span(name.start, name.end) if name else Span(self.node.start, self.node.start)


@dataclass(slots=True, eq=False)
class VariableScope:
    """The variables between a pair of braces, and the scope around it."""

    parent: VariableScope | None
    span: Span
    names: dict[str, Symbol] = field(default_factory=dict)

    def find(self, name: str) -> Symbol | None:
        """Return the nearest variable or method of a name; None if no scope has it."""
        scope: VariableScope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


@dataclass(slots=True, eq=False)
class IdScope:
    """The resources and ports of a type or a header, by id. ``type`` is None at the top of the text."""

    type: Symbol | None
    span: Span
    resources: dict[str, Symbol] = field(default_factory=dict)
    ports: dict[tuple[str, str], Symbol] = field(default_factory=dict)
    """Ports by the ids of resource and port; the id of the resource is empty for a port of the type itself."""


@dataclass(frozen=True)
class Index:
    """All symbols of a text."""

    id_scopes: tuple[IdScope, ...]
    """The first is the top of the text."""
    types: dict[str, Symbol]
    symbols: tuple[Symbol, ...]
    members: dict[Symbol, list[Symbol]]
    """The resources and ports of a type, the ports of a resource, in the order of the text."""
    scopes: tuple[VariableScope, ...]
    """Scopes of variables, in the order in which they begin."""
    occurrences: Occurrences

    def id_scope_at(self, offset: int) -> IdScope:
        """Return the innermost type or header around an offset."""
        around = [scope for scope in self.id_scopes if scope.span.start < offset <= scope.span.end]
        return max(around, key=lambda scope: scope.span.start, default=self.id_scopes[0])

    def scope_at(self, offset: int) -> VariableScope:
        """Return the innermost scope of variables around an offset."""
        # the innermost scope is the last that begins before the offset, or a scope around that one
        scope = self.scopes[bisect_right(self._scope_starts, offset) - 1]
        while scope.parent is not None and offset > scope.span.end:
            scope = scope.parent
        return scope

    @cached_property
    def _scope_starts(self) -> list[int]:
        return [scope.span.start for scope in self.scopes]


@dataclass(frozen=True)
class Occurrences:
    """The places of all symbols."""

    entries: tuple[tuple[int, int, Symbol], ...]
    """Start, end and symbol, sorted by start."""

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _, _ in self.entries]

    @cached_property
    def _longest(self) -> int:
        return max((end - start for start, end, _ in self.entries), default=0)

    def at(self, offset: int) -> tuple[Span, list[Symbol]]:
        """Return the shortest place around an offset (its end included), and the symbols that stand there."""
        best = Span(offset, offset)
        symbols: list[Symbol] = []
        for start, end, symbol in self._near(offset):
            span = Span(start, end)
            if span == best:
                symbols.append(symbol)
            elif not symbols or end - start < best.end - best.start:
                best, symbols = span, [symbol]
        # in `id = name`, the word `name` is a variable first; that it defines the id comes second
        preferred = [symbol for symbol in symbols if not (symbol.is_computed and best in symbol.places)]
        return best, list(dict.fromkeys(preferred or symbols))

    def exactly_at(self, span: Span) -> list[Symbol]:
        """Return the symbols whose place is this span."""
        return [symbol for start, end, symbol in self._near(span.start) if (start, end) == span]

    def _near(self, offset: int) -> list[tuple[int, int, Symbol]]:
        last = bisect_right(self._starts, offset)
        first = bisect_right(self._starts, offset - self._longest - 1)
        return [entry for entry in self.entries[first:last] if entry[1] >= offset]


def occurrences(symbols: tuple[Symbol, ...]) -> Occurrences:
    """Return the places of symbols."""
    entries = [
        (span.start, span.end, symbol)
        for symbol in symbols
        for span in dict.fromkeys((*symbol.places, *symbol.uses, *symbol.computed_uses))
    ]
    entries.sort(key=itemgetter(0, 1))
    return Occurrences(tuple(entries))
