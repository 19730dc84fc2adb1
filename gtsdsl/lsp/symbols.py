"""The names of a text as values: what each is, where it is defined and where it is used."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from operator import itemgetter
from typing import TypeAlias

from gtsdsl.source import Span
from gtsdsl.syntax import nodes

Definer: TypeAlias = (
    nodes.TypeDefinition
    | nodes.MethodDefinition
    | nodes.Declaration
    | nodes.Parameter
    | nodes.ForIn
    | nodes.Block
    | nodes.Closure
)
"""What can bring a name into being. (A closure brings ``it``.)"""


class Kind(Enum):
    """What a name stands for."""

    TYPE = "type"
    METHOD = "method"
    VARIABLE = "variable"
    RESOURCE = "id"
    PORT = "port"


@dataclass(slots=True, eq=False)
class Symbol:
    """One thing that has a name. Its lists grow while an `Index` is made, and are final then.

    It knows its owner, the owner does not know it: in a circle, a large text's symbols would outlive it.

    ``places`` are where the name stands where it is defined; ``uses`` where it stands elsewhere, letter by letter;
    ``computed`` are expressions that come to it. The name is ``made`` where it is no plain text (``"h${i}"``).
    """

    kind: Kind
    name: str
    node: Definer = field(repr=False)
    owner: Symbol | None = field(default=None, repr=False)
    places: list[Span] = field(default_factory=list)
    made: bool = False
    uses: list[Span] = field(default_factory=list)
    computed: list[Span] = field(default_factory=list)

    @property
    def extent(self) -> Span:
        """All of the declaration."""
        return Span(self.node.start, self.node.end)

    @property
    def head(self) -> Span:
        """Where an editor jumps to: the name, or the word before the braces where there is none."""
        if self.places:
            return self.places[0]
        name = self.node.name if not isinstance(self.node, nodes.Closure) else None
        return Span(name.start, name.end) if name else Span(self.node.start, self.node.start)


@dataclass(slots=True, eq=False)
class Variables:
    """The variables between a pair of braces, and those around them."""

    parent: Variables | None
    span: Span
    names: dict[str, Symbol] = field(default_factory=dict)

    def find(self, name: str) -> Symbol | None:
        """The nearest variable or method of a name."""
        variables: Variables | None = self
        while variables is not None:
            if name in variables.names:
                return variables.names[name]
            variables = variables.parent
        return None


@dataclass(slots=True, eq=False)
class IdScope:
    """The inside of a type, or of a header: what ids mean there. ``type`` is None at the top of the file."""

    type: Symbol | None
    span: Span
    resources: dict[str, Symbol] = field(default_factory=dict)
    ports: dict[tuple[str, str], Symbol] = field(default_factory=dict)
    """By the ids of resource (empty: the type's own) and port."""


@dataclass(frozen=True)
class Index:
    """All names of a text."""

    rooms: tuple[IdScope, ...]
    """The first is the top of the file."""
    types: dict[str, Symbol]
    symbols: tuple[Symbol, ...]
    members: dict[Symbol, list[Symbol]]
    """The resources and ports of a type, the ports of a resource, in the order of the text."""
    scopes: tuple[Variables, ...]
    """In the order in which they begin."""
    occurrences: Occurrences

    def room_at(self, offset: int) -> IdScope:
        """The innermost room around an offset."""
        inside = [room for room in self.rooms if room.span.start < offset <= room.span.end]
        return max(inside, key=lambda room: room.span.start, default=self.rooms[0])

    def scope_at(self, offset: int) -> Variables:
        """The innermost variables around an offset."""
        # scopes nest: the innermost one is the last that begins before, or one around that
        found = self.scopes[bisect_right(self._scope_starts, offset) - 1]
        while found.parent is not None and offset > found.span.end:
            found = found.parent
        return found

    @cached_property
    def _scope_starts(self) -> list[int]:
        return [scope.span.start for scope in self.scopes]


@dataclass(frozen=True)
class Occurrences:
    """Which symbol stands where."""

    found: tuple[tuple[int, int, Symbol], ...]
    """Start, end and symbol, by start."""

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _, _ in self.found]

    @cached_property
    def _longest(self) -> int:
        return max((end - start for start, end, _ in self.found), default=0)

    def at(self, offset: int) -> tuple[Span, list[Symbol]]:
        """The shortest stretch around an offset (its end included) that stands for something, and what for."""
        best = Span(offset, offset)
        symbols: list[Symbol] = []
        for start, end, symbol in self._near(offset):
            span = Span(start, end)
            if span == best:
                symbols.append(symbol)
            elif not symbols or end - start < best.end - best.start:
                best, symbols = span, [symbol]
        # in `id = name` the word is a variable first, and what the id is made by second
        first = [symbol for symbol in symbols if not (symbol.made and best in symbol.places)]
        return best, list(dict.fromkeys(first or symbols))

    def on(self, span: Span) -> list[Symbol]:
        """The symbols that stand exactly there."""
        return [symbol for start, end, symbol in self._near(span.start) if (start, end) == span]

    def _near(self, offset: int) -> list[tuple[int, int, Symbol]]:
        last = bisect_right(self._starts, offset)
        first = bisect_right(self._starts, offset - self._longest - 1)
        return [found for found in self.found[first:last] if found[1] >= offset]


def occurrences(symbols: tuple[Symbol, ...]) -> Occurrences:
    """Where the symbols stand, sorted."""
    found = [
        (span.start, span.end, symbol)
        for symbol in symbols
        for span in dict.fromkeys((*symbol.places, *symbol.uses, *symbol.computed))
    ]
    found.sort(key=itemgetter(0, 1))
    return Occurrences(tuple(found))
