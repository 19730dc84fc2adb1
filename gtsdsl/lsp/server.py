"""The language server, which answers an editor's requests from the analyses of the open texts."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from gtsdsl.diagnostics import GtsError
from gtsdsl.lsp import convert, navigation, rename
from gtsdsl.lsp.analysis import Analysis, analyse, empty_analysis
from gtsdsl.lsp.changes import TextChange
from gtsdsl.lsp.completion import MAX_PROPOSALS, complete
from gtsdsl.lsp.hover import hover
from gtsdsl.lsp.lines import Encoding, Lines
from gtsdsl.lsp.outline import outline
from gtsdsl.lsp.worker import Worker
from gtsdsl.source import Span
from gtsdsl.text import printable

PUBLISH_DELAY_S = 0.3
"""Seconds without a change after which findings are sent to the editor."""
ANALYSIS_TIMEOUT_S = 0.5
"""Seconds that an answer waits for the analysis of the current text; then it uses the last complete analysis."""
REQUEST_FAILED = -32803
"""The protocol's error code for a valid request that cannot be done."""

_P = TypeVar("_P")
_R = TypeVar("_R")


@dataclass(eq=False)
class Buffer:
    """A text that is open in the editor."""

    uri: str
    lines: Lines
    version: int
    analysis: Analysis | None = None
    """The last analysis that is complete, perhaps of an older text; None before the first."""
    pending: tuple[Lines, asyncio.Future[Analysis]] | None = None
    """The last text that was given to the thread, and its analysis to be; None before the first."""
    publish_timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    """The timer after which findings are sent; None before the first."""


class _Protocol(LanguageServerProtocol):
    """The protocol of pygls with texts that `Server` keeps, because pygls ends lines at U+2028 and form feeds too."""

    def structure_message(self, data: dict[str, object]) -> object:
        """Convert a message; answer an invalid request with an error."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:  # without this answer, the editor would wait forever
            request_id = data.get("id")
            if "method" in data and isinstance(request_id, int | str):
                self._send_response(request_id, None, error.to_response_error())
            raise

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Hand an open text to the server, not to pygls."""
        _server_of(self).open_text(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Hand a change to the server, not to pygls."""
        _server_of(self).change_text(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Tell the server, not pygls, that a text is closed."""
        _server_of(self).close_text(params)


def _server_of(protocol: LanguageServerProtocol) -> Server:
    server = protocol._server
    if not isinstance(server, Server):
        raise TypeError("the protocol belongs to another server")
    return server


class Server(LanguageServer):
    """The language server: the open texts, one thread that analyses them, and an answer to each request."""

    def __init__(self) -> None:
        super().__init__("gtsdsl", version("gtsdsl"), protocol_cls=_Protocol)
        self.buffers: dict[str, Buffer] = {}
        self.was_shut_down = False
        self._worker: Worker | None = None
        self._answer(types.TEXT_DOCUMENT_COMPLETION, self.complete,
                     types.CompletionOptions(trigger_characters=[".", '"', "'", "{", ",", "$", "="]))  # fmt: skip
        self._answer(types.TEXT_DOCUMENT_HOVER, self.hover)
        self._answer(types.TEXT_DOCUMENT_DEFINITION, self.definition)
        self._answer(types.TEXT_DOCUMENT_REFERENCES, self.references)
        self._answer(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, self.highlight)
        self._answer(types.TEXT_DOCUMENT_PREPARE_RENAME, self.prepare_rename)
        self._answer(types.TEXT_DOCUMENT_RENAME, self.rename, types.RenameOptions(prepare_provider=True))
        self._answer(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, self.symbols)
        self._answer(types.TEXT_DOCUMENT_FORMATTING, self.format)
        self._answer(types.SHUTDOWN, self.shut_down)

    def _answer(self, method: str, action: Callable[[_P], Awaitable[_R]], options: object = None) -> None:
        """Answer a type of request by an action; any error in the action becomes one line for the editor."""

        async def handle(params: _P) -> _R:
            try:
                return await action(params)
            except (JsonRpcException, asyncio.CancelledError):
                raise
            except rename.RenameError as refusal:
                raise JsonRpcException(str(refusal), REQUEST_FAILED) from None
            except Exception as error:
                print(f"gtsdsl lsp: {method}: {error!r}", file=sys.stderr)
                raise JsonRpcInternalError(f"{method} cannot be answered: {type(error).__name__}") from None

        self.feature(method, options)(handle)

    # ------------------------------------------------------------------------------------------------ texts

    @property
    def encoding(self) -> Encoding:
        """The unit of columns that the editor and the server agreed on."""
        chosen = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        return "utf-8" if chosen == "utf-8" else "utf-32" if chosen == "utf-32" else "utf-16"

    def open_text(self, params: types.DidOpenTextDocumentParams) -> None:
        """Add a text, and publish its findings."""
        document = params.text_document
        lines = Lines(document.text, self.encoding)
        buffer = Buffer(document.uri, lines, document.version)
        self.buffers[document.uri] = buffer
        self._publish_soon(buffer, 0)

    def change_text(self, params: types.DidChangeTextDocumentParams) -> None:
        """Change an open text, and publish its findings after `PUBLISH_DELAY_S`."""
        buffer = self.buffers.get(params.text_document.uri)
        if buffer is None:
            return
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                first, last = convert.place(change.range.start), convert.place(change.range.end)
                buffer.lines = buffer.lines.edited(first, last, change.text)
            else:
                buffer.lines = Lines(change.text, self.encoding)
        buffer.version = params.text_document.version
        self._publish_soon(buffer, PUBLISH_DELAY_S)

    def close_text(self, params: types.DidCloseTextDocumentParams) -> None:
        """Remove a text and its findings."""
        buffer = self.buffers.pop(params.text_document.uri, None)
        if buffer is not None:
            if buffer.publish_timer is not None:
                buffer.publish_timer.cancel()
            if buffer.pending is not None:
                buffer.pending[1].cancel()
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(buffer.uri, []))

    # ------------------------------------------------------------------------------------------------ analyses

    @property
    def worker(self) -> Worker:
        """The thread that analyses texts, which starts on first use."""
        if self._worker is None:
            self._worker = Worker()
        return self._worker

    def _analyse(self, buffer: Buffer) -> asyncio.Future[Analysis]:
        """Return the analysis of the current text; cancel one of an older text that has not begun."""
        if buffer.analysis is not None and buffer.analysis.given_text is buffer.lines.text:
            finished: asyncio.Future[Analysis] = asyncio.get_running_loop().create_future()
            finished.set_result(buffer.analysis)
            return finished
        if buffer.pending is not None:
            lines, future = buffer.pending
            if lines is buffer.lines and not future.cancelled():
                return future
            future.cancel()
        lines = buffer.lines

        def read() -> Analysis:
            analysis = analyse(lines.text, printable(buffer.uri, 1000))
            analysis.prepare()
            buffer.analysis = analysis  # even if the text has changed meanwhile, this analysis is newer than the last
            gc.freeze()  # half a million values without reference cycles, which the collector need not visit
            return analysis

        future = self.worker.do(read)
        buffer.pending = (lines, future)
        future.add_done_callback(_print_failure)
        return future

    async def current_analysis(self, buffer: Buffer) -> Analysis:
        """Wait for the analysis of the current text, and return it.

        Raises:
            JsonRpcContentModified: the text changed meanwhile.
        """
        lines = buffer.lines
        try:
            analysis = await asyncio.shield(self._analyse(buffer))
        except asyncio.CancelledError:
            raise JsonRpcContentModified from None
        if lines is not buffer.lines:
            raise JsonRpcContentModified
        return analysis

    async def recent_analysis(self, buffer: Buffer) -> Analysis:
        """Return the analysis of the current text; after `ANALYSIS_TIMEOUT_S`, the last that is complete."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._analyse(buffer)), ANALYSIS_TIMEOUT_S)
        except (TimeoutError, asyncio.CancelledError):
            return buffer.analysis or empty_analysis()

    def _publish_soon(self, buffer: Buffer, wait_s: float) -> None:
        if buffer.publish_timer is not None:
            buffer.publish_timer.cancel()
        loop = asyncio.get_running_loop()
        buffer.publish_timer = loop.call_later(wait_s, lambda: self._publish_when_analysed(buffer))

    def _publish_when_analysed(self, buffer: Buffer) -> None:
        lines, its_version = buffer.lines, buffer.version

        def publish(finished: asyncio.Future[Analysis]) -> None:
            is_stale = lines is not buffer.lines or self.buffers.get(buffer.uri) is not buffer
            if is_stale or finished.cancelled() or finished.exception() is not None:
                return
            found = list(convert.diagnostics(finished.result().check_result.diagnostics, lines, buffer.uri))
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(buffer.uri, found, its_version))

        self._analyse(buffer).add_done_callback(publish)

    def _buffer(self, uri: str) -> Buffer:
        if uri not in self.buffers:
            raise JsonRpcException(f"{printable(uri, 300)} is not open", REQUEST_FAILED)
        return self.buffers[uri]

    # ------------------------------------------------------------------------------------------------ answers

    async def complete(self, params: types.CompletionParams) -> types.CompletionList:
        """Return what may be written at a position."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        proposals = complete(lines.text, offset, await self.recent_analysis(buffer))
        snippets = self._takes_snippets()
        items = [convert.completion(it, number, lines, snippets=snippets) for number, it in enumerate(proposals)]
        return types.CompletionList(is_incomplete=len(items) >= MAX_PROPOSALS, items=items)

    def _takes_snippets(self) -> bool:
        document = self.client_capabilities.text_document
        item = document.completion.completion_item if document and document.completion else None
        return bool(item and item.snippet_support)

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """Return a text about what stands at a position."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        analysis = await self.recent_analysis(buffer)
        change = TextChange(analysis.given_text, lines.text)
        found = hover(analysis.text, change.old_offset(lines.offset(convert.place(params.position))), analysis)
        return convert.hover(found.text, change.new_span(found.span), lines) if found is not None else None

    async def definition(self, params: types.DefinitionParams) -> list[types.Location]:
        """Return the places where the name at a position is defined."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        analysis = await self.recent_analysis(buffer)
        change = TextChange(analysis.given_text, lines.text)
        spans = navigation.definitions(analysis, change.old_offset(lines.offset(convert.place(params.position))))
        moved = [moved for span in spans if (moved := change.new_span(span)) is not None]
        return [types.Location(buffer.uri, convert.range_of(lines, span)) for span in moved]

    async def references(self, params: types.ReferenceParams) -> list[types.Location]:
        """Return the places of the name at a position."""
        wanted = params.context.include_declaration
        lines, spans = await self._references(params, with_definitions=wanted)
        return [types.Location(params.text_document.uri, convert.range_of(lines, span)) for span in spans]

    async def highlight(self, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        """Return the places of the name at a position, definitions among them."""
        lines, spans = await self._references(params, with_definitions=True)
        return [types.DocumentHighlight(convert.range_of(lines, span)) for span in spans]

    async def _references(
        self, params: types.ReferenceParams | types.DocumentHighlightParams, *, with_definitions: bool
    ) -> tuple[Lines, list[Span]]:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        analysis = await self.current_analysis(buffer)
        return lines, navigation.references(analysis, offset, with_definitions=with_definitions)

    async def prepare_rename(self, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
        """Return the name at a position, and its place."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        found = rename.prepare(await self.current_analysis(buffer), offset)
        return types.PrepareRenamePlaceholder(convert.range_of(lines, found.place), found.name)

    async def rename(self, params: types.RenameParams) -> types.WorkspaceEdit:
        """Return the edits that rename the name at a position."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        analysis = await self.current_analysis(buffer)
        spans = await self.worker.do(lambda: rename.rename(analysis, offset, params.new_name))
        if lines is not buffer.lines:
            raise JsonRpcContentModified
        edits = [types.TextEdit(convert.range_of(lines, span), params.new_name) for span in spans]
        return types.WorkspaceEdit(changes={buffer.uri: edits})

    async def symbols(self, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        """Return the outline of a text."""
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        return [convert.symbol(entry, lines) for entry in outline((await self.current_analysis(buffer)).index)]

    async def format(self, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        """Return the edit that formats a text; none if it is formatted already."""
        from gtsdsl.formatting import format_text

        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        text = lines.text
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            raise JsonRpcException("only the DSL is formatted, not JSON", REQUEST_FAILED)
        try:
            new = await self.worker.do(lambda: format_text(text))
        except GtsError as error:
            first = next((it for it in error.diagnostics if isinstance(it.place, Span)), error.diagnostics[0])
            line = lines.place(first.place.start).line + 1 if isinstance(first.place, Span) else 1
            message = f"a text with syntax errors is not formatted: line {line}: {first.message}"
            raise JsonRpcException(message, REQUEST_FAILED) from None
        if lines is not buffer.lines:
            raise JsonRpcContentModified
        if new == text:
            return []
        old_span, new_span = TextChange(text, new).spans
        return [types.TextEdit(convert.range_of(lines, old_span), new[new_span.start : new_span.end])]

    async def shut_down(self, _params: None) -> None:
        """Note that the editor is about to end the server."""
        self.was_shut_down = True


def _print_failure(finished: asyncio.Future[Analysis]) -> None:
    if not finished.cancelled() and (error := finished.exception()) is not None:
        print(f"gtsdsl lsp: a text cannot be analysed: {error!r}", file=sys.stderr)


def serve() -> None:
    """Serve an editor on standard input and output until it disconnects; then end the process.

    The exit status is 0 if the editor has sent a shutdown request before, else 1, as the protocol demands.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # pygls logs tracebacks; users get the answers
    server = Server()
    server.start_io()
    sys.stderr.flush()
    os._exit(0 if server.was_shut_down else 1)  # without waiting for the thread
