"""Outline of a text: types, in them their resources, and in these their ports."""

from __future__ import annotations

from dataclasses import dataclass

from gtsdsl.lsp.symbols import Index, Symbol, SymbolKind
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

MAX_ENTRIES = 2_000
"""Greatest number of entries, because editors are slow with more. If there are more, ports are left out first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an outline, with the lines below it."""

    name: str
    detail: str
    kind: SymbolKind
    extent: Span
    """The whole definition."""
    head: Span
    """The name, or the word before the braces; always inside ``extent``."""
    children: tuple[Entry, ...]


def outline(index: Index) -> list[Entry]:
    """Return the outline of a text."""
    shown = [symbol for symbol in index.symbols if symbol.kind is not SymbolKind.VARIABLE]
    with_ports = len(shown) <= MAX_ENTRIES
    roots = [symbol for symbol in shown if symbol.kind in (SymbolKind.TYPE, SymbolKind.METHOD) or symbol.owner is None]
    left = [MAX_ENTRIES]  # entries that may still be added; a list, because all calls of _entry count it down
    return [_entry(index, root, left, with_ports) for root in roots if with_ports or root.kind is not SymbolKind.PORT]


def _entry(index: Index, symbol: Symbol, left: list[int], with_ports: bool) -> Entry:
    children = []
    for member in index.members.get(symbol, ()):
        if left[0] <= 0:
            break
        if with_ports or member.kind is not SymbolKind.PORT:
            left[0] -= 1
            children.append(_entry(index, member, left, with_ports))
    extent, head = symbol.extent, symbol.head
    node = symbol.node
    word = node.name.id if isinstance(node, nodes.Block) else symbol.kind.value
    detail = {SymbolKind.TYPE: "type", SymbolKind.METHOD: "method"}.get(symbol.kind, word)
    inside = head if extent.start <= head.start and head.end <= extent.end else Span(extent.start, extent.start)
    return Entry(printable(symbol.name or word, 200), detail, symbol.kind, extent, inside, tuple(children))
