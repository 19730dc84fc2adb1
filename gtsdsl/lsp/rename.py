"""Renaming: the places where the name under a cursor is written, or the reason why it cannot be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

from gtsdsl.loading import check
from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.navigation import symbols_sharing_places
from gtsdsl.lsp.symbols import IdScope, Symbol, SymbolKind, VariableScope
from gtsdsl.model.references import RESERVED_WORDS, is_name
from gtsdsl.source import Source, Span
from gtsdsl.text import printable

MAX_VERIFIED = 1_000_000
"""Greatest number of characters of a text that is evaluated again, to verify a renaming."""


class RenameError(Exception):
    """A name cannot be changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """A name that can be changed."""

    name: str
    place: Span
    """The place of the name under the cursor."""
    places: tuple[Span, ...]
    """All places where the name is written."""


def prepare(analysis: Analysis, offset: int) -> Renaming:
    """Return the name at an offset, and where it is written.

    Raises:
        RenameError: the text defines no name that stands at the offset, or an expression makes the name.
    """
    place, symbols = analysis.index.occurrences.at(offset)
    if not symbols:
        raise RenameError("only ids, ports, variables, types and methods can be renamed")
    symbols = symbols_sharing_places(analysis, symbols)
    for symbol in symbols:
        _refuse_computed(analysis, symbol)
    names = {symbol.name for symbol in symbols}
    name = symbols[0].name
    places = dict.fromkeys(span for symbol in symbols for span in (*symbol.places, *symbol.uses))
    if len(names) > 1 or any(analysis.text[span.start : span.end] != name for span in places):
        raise RenameError(f"`{printable(name)}` is written in several ways: change it by hand")
    return Renaming(name, place, tuple(sorted(places)))


def rename(analysis: Analysis, offset: int, new: str) -> list[Span]:
    """Return the places where a new name is to be written.

    Raises:
        RenameError: the new name is invalid or taken, an expression makes the old one, or the meaning would change.
    """
    found = prepare(analysis, offset)
    _, symbols = analysis.index.occurrences.at(offset)
    symbols = symbols_sharing_places(analysis, symbols)
    if new == found.name:
        return []
    _refuse_invalid(analysis, symbols[0], found, new)
    for symbol in symbols:
        _refuse_taken(analysis, symbol, new)
    _verify(analysis, found, new)
    return list(found.places)


def _refuse_computed(analysis: Analysis, symbol: Symbol) -> None:
    if symbol.is_computed:
        place = symbol.places[-1]
        line = Source("", analysis.text).position(place.start).line
        made_by = printable(analysis.text[place.start : place.end], 40)
        raise RenameError(f"this {symbol.kind.value} is made by `{made_by}` in line {line}: change that")
    if symbol.computed_uses:
        place = symbol.computed_uses[0]
        line = Source("", analysis.text).position(place.start).line
        shown = printable(analysis.text[place.start : place.end], 40)
        raise RenameError(
            f"`{printable(symbol.name)}` is also named by `{shown}` in line {line}, which is computed: "
            "change both by hand"
        )


def _refuse_invalid(analysis: Analysis, symbol: Symbol, found: Renaming, new: str) -> None:
    shown = printable(new, 40)
    if not new:
        raise RenameError("a name cannot be empty")
    if symbol.kind in (SymbolKind.RESOURCE, SymbolKind.PORT):
        bare = [span for span in found.places if not _in_quotes(analysis.text, span)]
        if not bare and new.isprintable() and not set(new) & set("\"'\\$."):
            return
        if not is_name(new):
            line = f" in line {Source('', analysis.text).position(bare[0].start).line}" if bare else ""
            raise RenameError(
                f"`{shown}` cannot be written as a bare word, as it would have to be{line}: "
                "letters, digits and _, not a digit first, and no word of the language"
            )
        return
    if new in RESERVED_WORDS:
        raise RenameError(f"`{shown}` is a word of the language")
    if not is_name(new):
        raise RenameError(f"`{shown}` is no name: letters, digits and _, not a digit first")


def _in_quotes(text: str, span: Span) -> bool:
    """Return whether a name stands in a string, alone or as a part of `"h1.p1"`."""
    line = text.rfind("\n", 0, span.start) + 1
    behind = text[span.end : span.end + 1]
    before = text[span.start - 1 : span.start]
    if before in "\"'" or behind in "\"'":
        return True
    return before == "." and text[line : span.start].count('"') % 2 == 1


def _refuse_taken(analysis: Analysis, symbol: Symbol, new: str) -> None:
    shown = printable(new, 40)
    index = analysis.index
    if symbol.kind is SymbolKind.TYPE and (
        new in index.types or any(it.type and it.type.name == new for it in index.id_scopes)
    ):
        raise RenameError(f"there is a type `{shown}` already")
    if symbol.kind in (SymbolKind.VARIABLE, SymbolKind.METHOD):
        for span in (*symbol.places, *symbol.uses):
            scope = index.scope_at(span.start)
            if scope.find(new) is not None or new in scope.names:
                raise RenameError(f"there is a variable or method `{shown}` already, seen from where this one is used")
        if any(new in scope.names for scope in index.scopes if _is_within(scope, symbol, index.scopes)):
            raise RenameError(f"there is a variable `{shown}` within where this one is seen")
    for id_scope in index.id_scopes:
        if symbol in id_scope.resources.values() and new in id_scope.resources:
            raise RenameError(f"there is a resource `{shown}` already")
        if symbol in id_scope.ports.values() and _port_taken(id_scope, symbol, new):
            raise RenameError(f"there is a port `{shown}` already")
    if symbol.kind is SymbolKind.RESOURCE and any(
        index.scope_at(span.start).find(new) is not None for span in symbol.uses
    ):
        raise RenameError(f"`{shown}` is a variable where this resource is named")


def _port_taken(id_scope: IdScope, symbol: Symbol, new: str) -> bool:
    return any((resource, new) in id_scope.ports for (resource, _), other in id_scope.ports.items() if other is symbol)


def _is_within(scope: VariableScope, symbol: Symbol, scopes: tuple[VariableScope, ...]) -> bool:
    """Return whether a scope is, or is inside, the scope that defines a symbol."""
    home = next((it for it in scopes if it.names.get(symbol.name) is symbol), None)
    inner: VariableScope | None = scope
    while inner is not None and home is not None:
        if inner is home:
            return True
        inner = inner.parent
    return False


def _verify(analysis: Analysis, found: Renaming, new: str) -> None:
    """Evaluate the renamed text, and refuse the renaming if more than the name has changed.

    A text without variables and interpolation need not be verified. In any other, an expression may join a name from
    parts.
    """
    index = analysis.index
    is_plain = all(
        symbol.kind in (SymbolKind.RESOURCE, SymbolKind.PORT) and not symbol.is_computed for symbol in index.symbols[1:]
    )
    before = analysis.check_result
    if is_plain or before.testbed is None or len(analysis.text) > MAX_VERIFIED:
        return
    pieces, last = [], 0
    for span in found.places:
        pieces += [analysis.text[last : span.start], new]
        last = span.end
    after = check(Source("", "".join(pieces) + analysis.text[last:]))
    codes = Counter(finding.code for finding in before.diagnostics)
    changed = Counter(finding.code for finding in after.diagnostics) != codes
    if changed or after.testbed is None or not _differ_in_name_only(before.testbed, after.testbed, found.name, new):
        raise RenameError(
            f"an expression computes `{printable(found.name)}` elsewhere, so the text would mean something else with a "
            "new name here: change it by hand"
        )


def _differ_in_name_only(before: object, after: object, old: str, new: str) -> bool:
    """Return whether two testbeds, or parts of them, are equal but for a name."""
    if before == after:
        return True
    if isinstance(before, str):
        return isinstance(after, str) and after == before.replace(old, new)
    if type(before) is not type(after):
        return False
    if isinstance(before, tuple | list) and isinstance(after, tuple | list):
        return len(before) == len(after) and all(
            _differ_in_name_only(one, other, old, new) for one, other in zip(before, after, strict=True)
        )
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _differ_in_name_only(list(before.items()), list(after.items()), old, new)
    if is_dataclass(before) and not isinstance(before, type):
        return all(
            _differ_in_name_only(getattr(before, part.name), getattr(after, part.name), old, new)
            for part in fields(before)
            if part.compare
        )
    return False
