"""From our values to those of the language server protocol."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from gtsdsl.diagnostics import Diagnostic, Severity
from gtsdsl.lsp.completion import Proposal, Sort
from gtsdsl.lsp.hover import page
from gtsdsl.lsp.lines import EditorPosition, Lines
from gtsdsl.lsp.outline import Entry
from gtsdsl.lsp.symbols import Kind
from gtsdsl.source import Span

MAX_FINDINGS = 500
"""How many findings an editor is told of: the first of the text."""

_SEVERITIES = {Severity.ERROR: types.DiagnosticSeverity.Error, Severity.WARNING: types.DiagnosticSeverity.Warning}
_SYMBOLS = {
    Kind.TYPE: types.SymbolKind.Class,
    Kind.METHOD: types.SymbolKind.Function,
    Kind.VARIABLE: types.SymbolKind.Variable,
    Kind.RESOURCE: types.SymbolKind.Object,
    Kind.PORT: types.SymbolKind.Field,
}
_SORTS = {
    Sort.CLASS: types.CompletionItemKind.Class,
    Sort.TYPE: types.CompletionItemKind.Class,
    Sort.ATTRIBUTE: types.CompletionItemKind.Property,
    Sort.BLOCK: types.CompletionItemKind.Struct,
    Sort.KEYWORD: types.CompletionItemKind.Keyword,
    Sort.METHOD: types.CompletionItemKind.Method,
    Sort.VARIABLE: types.CompletionItemKind.Variable,
    Sort.RESOURCE: types.CompletionItemKind.Reference,
    Sort.PORT: types.CompletionItemKind.Field,
    Sort.SITE: types.CompletionItemKind.EnumMember,
    Sort.VALUE: types.CompletionItemKind.Value,
}


def position(place: EditorPosition) -> types.Position:
    return types.Position(place.line, place.column)


def place(at: types.Position) -> EditorPosition:
    return EditorPosition(at.line, at.character)


def range_of(lines: Lines, span: Span) -> types.Range:
    start, end = lines.range(span)
    return types.Range(position(start), position(end))


def diagnostics(findings: tuple[Diagnostic, ...], lines: Lines, uri: str) -> Iterator[types.Diagnostic]:
    """Findings for an editor; one about the text as a whole stands at its beginning."""
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
    """A proposal; ``number`` keeps the order that it was found in."""
    with_stops = snippets and proposal.snippet is not None
    new_text = proposal.snippet if with_stops and proposal.snippet is not None else proposal.text
    return types.CompletionItem(
        label=proposal.text,
        kind=_SORTS[proposal.sort],
        detail=proposal.detail or None,
        documentation=_markdown(proposal.meaning) if proposal.meaning else None,
        sort_text=f"{proposal.rank}{number:05}",
        filter_text=proposal.text,
        insert_text_format=types.InsertTextFormat.Snippet if with_stops else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(range_of(lines, proposal.place), new_text),
    )


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def hover(text: str, span: Span | None, lines: Lines) -> types.Hover:
    return types.Hover(_markdown(text), range_of(lines, span) if span is not None else None)


def symbol(entry: Entry, lines: Lines) -> types.DocumentSymbol:
    """An entry of the outline with all that is in it."""
    return types.DocumentSymbol(
        name=entry.name,
        detail=entry.detail,
        kind=_SYMBOLS[entry.kind],
        range=range_of(lines, entry.extent),
        selection_range=range_of(lines, entry.head),
        children=[symbol(child, lines) for child in entry.children] or None,
    )
