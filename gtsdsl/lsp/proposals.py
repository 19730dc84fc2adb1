"""Proposals of completion, and the cursor that they are made for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gtsdsl.circuits import SITES
from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.context import Context
from gtsdsl.lsp.symbols import Symbol, SymbolKind, VariableScope
from gtsdsl.rules.value_checks import NAMED_FLAVORS, PORT_MODES, SWITCH_MODES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


class ProposalKind(Enum):
    """The kind of a proposal, for which an editor shows a sign; the value is the word that describes it."""

    CLASS = "class"
    TYPE = "type"
    ATTRIBUTE = "attribute"
    BLOCK = "block"
    KEYWORD = "keyword"
    METHOD = "method"
    VARIABLE = "variable"
    RESOURCE = "resource"
    PORT = "port"
    SITE = "site"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that completion proposes."""

    text: str
    kind: ProposalKind
    span: Span
    """The span that the text replaces."""
    detail: str = ""
    """A few words behind the text in the editor's list."""
    meaning: str = ""
    """A sentence in Markdown."""
    rank: int = 5
    """The order of proposals, lowest first."""
    snippet: str | None = None
    """The text with stops for the cursor, such as ``$1``, for an editor that supports them; None without stops."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor in a text, with all that is known about the place."""

    text: str
    offset: int
    word: Span
    """The word that the cursor is in or behind; empty where there is no word."""
    context: Context
    analysis: Analysis
    """The analysis of the text, or of an older text."""
    old_offset: int
    """The offset of the cursor in the text of the analysis."""

    def variable(self, name: str) -> Symbol | None:
        """Return the variable or method of a name that the cursor sees."""
        return self.analysis.index.scope_at(self.old_offset).find(name)


def variables(cursor: Cursor) -> Iterator[Proposal]:
    """Yield the variables and methods that the cursor sees, the nearest first."""
    scope: VariableScope | None = cursor.analysis.index.scope_at(cursor.old_offset)
    seen: set[str] = set()
    while scope is not None:
        for name, symbol in scope.names.items():
            if name in seen or (symbol.kind is SymbolKind.VARIABLE and symbol.extent.start > cursor.old_offset):
                continue
            seen.add(name)
            if symbol.kind is SymbolKind.METHOD:
                detail = f"{name}({', '.join(parameter_names(symbol))})"
                yield Proposal(name, ProposalKind.METHOD, cursor.word, detail, rank=4, snippet=f"{name}($1)")
            else:
                yield Proposal(name, ProposalKind.VARIABLE, cursor.word, "variable", rank=3)
        scope = scope.parent


def values_of(attribute: str, span: Span) -> Iterator[Proposal]:
    """Yield the known values of an attribute, without quotes."""
    if attribute == "location":
        for site in SITES:
            yield Proposal(site.code, ProposalKind.SITE, span, f"{site.city}, {site.country}", rank=1)
            for alias in site.aliases:
                yield Proposal(alias, ProposalKind.SITE, span, f"{site.city}, as {site.code}", rank=2)
    words = {"mode": PORT_MODES, "switchMode": SWITCH_MODES, "flavorId": NAMED_FLAVORS, "flavor": NAMED_FLAVORS}
    for word in words.get(attribute, ()):
        yield Proposal(word, ProposalKind.VALUE, span, "value", rank=1)


def parameter_names(symbol: Symbol) -> list[str]:
    """Return the names of the parameters of a type or a method; an empty list for other symbols."""
    if isinstance(symbol.node, nodes.TypeDefinition | nodes.MethodDefinition):
        return [parameter.name.id for parameter in symbol.node.parameters]
    return []
