"""From an editor's messages to answers: the texts that are open, and what is known of them."""

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
from gtsdsl.lsp.analysis import Analysis, Shift, analyse, nothing_known
from gtsdsl.lsp.completion import MAX_PROPOSALS, complete
from gtsdsl.lsp.hover import hover
from gtsdsl.lsp.lines import Encoding, Lines
from gtsdsl.lsp.outline import outline
from gtsdsl.lsp.worker import Worker
from gtsdsl.source import Span
from gtsdsl.text import printable

QUIET_S = 0.3
"""How long no key must be struck before findings are shown."""
PATIENCE_S = 0.5
"""How long an answer waits for the newest text to be read, before it is taken from the one before."""
REQUEST_FAILED = -32803
"""The protocol's code for a request that was understood and cannot be done."""

_P = TypeVar("_P")
_R = TypeVar("_R")


@dataclass(eq=False)
class Buffer:
    """A text that is open in the editor."""

    uri: str
    lines: Lines
    version: int
    analysis: Analysis | None = None
    """The newest there is; perhaps of an older text."""
    reading: tuple[Lines, asyncio.Future[Analysis]] | None = None
    quiet: asyncio.TimerHandle | None = field(default=None, repr=False)


class _Protocol(LanguageServerProtocol):
    """The protocol with texts of our own: those of pygls take U+2028, form feeds and the like for line ends."""

    def structure_message(self, data: dict[str, object]) -> object:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:  # pygls lets whoever asked wait for ever
            asked = data.get("id")
            if "method" in data and isinstance(asked, int | str):
                self._send_response(asked, None, error.to_response_error())
            raise

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        _gts(self).opened(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        _gts(self).changed(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        _gts(self).closed(params)


def _gts(protocol: LanguageServerProtocol) -> Server:
    server = protocol._server
    if not isinstance(server, Server):
        raise TypeError("the protocol belongs to another server")
    return server


class Server(LanguageServer):
    """The language server: open texts, one thread that reads them, and an answer to each request."""

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
        """Answer a request by an action; whatever goes wrong in it is one sentence for the editor."""

        async def handle(params: _P) -> _R:
            try:
                return await action(params)
            except (JsonRpcException, asyncio.CancelledError):
                raise
            except rename.CannotRename as refusal:
                raise JsonRpcException(str(refusal), REQUEST_FAILED) from None
            except Exception as error:
                print(f"gtsdsl lsp: {method}: {error!r}", file=sys.stderr)
                raise JsonRpcInternalError(f"{method} cannot be answered: {type(error).__name__}") from None

        self.feature(method, options)(handle)

    # ------------------------------------------------------------------------------------------------ texts

    @property
    def encoding(self) -> Encoding:
        """What the editor and we agreed that columns count."""
        chosen = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        return "utf-8" if chosen == "utf-8" else "utf-32" if chosen == "utf-32" else "utf-16"

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        lines = Lines(document.text, self.encoding)
        buffer = Buffer(document.uri, lines, document.version)
        self.buffers[document.uri] = buffer
        self._publish_soon(buffer, 0)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
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
        self._publish_soon(buffer, QUIET_S)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        buffer = self.buffers.pop(params.text_document.uri, None)
        if buffer is not None:
            if buffer.quiet is not None:
                buffer.quiet.cancel()
            if buffer.reading is not None:
                buffer.reading[1].cancel()
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(buffer.uri, []))

    # ------------------------------------------------------------------------------------------------ reading

    @property
    def worker(self) -> Worker:
        if self._worker is None:
            self._worker = Worker()
        return self._worker

    def _read(self, buffer: Buffer) -> asyncio.Future[Analysis]:
        """The analysis of a text as it is now. One that waits for its turn and is out of date is given up."""
        if buffer.analysis is not None and buffer.analysis.of is buffer.lines.text:
            done: asyncio.Future[Analysis] = asyncio.get_running_loop().create_future()
            done.set_result(buffer.analysis)
            return done
        if buffer.reading is not None:
            lines, future = buffer.reading
            if lines is buffer.lines and not future.cancelled():
                return future
            future.cancel()
        lines = buffer.lines

        def read() -> Analysis:
            analysis = analyse(lines.text, printable(buffer.uri, 1000))
            analysis.prepare()
            buffer.analysis = analysis  # also where no one waits for it any more: newer than what was there
            gc.freeze()  # it is in no circle: the collector need not walk half a million values again and again
            return analysis

        future = self.worker.do(read)
        buffer.reading = (lines, future)
        future.add_done_callback(_complain)
        return future

    async def newest(self, buffer: Buffer) -> Analysis:
        """The analysis of a text as it is, however long that takes.

        Raises:
            JsonRpcContentModified: it changed meanwhile.
        """
        lines = buffer.lines
        try:
            analysis = await asyncio.shield(self._read(buffer))
        except asyncio.CancelledError:
            raise JsonRpcContentModified from None
        if lines is not buffer.lines:
            raise JsonRpcContentModified
        return analysis

    async def at_hand(self, buffer: Buffer) -> Analysis:
        """The analysis of a text as it is or, where that takes long, as it was."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._read(buffer)), PATIENCE_S)
        except (TimeoutError, asyncio.CancelledError):
            return buffer.analysis or nothing_known()

    def _publish_soon(self, buffer: Buffer, wait_s: float) -> None:
        if buffer.quiet is not None:
            buffer.quiet.cancel()
        loop = asyncio.get_running_loop()
        buffer.quiet = loop.call_later(wait_s, lambda: self._publish_when_read(buffer))

    def _publish_when_read(self, buffer: Buffer) -> None:
        lines, its_version = buffer.lines, buffer.version

        def publish(done: asyncio.Future[Analysis]) -> None:
            is_stale = lines is not buffer.lines or self.buffers.get(buffer.uri) is not buffer
            if is_stale or done.cancelled() or done.exception() is not None:
                return
            found = list(convert.diagnostics(done.result().checked.diagnostics, lines, buffer.uri))
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(buffer.uri, found, its_version))

        self._read(buffer).add_done_callback(publish)

    def _buffer(self, uri: str) -> Buffer:
        if uri not in self.buffers:
            raise JsonRpcException(f"{printable(uri, 300)} is not open", REQUEST_FAILED)
        return self.buffers[uri]

    # ------------------------------------------------------------------------------------------------ answers

    async def complete(self, params: types.CompletionParams) -> types.CompletionList:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        proposals = complete(lines.text, offset, await self.at_hand(buffer))
        snippets = self._takes_snippets()
        items = [convert.completion(it, number, lines, snippets=snippets) for number, it in enumerate(proposals)]
        return types.CompletionList(is_incomplete=len(items) >= MAX_PROPOSALS, items=items)

    def _takes_snippets(self) -> bool:
        document = self.client_capabilities.text_document
        item = document.completion.completion_item if document and document.completion else None
        return bool(item and item.snippet_support)

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        analysis = await self.at_hand(buffer)
        shift = Shift(analysis.of, lines.text)
        found = hover(analysis.text, shift.back(lines.offset(convert.place(params.position))), analysis)
        return convert.hover(found.text, shift.forth(found.place), lines) if found is not None else None

    async def definition(self, params: types.DefinitionParams) -> list[types.Location]:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        analysis = await self.at_hand(buffer)
        shift = Shift(analysis.of, lines.text)
        spans = navigation.definitions(analysis, shift.back(lines.offset(convert.place(params.position))))
        moved = [moved for span in spans if (moved := shift.forth(span)) is not None]
        return [types.Location(buffer.uri, convert.range_of(lines, span)) for span in moved]

    async def references(self, params: types.ReferenceParams) -> list[types.Location]:
        wanted = params.context.include_declaration
        lines, spans = await self._references(params, with_definitions=wanted)
        return [types.Location(params.text_document.uri, convert.range_of(lines, span)) for span in spans]

    async def highlight(self, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        lines, spans = await self._references(params, with_definitions=True)
        return [types.DocumentHighlight(convert.range_of(lines, span)) for span in spans]

    async def _references(
        self, params: types.ReferenceParams | types.DocumentHighlightParams, *, with_definitions: bool
    ) -> tuple[Lines, list[Span]]:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        analysis = await self.newest(buffer)
        return lines, navigation.references(analysis, offset, with_definitions=with_definitions)

    async def prepare_rename(self, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        found = rename.prepare(await self.newest(buffer), offset)
        return types.PrepareRenamePlaceholder(convert.range_of(lines, found.place), found.name)

    async def rename(self, params: types.RenameParams) -> types.WorkspaceEdit:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        offset = lines.offset(convert.place(params.position))
        analysis = await self.newest(buffer)
        spans = await self.worker.do(lambda: rename.rename(analysis, offset, params.new_name))
        if lines is not buffer.lines:
            raise JsonRpcContentModified
        edits = [types.TextEdit(convert.range_of(lines, span), params.new_name) for span in spans]
        return types.WorkspaceEdit(changes={buffer.uri: edits})

    async def symbols(self, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        buffer = self._buffer(params.text_document.uri)
        lines = buffer.lines
        return [convert.symbol(entry, lines) for entry in outline((await self.newest(buffer)).index)]

    async def format(self, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
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
        same = Shift(text, new).changed
        return [types.TextEdit(convert.range_of(lines, same[0]), new[same[1].start : same[1].end])]

    async def shut_down(self, _params: None) -> None:
        self.was_shut_down = True


def _complain(done: asyncio.Future[Analysis]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        print(f"gtsdsl lsp: a text cannot be read: {error!r}", file=sys.stderr)


def serve() -> None:
    """Talk with an editor on standard input and output until it leaves; then end the process.

    The exit status is 0 if the editor said so before, else 1, as the protocol has it.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # tracebacks: what concerns a user is in the answers
    server = Server()
    server.start_io()
    sys.stderr.flush()
    os._exit(0 if server.was_shut_down else 1)  # not to wait for a text that is still being read
