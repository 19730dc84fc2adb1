"""Completion: a text and a cursor to the proposals of what may be written there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from gtsdsl.lsp import meanings
from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.block_proposals import statements
from gtsdsl.lsp.changes import TextChange
from gtsdsl.lsp.context import context
from gtsdsl.lsp.endpoints import endpoints_at
from gtsdsl.lsp.proposals import Cursor, Proposal, ProposalKind, values_of, variables
from gtsdsl.lsp.symbols import SymbolKind
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

MAX_PROPOSALS = 1_000
"""Greatest number of proposals. If there are more, only those that contain the letters before the cursor are kept."""

_MAX_RESOURCES = 200
"""Greatest number of resources that are proposed in an expression, where few of them are wanted."""
_INTERPOLATION = re.compile(r"\$\{([^{}]*)$|\$([A-Za-z_]\w*)?$")
_VALUE_OF = re.compile(r"(?:^|[\s;{(])([A-Za-z_]\w*)[ \t]*=[ \t]*$")
_MEMBER = re.compile(r"(\.[ \t]*)([A-Za-z_]\w*)?$")
_TARGET = re.compile(r"([A-Za-z_]\w*)((?:\[[^\[\]]*\])*)$")
_NEW_NAME = re.compile(
    r"(?:^|[\s;{(,])(?:def|type|int|Integer|String|List|Map)[ \t]+\w*$|[\d]\w*$|\bfor[ \t]*\([ \t]*\w*$"
)
"""The text before a cursor that is in a new name, or in a number."""
_ADJACENCY = re.compile(r"^\s*adjacency(?:[ \t]*\(|[ \t]+)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_NAME_BEFORE = re.compile(r"[A-Za-z_]\w*$")
_NAME_BEHIND = re.compile(r"\w*")
_PORT_CALL = re.compile(r"([A-Za-z_]\w*)(?:\[[^\[\]]*\])*\.port\([ \t]*$")


def complete(text: str, offset: int, analysis: Analysis) -> list[Proposal]:
    """Return the proposals at an offset, the likeliest first. ``analysis`` may be that of an older text."""
    change = TextChange(analysis.given_text, text)
    surroundings = context(text, offset, analysis.anchor(change.unchanged_length(offset)))
    if surroundings.comment:
        return []
    cursor = Cursor(text, offset, _word_at(text, offset), surroundings, analysis, change.old_offset(offset))
    string = surroundings.string
    found = _in_string(cursor, string) if string is not None else _in_code(cursor)
    proposals = sorted(found, key=lambda it: it.rank)
    if len(proposals) > MAX_PROPOSALS:
        proposals = [it for it in proposals if text[it.span.start : offset].casefold() in it.text.casefold()]
    return proposals[:MAX_PROPOSALS]


def _word_at(text: str, offset: int) -> Span:
    before = _NAME_BEFORE.search(text, max(0, offset - 200), offset)
    behind = _NAME_BEHIND.match(text, offset)
    return Span(before.start() if before else offset, behind.end() if behind else offset)


def _in_string(cursor: Cursor, string: Span) -> Iterator[Proposal]:
    before = cursor.context.before
    quote = cursor.text[string.start - 1]
    interpolation = _INTERPOLATION.search(cursor.text[string.start : cursor.offset])
    if quote == '"' and interpolation is not None:
        expression = interpolation[1] or ""
        yield from _members(cursor, expression) if "." in expression else variables(cursor)
        return
    span = Span(string.start, max(string.end, cursor.offset))
    if _ADJACENCY.match(before):
        for endpoint in endpoints_at(cursor.analysis, cursor.old_offset):
            for port, is_free in endpoint.ports.items():
                reference = f"{endpoint.id}.{port}" if endpoint.id else port
                if _needs_no_escape(reference):
                    yield Proposal(reference, ProposalKind.PORT, span, _use(is_free), rank=3 if is_free else 6)
        return
    port_call = _PORT_CALL.search(before)
    if port_call is not None:
        for proposal in _ports_of_variable(cursor, port_call[1]):
            yield replace(proposal, span=span)
        return
    attribute = _VALUE_OF.search(before)
    if attribute is not None:
        yield from values_of(attribute[1], span)


def _in_code(cursor: Cursor) -> Iterator[Proposal]:
    before = cursor.context.before
    brackets = cursor.context.brackets
    adjacency = _ADJACENCY.match(before)
    member = _MEMBER.search(before)
    if adjacency is not None:
        yield from _in_adjacency(cursor, before[adjacency.end() :])
    elif member is not None and not before[: member.start()].endswith("."):
        yield from _members(cursor, before)
    elif _NEW_NAME.search(before):
        return
    elif re.fullmatch(r"\s*[A-Za-z_]?\w*", before):
        in_braces = not brackets or brackets[-1].sign == "{"
        yield from statements(cursor) if in_braces else _expressions(cursor)
    else:
        attribute = _VALUE_OF.search(before[: len(before) - (cursor.offset - cursor.word.start)])
        if attribute is not None:
            for value in values_of(attribute[1], cursor.word):
                yield replace(value, text=f'"{value.text}"', rank=2)
        yield from _expressions(cursor)


def _in_adjacency(cursor: Cursor, written: str) -> Iterator[Proposal]:
    """Yield what can stand at an end of an adjacency; ``written`` is the text between the keyword and the cursor."""
    ends = _split(written)
    current = ends[-1].lstrip()
    path = re.fullmatch(r"([A-Za-z_]\w*)\.(.*)", current)
    if path is not None and cursor.variable(path[1]) is None:
        start = cursor.offset - len(path[2])
        for endpoint in endpoints_at(cursor.analysis, cursor.old_offset, path[1]):
            span = Span(start, cursor.word.end)
            yield from _ports(endpoint.ports, span, cursor.offset - len(current), endpoint.id)
        return
    if "." in current or "[" in current:
        yield from _members(cursor, cursor.context.before)
        return
    endpoints = list(endpoints_at(cursor.analysis, cursor.old_offset))
    by_id = {endpoint.id: endpoint for endpoint in endpoints}
    other = ends[0].strip() if len(ends) > 1 else ""
    partner = by_id.get(other.partition(".")[0])
    for endpoint in endpoints:
        if not endpoint.id:
            for port, is_free in endpoint.ports.items():
                if _NAME.fullmatch(port):
                    yield Proposal(port, ProposalKind.PORT, cursor.word, f"own port, {_use(is_free)}", rank=3)
        elif _NAME.fullmatch(endpoint.id):
            free = sum(endpoint.ports.values())
            is_likely = free > 0 and (partner is None or (partner.cls == "link") != (endpoint.cls == "link"))
            rank = 2 if is_likely else 4 if free else 6
            place = f" at {printable(endpoint.location, 20)}" if endpoint.location else ""
            detail = f"{endpoint.cls}{place}, {_free(free)}"
            yield Proposal(endpoint.id, ProposalKind.RESOURCE, cursor.word, detail, rank=rank)
    yield from variables(cursor)


def _ports(ports: Mapping[str, bool], span: Span, start: int, resource: str = "") -> Iterator[Proposal]:
    """Yield ports by their ids.

    An id that is no name needs quotes around all of ``resource.port``, which replace the text from ``start`` on.
    """
    for port, is_free in ports.items():
        rank = 1 if is_free else 6
        if _NAME.fullmatch(port):
            yield Proposal(port, ProposalKind.PORT, span, _use(is_free), rank=rank)
        elif resource:
            from gtsdsl.targets.dsl import text

            quoted = text(f"{resource}.{port}")
            yield Proposal(quoted, ProposalKind.PORT, Span(start, span.end), _use(is_free), rank=rank)


def _members(cursor: Cursor, before: str) -> Iterator[Proposal]:
    """Yield what can follow the dot at the end of a text."""
    member = _MEMBER.search(before)
    target = before[: member.start()] if member is not None else ""
    name = _TARGET.search(target)
    methods: Iterable[str] = meanings.METHODS
    if name is None:
        methods = _methods_of(target)
    else:
        yield from _ports_of_variable(cursor, name[1])
        if not name[2]:
            variable = cursor.variable(name[1])
            node = variable.node if variable is not None else None
            value = node.value if isinstance(node, nodes.Declaration) else None
            if variable is None or isinstance(value, nodes.Block):
                methods = meanings.RESOURCE_METHODS
            elif value is not None:
                methods = _methods_of(cursor.analysis.text[value.start : value.end])
    for method in methods:
        yield Proposal(method, ProposalKind.METHOD, cursor.word, "method", meanings.METHODS[method], rank=4)


def _ports_of_variable(cursor: Cursor, name: str) -> Iterator[Proposal]:
    """Yield the ports of the resource that a variable holds, or of the resource that has this id."""
    variable = cursor.variable(name)
    if variable is None:
        for endpoint in endpoints_at(cursor.analysis, cursor.old_offset, name):
            yield from _ports(endpoint.ports, cursor.word, cursor.offset)
        return
    extent = variable.extent
    ports: set[str] = set()
    for symbol in cursor.analysis.index.symbols:
        owner = symbol.owner
        is_port = symbol.kind is SymbolKind.PORT and owner is not None and owner.kind is SymbolKind.RESOURCE
        if is_port and extent.start <= symbol.extent.start < extent.end and not symbol.is_computed:
            ports.add(symbol.name)
    yield from _ports(dict.fromkeys(sorted(ports), True), cursor.word, cursor.offset)


def _expressions(cursor: Cursor) -> Iterator[Proposal]:
    yield from variables(cursor)
    for word in ("true", "false", "null"):
        yield Proposal(word, ProposalKind.KEYWORD, cursor.word, "constant", meanings.KEYWORDS[word], rank=6)
    for endpoint in islice(endpoints_at(cursor.analysis, cursor.old_offset), _MAX_RESOURCES):
        if _NAME.fullmatch(endpoint.id):
            yield Proposal(endpoint.id, ProposalKind.RESOURCE, cursor.word, endpoint.cls, rank=7)


def _methods_of(target: str) -> tuple[str, ...]:
    """Return the methods of a value, guessed from the end of its expression."""
    target = target.strip()
    if target[-1:] in ("'", '"'):
        return meanings.STRING_METHODS
    if target[-1:].isdigit():
        return meanings.NUMBER_METHODS
    if target[-1:] in ("]", ")") and ".." not in target and re.match(r"\[[^\[\]]*:", target):
        return meanings.MAP_METHODS
    if target[-1:] == "]" or (target[-1:] == ")" and ".." in target):
        return meanings.SEQUENCE_METHODS
    return tuple(meanings.METHODS)


def _split(written: str) -> list[str]:
    """Split the text of an adjacency at the comma between its ends, if the comma is there."""
    depth = 0
    for at, sign in enumerate(written):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth <= 0:
            return [written[:at], written[at + 1 :]]
    return [written]


def _needs_no_escape(text: str) -> bool:
    return text.isprintable() and not set(text) & set("\"'\\$")


def _use(is_free: bool) -> str:
    return "free port" if is_free else "port in use"


def _free(count: int) -> str:
    return "no free port" if count == 0 else "1 free port" if count == 1 else f"{count} free ports"
