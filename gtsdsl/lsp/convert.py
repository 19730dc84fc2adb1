"""Conversion of positions, findings, proposals and symbols to types of the language server protocol."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from gtsdsl.diagnostics import Diagnostic, Severity
from gtsdsl.lsp.hover import page
from gtsdsl.lsp.lines import EditorPosition, Lines
from gtsdsl.lsp.outline import Entry
from gtsdsl.lsp.proposals import Proposal, ProposalKind
from gtsdsl.lsp.symbols import SymbolKind
from gtsdsl.source import Span

MAX_FINDINGS = 500
"""Greatest number of findings that an editor gets; the first of the text are kept."""

_SEVERITIES = {Severity.ERROR: types.DiagnosticSeverity.Error, Severity.WARNING: types.DiagnosticSeverity.Warning}
_SYMBOL_KINDS = {
    SymbolKind.TYPE: types.SymbolKind.Class,
    SymbolKind.METHOD: types.SymbolKind.Function,
    SymbolKind.VARIABLE: types.SymbolKind.Variable,
    SymbolKind.RESOURCE: types.SymbolKind.Object,
    SymbolKind.PORT: types.SymbolKind.Field,
}
_PROPOSAL_KINDS = {
    ProposalKind.CLASS: types.CompletionItemKind.Class,
    ProposalKind.TYPE: types.CompletionItemKind.Class,
    ProposalKind.ATTRIBUTE: types.CompletionItemKind.Property,
    ProposalKind.BLOCK: types.CompletionItemKind.Struct,
    ProposalKind.KEYWORD: types.CompletionItemKind.Keyword,
    ProposalKind.METHOD: types.CompletionItemKind.Method,
    ProposalKind.VARIABLE: types.CompletionItemKind.Variable,
    ProposalKind.RESOURCE: types.CompletionItemKind.Reference,
    ProposalKind.PORT: types.CompletionItemKind.Field,
    ProposalKind.SITE: types.CompletionItemKind.EnumMember,
    ProposalKind.VALUE: types.CompletionItemKind.Value,
}


def position(place: EditorPosition) -> types.Position:
    """Convert a position to the protocol's type."""
    return types.Position(place.line, place.column)


def place(at: types.Position) -> EditorPosition:
    """Convert a position from the protocol's type."""
    return EditorPosition(at.line, at.character)


def range_of(lines: Lines, span: Span) -> types.Range:
    """Convert a span of a text to the protocol's range."""
    start, end = lines.range(span)
    return types.Range(position(start), position(end))


def diagnostics(findings: tuple[Diagnostic, ...], lines: Lines, uri: str) -> Iterator[types.Diagnostic]:
    """Convert findings; one about the text as a whole gets the text's beginning as its place."""
    for finding in findings[:MAX_FINDINGS]:
        span = finding.source.span(finding.place) if finding.place is not None else Span(0, 0)
        notes = [
            types.DiagnosticRelatedInformation(
                types.Location(uri, range_of(lines, finding.source.span(note.place))), note.message
            )
            for note in finding.notes
        ]
        yield types.Diagnostic(
            range=range_of(lines, span),
            message=f"{finding.message}\n{finding.hint}" if finding.hint else finding.message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=types.CodeDescription(page(finding.code)),
            source="gtsdsl",
            related_information=notes or None,
        )
    if len(findings) > MAX_FINDINGS:
        message = f"there are {len(findings) - MAX_FINDINGS} more findings: `gtsdsl check` shows all"
        yield types.Diagnostic(
            range_of(lines, Span(0, 0)), message, types.DiagnosticSeverity.Information, source="gtsdsl"
        )


def completion(proposal: Proposal, number: int, lines: Lines, *, snippets: bool) -> types.CompletionItem:
    """Convert a proposal; ``number`` is its place in the order of all proposals."""
    with_stops = snippets and proposal.snippet is not None
    new_text = proposal.snippet if with_stops and proposal.snippet is not None else proposal.text
    return types.CompletionItem(
        label=proposal.text,
        kind=_PROPOSAL_KINDS[proposal.kind],
        detail=proposal.detail or None,
        documentation=_markdown(proposal.meaning) if proposal.meaning else None,
        sort_text=f"{proposal.rank}{number:05}",
        filter_text=proposal.text,
        insert_text_format=types.InsertTextFormat.Snippet if with_stops else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(range_of(lines, proposal.span), new_text),
    )


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def hover(text: str, span: Span | None, lines: Lines) -> types.Hover:
    """Convert a hover text in Markdown, and the span that the text describes, to the protocol's hover."""
    return types.Hover(_markdown(text), range_of(lines, span) if span is not None else None)


def symbol(entry: Entry, lines: Lines) -> types.DocumentSymbol:
    """Convert an entry of the outline, with the entries inside."""
    return types.DocumentSymbol(
        name=entry.name,
        detail=entry.detail,
        kind=_SYMBOL_KINDS[entry.kind],
        range=range_of(lines, entry.extent),
        selection_range=range_of(lines, entry.head),
        children=[symbol(child, lines) for child in entry.children] or None,
    )
