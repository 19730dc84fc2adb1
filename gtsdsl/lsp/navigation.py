"""Definitions and references of the names under a cursor."""

from __future__ import annotations

from collections.abc import Iterable

from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.symbols import Symbol
from gtsdsl.source import Span

MAX_PLACES = 10_000
"""Greatest number of places in one answer."""


def definitions(analysis: Analysis, offset: int) -> list[Span]:
    """Return the places where the names at an offset are defined.

    A resource that a loop declares is defined where the loop sets its id.
    """
    _, symbols = analysis.index.occurrences.at(offset)
    return _in_order(span for symbol in symbols for span in (symbol.places or [symbol.head]))


def references(analysis: Analysis, offset: int, *, with_definitions: bool = True) -> list[Span]:
    """Return the places of the names at an offset, and of the expressions whose value is such a name."""
    _, symbols = analysis.index.occurrences.at(offset)
    return _in_order(
        span
        for symbol in symbols_sharing_places(analysis, symbols)
        for span in (*(symbol.places if with_definitions else ()), *symbol.uses, *symbol.computed_uses)
    )


def symbols_sharing_places(analysis: Analysis, symbols: list[Symbol]) -> list[Symbol]:
    """Return symbols with all that share a place with them: `hosts[i].p1` is a port of many hosts."""
    found = dict.fromkeys(symbols)
    todo = list(symbols)
    while todo:
        symbol = todo.pop()
        for span in dict.fromkeys((*symbol.uses, *symbol.computed_uses)):
            for other in analysis.index.occurrences.exactly_at(span):
                if other not in found and other.kind is symbol.kind:
                    found[other] = None
                    todo.append(other)
    return list(found)


def _in_order(spans: Iterable[Span]) -> list[Span]:
    return sorted(dict.fromkeys(spans))[:MAX_PLACES]
