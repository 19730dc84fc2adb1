"""From a cursor and a new name to the edits that rename what stands there everywhere, or why that cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

from gtsdsl.loading import check
from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.navigation import same_name
from gtsdsl.lsp.symbols import IdScope, Kind, Symbol, Variables
from gtsdsl.model.references import RESERVED_WORDS, is_name
from gtsdsl.source import Source, Span
from gtsdsl.text import printable

MAX_VERIFIED = 1_000_000
"""Characters of a text that is evaluated again to see that a renaming keeps what it means."""


class CannotRename(Exception):
    """Why a name cannot be changed, in a sentence for people."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """A name, where the cursor stands on it, and all places where it is written."""

    name: str
    place: Span
    places: tuple[Span, ...]


def prepare(analysis: Analysis, offset: int) -> Renaming:
    """What would be renamed at an offset.

    Raises:
        CannotRename: there is nothing that has a name of the text's own, or it is made by an expression.
    """
    place, symbols = analysis.index.occurrences.at(offset)
    if not symbols:
        raise CannotRename("only ids, ports, variables, types and methods can be renamed")
    symbols = same_name(analysis, symbols)
    for symbol in symbols:
        _refuse_made(analysis, symbol)
    names = {symbol.name for symbol in symbols}
    name = symbols[0].name
    places = dict.fromkeys(span for symbol in symbols for span in (*symbol.places, *symbol.uses))
    if len(names) > 1 or any(analysis.text[span.start : span.end] != name for span in places):
        raise CannotRename(f"`{printable(name)}` is written in several ways: change it by hand")
    return Renaming(name, place, tuple(sorted(places)))


def rename(analysis: Analysis, offset: int, new: str) -> list[Span]:
    """The places to write a new name at.

    Raises:
        CannotRename: the name is none, is taken, or is made by an expression; or the text would mean something else.
    """
    found = prepare(analysis, offset)
    _, symbols = analysis.index.occurrences.at(offset)
    symbols = same_name(analysis, symbols)
    if new == found.name:
        return []
    _refuse_bad(analysis, symbols[0], found, new)
    for symbol in symbols:
        _refuse_taken(analysis, symbol, new)
    _verify(analysis, found, new)
    return list(found.places)


def _refuse_made(analysis: Analysis, symbol: Symbol) -> None:
    if symbol.made:
        place = symbol.places[-1]
        line = Source("", analysis.text).position(place.start).line
        made_by = printable(analysis.text[place.start : place.end], 40)
        raise CannotRename(f"this {symbol.kind.value} is made by `{made_by}` in line {line}: change that")
    if symbol.computed:
        place = symbol.computed[0]
        line = Source("", analysis.text).position(place.start).line
        shown = printable(analysis.text[place.start : place.end], 40)
        raise CannotRename(
            f"`{printable(symbol.name)}` is also named by `{shown}` in line {line}, which is worked out: "
            "change both by hand"
        )


def _refuse_bad(analysis: Analysis, symbol: Symbol, found: Renaming, new: str) -> None:
    shown = printable(new, 40)
    if not new:
        raise CannotRename("a name cannot be empty")
    if symbol.kind in (Kind.RESOURCE, Kind.PORT):
        bare = [span for span in found.places if not _in_quotes(analysis.text, span)]
        if not bare and new.isprintable() and not set(new) & set("\"'\\$."):
            return
        if not is_name(new):
            line = f" in line {Source('', analysis.text).position(bare[0].start).line}" if bare else ""
            raise CannotRename(
                f"`{shown}` cannot be written as a bare word, as it would have to be{line}: "
                "letters, digits and _, not a digit first, and no word of the language"
            )
        return
    if new in RESERVED_WORDS:
        raise CannotRename(f"`{shown}` is a word of the language")
    if not is_name(new):
        raise CannotRename(f"`{shown}` is no name: letters, digits and _, not a digit first")


def _in_quotes(text: str, span: Span) -> bool:
    """Whether a name stands in a string, alone or with another in `"h1.p1"`."""
    line = text.rfind("\n", 0, span.start) + 1
    behind = text[span.end : span.end + 1]
    before = text[span.start - 1 : span.start]
    if before in "\"'" or behind in "\"'":
        return True
    return before == "." and text[line : span.start].count('"') % 2 == 1


def _refuse_taken(analysis: Analysis, symbol: Symbol, new: str) -> None:
    shown = printable(new, 40)
    index = analysis.index
    if symbol.kind is Kind.TYPE and (new in index.types or any(it.type and it.type.name == new for it in index.rooms)):
        raise CannotRename(f"there is a type `{shown}` already")
    if symbol.kind in (Kind.VARIABLE, Kind.METHOD):
        for span in (*symbol.places, *symbol.uses):
            scope = index.scope_at(span.start)
            if scope.find(new) is not None or new in scope.names:
                raise CannotRename(f"there is a variable or method `{shown}` already, seen from where this one is used")
        if any(new in scope.names for scope in index.scopes if _is_within(scope, symbol, index.scopes)):
            raise CannotRename(f"there is a variable `{shown}` within where this one is seen")
    for room in index.rooms:
        if symbol in room.resources.values() and new in room.resources:
            raise CannotRename(f"there is a resource `{shown}` already")
        if symbol in room.ports.values() and _port_taken(room, symbol, new):
            raise CannotRename(f"there is a port `{shown}` already")
    if symbol.kind is Kind.RESOURCE and any(index.scope_at(span.start).find(new) is not None for span in symbol.uses):
        raise CannotRename(f"`{shown}` is a variable where this resource is named")


def _port_taken(room: IdScope, symbol: Symbol, new: str) -> bool:
    return any((resource, new) in room.ports for (resource, _), other in room.ports.items() if other is symbol)


def _is_within(scope: Variables, symbol: Symbol, scopes: tuple[Variables, ...]) -> bool:
    """Whether a scope stands in that of a symbol."""
    home = next((it for it in scopes if it.names.get(symbol.name) is symbol), None)
    inner: Variables | None = scope
    while inner is not None and home is not None:
        if inner is home:
            return True
        inner = inner.parent
    return False


def _verify(analysis: Analysis, found: Renaming, new: str) -> None:
    """See that the text means the same but for the name, where expressions may hold surprises.

    A text without variables and interpolation holds none; in one with them, a name may be put together from parts.
    """
    index = analysis.index
    is_plain = all(symbol.kind in (Kind.RESOURCE, Kind.PORT) and not symbol.made for symbol in index.symbols[1:])
    before = analysis.checked
    if is_plain or before.testbed is None or len(analysis.text) > MAX_VERIFIED:
        return
    pieces, last = [], 0
    for span in found.places:
        pieces += [analysis.text[last : span.start], new]
        last = span.end
    after = check(Source("", "".join(pieces) + analysis.text[last:]))
    codes = Counter(finding.code for finding in before.diagnostics)
    changed = Counter(finding.code for finding in after.diagnostics) != codes
    if changed or after.testbed is None or not _same(before.testbed, after.testbed, found.name, new):
        raise CannotRename(
            f"the text works `{printable(found.name)}` out in some other place too: with a new name here it would "
            "mean something else; change it by hand"
        )


def _same(before: object, after: object, old: str, new: str) -> bool:
    """Whether two testbeds, or parts of them, differ in nothing but a name."""
    if before == after:
        return True
    if isinstance(before, str):
        return isinstance(after, str) and after == before.replace(old, new)
    if type(before) is not type(after):
        return False
    if isinstance(before, tuple | list) and isinstance(after, tuple | list):
        return len(before) == len(after) and all(
            _same(one, other, old, new) for one, other in zip(before, after, strict=True)
        )
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _same(list(before.items()), list(after.items()), old, new)
    if is_dataclass(before) and not isinstance(before, type):
        return all(
            _same(getattr(before, part.name), getattr(after, part.name), old, new)
            for part in fields(before)
            if part.compare
        )
    return False
