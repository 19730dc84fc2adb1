"""Hover: a few lines in Markdown about the name, word or finding under a cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gtsdsl.circuits import find, site
from gtsdsl.data import shipped
from gtsdsl.diagnostics import CODES
from gtsdsl.lsp import meanings
from gtsdsl.lsp.analysis import Analysis
from gtsdsl.lsp.context import Context, context
from gtsdsl.lsp.names import parameters_of
from gtsdsl.lsp.symbols import Symbol, SymbolKind
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.testbed import LINK_CLASS, PortRef, Resource, Testbed
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable
from gtsdsl.topology.model import Wire

_WORD = re.compile(r"\w+")
_CODE = re.compile(r"GTS\d{3}")
_MAX_SHOWN = 5
"""Greatest number of symbols, and of circuits or resources of a symbol, that a hover text shows."""
_MAX_FINDINGS = 1_000
"""Number of findings, from the beginning of the text, that are searched for those under the cursor."""


@dataclass(frozen=True, slots=True)
class Hover:
    """A text in Markdown, and the span that it is about."""

    text: str
    span: Span


def hover(text: str, offset: int, analysis: Analysis) -> Hover | None:
    """Return the hover text for an offset, None if there is nothing to say. ``analysis`` is that of the text."""
    span, symbols = analysis.index.occurrences.at(offset)
    word = _word_at(text, offset)
    parts: list[str] = []
    if symbols:
        for symbol in symbols[:_MAX_SHOWN]:
            parts.append("\n\n".join(_on_symbol(analysis, symbol)))
    elif word is not None:
        span = word
        parts.extend(_on_word(text, word, analysis))
    parts.extend(_findings(analysis, offset))
    if not parts:
        return None
    return Hover("\n\n---\n\n".join(dict.fromkeys(parts)), span)


def _word_at(text: str, offset: int) -> Span | None:
    start = max(0, offset - 100)
    for match in _WORD.finditer(text, start, min(len(text), offset + 100)):
        if match.start() <= offset <= match.end():
            return Span(*match.span())
    return None


def code(text: str) -> str:
    """Return Markdown that shows a text letter by letter."""
    shown = printable(text)
    ticks = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[:1] in ("`", " ", "") or shown[-1:] == "`" else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


# ---------------------------------------------------------------------------------------------------- symbols


def _on_symbol(analysis: Analysis, symbol: Symbol) -> Iterator[str]:
    node = symbol.node
    if isinstance(node, nodes.TypeDefinition):
        yield _signature("type", symbol, analysis.text)
    elif isinstance(node, nodes.MethodDefinition):
        yield _signature("def", symbol, analysis.text)
    elif symbol.kind is SymbolKind.TYPE:
        yield f"testbed {code(symbol.name)}"
    elif symbol.kind is SymbolKind.VARIABLE:
        yield from _on_variable(analysis, symbol)
    elif symbol.kind is SymbolKind.RESOURCE and isinstance(node, nodes.Block):
        yield from _on_resource(analysis, symbol, node)
    elif symbol.kind is SymbolKind.PORT:
        yield from _on_port(analysis, symbol)


def _signature(word: str, symbol: Symbol, text: str) -> str:
    node = symbol.node
    if not isinstance(node, nodes.TypeDefinition | nodes.MethodDefinition):
        return code(symbol.name)
    parameters = ", ".join(printable(text[it.start : it.end], 60) for it in node.parameters)
    return code(f"{word} {symbol.name}({parameters})" if parameters or word == "def" else f"{word} {symbol.name}")


def _on_variable(analysis: Analysis, symbol: Symbol) -> Iterator[str]:
    node = symbol.node
    if isinstance(node, nodes.Declaration | nodes.Parameter):
        shown = analysis.text[node.start : min(node.end, node.start + 200)].splitlines() or [""]
        what = "variable" if isinstance(node, nodes.Declaration) else "parameter"
        yield f"{what} {code(shown[0])}"
    elif isinstance(node, nodes.ForIn):
        yield f"loop variable, of {code(analysis.text[node.values.start : node.values.end])}"


def _on_resource(analysis: Analysis, symbol: Symbol, node: nodes.Block) -> Iterator[str]:
    cls = node.name.id
    declared = analysis.declared_by(symbol)
    count = f": {len(declared)} of them" if symbol.is_computed and len(declared) != 1 else ""
    yield f"{cls} {code(symbol.name)}{count}"
    if cls == LINK_CLASS:
        wires = [wire for place in symbol.places for start in (place.start, place.start - 1)
                 for wire in analysis.wires.get(start, ())]  # fmt: skip
        for wire in wires[:_MAX_SHOWN]:
            yield _circuit(analysis, wire)
        if len(wires) > _MAX_SHOWN:
            yield f"and {len(wires) - _MAX_SHOWN} more"
        if not wires:
            yield "It does not join two ports yet."
        return
    for _, resource in declared[:_MAX_SHOWN]:
        id_ = f"{code(resource.id)}: " if symbol.is_computed else ""
        if isinstance(resource, Resource) and resource.location is not None:
            yield id_ + _on_site(resource.location)
        if isinstance(resource, Testbed):
            yield f"{id_}{len(resource.resources)} resources, {len(resource.ports)} exported ports"
    if len(declared) == 1:
        testbed, resource = declared[0]
        used = {ref.port for it in testbed.adjacencies for ref in (it.first, it.second) if ref.resource == resource.id}
        yield f"{len(resource.ports)} ports, {len([it for it in resource.ports if it.id in used])} in use"


def _circuit(analysis: Analysis, wire: Wire) -> str:
    """Return a line on the two ends of a link and their sites, and a line on the delay between them."""
    ends = []
    sites: list[str | None] = []
    for ref in wire.ends:
        location = analysis.topology.nodes[ref.resource].location
        sites.append(location)
        ends.append(code(str(ref)) + (f" ({_city(location)})" if location else ""))
    joined = f"{ends[0]} ↔ {ends[1]}"
    delay = wire.link.attributes.get("delay")
    if isinstance(delay, str):
        return f"{joined}  \none-way delay {code(delay)}, set by the link"
    circuit = find(sites[0], sites[1]) if sites[0] and sites[1] else None
    if circuit is None:
        return f"{joined}  \nround trip unknown"
    if circuit.estimated:
        figure = f"{circuit.rtt_ms:g} ms, estimated ({circuit.low_ms:g} to {circuit.high_ms:g} ms)"
    else:
        figure = f"{circuit.rtt_ms:g} ms"
    return f"{joined}  \nround trip {figure}: {circuit.statistic}  \nsource: {circuit.source}"


def _city(location: str) -> str:
    known = site(location)
    return f"{known.code}, {known.city}" if known else printable(location, 40)


def _on_site(location: str) -> str:
    known = site(location)
    return f"at {known.city}, {known.country} ({known.code})" if known else f"at {code(location)}, no known site"


def _on_port(analysis: Analysis, symbol: Symbol) -> Iterator[str]:
    owner = symbol.owner
    of = f" of {code(owner.name)}" if owner is not None and owner.name else ""
    yield f"port {code(symbol.name)}{of}"
    if symbol.is_computed or (owner is not None and owner.is_computed):
        return
    for id_scope in analysis.index.id_scopes:
        testbed = analysis.testbeds.get(id_scope.type.name) if id_scope.type is not None else None
        if testbed is None:
            continue
        refs = {PortRef(*key) for key, port in id_scope.ports.items() if port is symbol}
        for adjacency in testbed.adjacencies:
            for ref, other in ((adjacency.first, adjacency.second), (adjacency.second, adjacency.first)):
                if ref in refs:
                    yield f"joined with {code(str(other))}"


# ---------------------------------------------------------------------------------------------------- words


def _on_word(text: str, word: Span, analysis: Analysis) -> Iterator[str]:
    name = text[word.start : word.end]
    if _CODE.fullmatch(name) and name in CODES:
        yield explain(name)
        return
    cursor_context = context(text, word.start, analysis.anchor(word.start))
    if cursor_context.comment:
        return
    if cursor_context.string is not None:
        value = text[cursor_context.string.start : cursor_context.string.end]
        if re.search(r"\blocation[ \t]*=[ \t]*$", cursor_context.before) and site(value):
            yield _on_site(value)
        return
    behind = text[word.end : word.end + 20].lstrip(" \t")
    if re.search(r"\.[ \t]*$", text[max(0, word.start - 20) : word.start]):
        if name in meanings.METHODS:
            yield f"{code('.' + name)}: {meanings.METHODS[name]}"
        return
    attributes = _attributes(cursor_context, analysis)
    if name in attributes and (behind[:1] in ("=", "{", "+", "-", "") or name not in meanings.KEYWORDS):
        yield f"{code(name)}: {attributes[name]}"
    elif name in CLASSES:
        spec = CLASSES[name]
        yield f"{code(name)}: {spec.meaning}\n\nattributes: {', '.join(code(it) for it in spec.attributes)}"
    elif name in meanings.KEYWORDS:
        yield f"{code(name)}: {meanings.KEYWORDS[name]}"


def _attributes(cursor_context: Context, analysis: Analysis) -> dict[str, str]:
    """Return the attributes that the innermost block can have, with their meanings."""
    block = cursor_context.block
    if block is None:
        return {}
    type_ = analysis.index.types.get(block.head)
    if block.kind == "type" or block is cursor_context.brackets[0]:
        return dict(TESTBED_ATTRIBUTES)
    if type_ is not None:
        return dict(TESTBED_ATTRIBUTES) | {name: f"A parameter of {code(block.head)}." for name in parameters_of(type_)}
    known = {"port": PORT_ATTRIBUTES, "controller": CONTROLLER_ATTRIBUTES}
    spec = CLASSES.get(block.head)
    return dict(known.get(block.head, spec.attributes if spec else {}))


def explain(name: str) -> str:
    """Return Markdown with a diagnostic's title and a link to its page."""
    return f"**{name}**: {CODES[name].title} ([what it means]({page(name)}); `gtsdsl explain {name}`)"


def page(name: str) -> str:
    """Return the address of a diagnostic's page, a file that is installed with gtsdsl."""
    return shipped("docs", "diagnostics", f"{name}.md").absolute().as_uri()


def _findings(analysis: Analysis, offset: int) -> Iterator[str]:
    """Yield a line on each code of the findings at an offset. The editor itself shows the findings' messages."""
    codes: dict[str, None] = {}
    for finding in analysis.check_result.diagnostics[:_MAX_FINDINGS]:
        if isinstance(finding.place, Span) and finding.place.start <= offset <= finding.place.end:
            codes[finding.code] = None
    for name in list(codes)[:_MAX_SHOWN]:
        yield explain(name)
