"""From the names of a text to its outline: types, in them their resources, in those their ports."""

from __future__ import annotations

from dataclasses import dataclass

from gtsdsl.lsp.symbols import Index, Kind, Symbol
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

MAX_ENTRIES = 2_000
"""How many entries an outline has: no one reads more, and editors grow slow. Ports are left out first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an outline."""

    name: str
    detail: str
    kind: Kind
    extent: Span
    head: Span
    children: tuple[Entry, ...]


def outline(index: Index) -> list[Entry]:
    """The outline of a text."""
    shown = [symbol for symbol in index.symbols if symbol.kind is not Kind.VARIABLE]
    with_ports = len(shown) <= MAX_ENTRIES
    roots = [symbol for symbol in shown if symbol.kind in (Kind.TYPE, Kind.METHOD) or symbol.owner is None]
    left = [MAX_ENTRIES]
    return [_entry(index, root, left, with_ports) for root in roots if with_ports or root.kind is not Kind.PORT]


def _entry(index: Index, symbol: Symbol, left: list[int], with_ports: bool) -> Entry:
    children = []
    for member in index.members.get(symbol, ()):
        if left[0] <= 0:
            break
        if with_ports or member.kind is not Kind.PORT:
            left[0] -= 1
            children.append(_entry(index, member, left, with_ports))
    extent, head = symbol.extent, symbol.head
    node = symbol.node
    word = node.name.id if isinstance(node, nodes.Block) else symbol.kind.value
    detail = {Kind.TYPE: "type", Kind.METHOD: "method"}.get(symbol.kind, word)
    inside = head if extent.start <= head.start and head.end <= extent.end else Span(extent.start, extent.start)
    return Entry(printable(symbol.name or word, 200), detail, symbol.kind, extent, inside, tuple(children))
