"""From a cursor to where what it stands on is defined, and where else it is used."""

from __future__ import annotations

from collections.abc import Iterable

from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.symbols import Symbol
from gtsdsl.source import Span

MAX_PLACES = 10_000
"""How many places an answer names."""


def definitions(analysis: Analysis, offset: int) -> list[Span]:
    """Where the names at an offset are defined. What a loop makes is defined where the loop names it."""
    _, symbols = analysis.index.occurrences.at(offset)
    return _in_order(span for symbol in symbols for span in (symbol.places or [symbol.head]))


def references(analysis: Analysis, offset: int, *, with_definitions: bool = True) -> list[Span]:
    """All places where the names at an offset stand, or are come to by an expression."""
    _, symbols = analysis.index.occurrences.at(offset)
    return _in_order(
        span
        for symbol in same_name(analysis, symbols)
        for span in (*(symbol.places if with_definitions else ()), *symbol.uses, *symbol.computed)
    )


def same_name(analysis: Analysis, symbols: list[Symbol]) -> list[Symbol]:
    """Symbols and those that stand at one and the same place with them: `hosts[i].p1` is a port of many hosts."""
    found = dict.fromkeys(symbols)
    todo = list(symbols)
    while todo:
        symbol = todo.pop()
        for span in dict.fromkeys((*symbol.uses, *symbol.computed)):
            for other in analysis.index.occurrences.on(span):
                if other not in found and other.kind is symbol.kind:
                    found[other] = None
                    todo.append(other)
    return list(found)


def _in_order(spans: Iterable[Span]) -> list[Span]:
    return sorted(dict.fromkeys(spans))[:MAX_PLACES]
