"""Proposals for the beginning of a statement, by the block around the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gtsdsl.lsp import meanings
from gtsdsl.lsp.context import Bracket
from gtsdsl.lsp.names import parameters_of
from gtsdsl.lsp.proposals import Cursor, Proposal, ProposalKind, parameter_names, variables
from gtsdsl.lsp.symbols import Symbol
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.text import printable

_SETTING = re.compile(r""""(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|//[^\n]*|[{}]|([A-Za-z_]\w*)[ \t]*=(?!=)""")
_FAR = 20_000
"""Greatest number of characters between the brace of a block and a cursor for which the block is searched."""
_RANKS = {"id": 0, "location": 1}
"""Ranks of attributes that are proposed before the others."""
_NUMBER_ATTRIBUTES = frozenset({"bandwidth", "logicalPort", "x", "y"})
_CLASS_SNIPPETS = {
    "host": 'host {\n\tid = "${1:h1}"\n\tlocation = "${2:AMS}"\n\tport { id = "${3:p1}" }$0\n}',
    "link": 'link {\n\tid = "${1:l1}"\n\tport { id = "src" }\n\tport { id = "dst" }$0\n}',
}


def statements(cursor: Cursor) -> Iterator[Proposal]:
    """Yield the proposals for the beginning of a statement, in the block around the cursor or at the top level."""
    block = cursor.context.block
    types = cursor.analysis.index.types
    in_method = any(bracket.kind == "method" for bracket in cursor.context.brackets)
    if block is None and not in_method:
        yield Proposal("type", ProposalKind.KEYWORD, cursor.word, "keyword", meanings.KEYWORDS["type"], 1,
                       "type ${1:Name} {\n\t$0\n}")  # fmt: skip
    elif block is None or block.kind == "type" or (block is cursor.context.brackets[0] and block.head not in types):
        yield from _in_testbed(cursor, block)
    elif block.head in types:
        yield from _attributes(cursor, _attributes_of_instance(cursor, types[block.head]))
    elif block.head == "port":
        yield from _attributes(cursor, PORT_ATTRIBUTES)
    elif block.head == "controller":
        yield from _attributes(cursor, CONTROLLER_ATTRIBUTES)
    else:
        yield from _in_resource(cursor, block)
    for word in ("def", "if", "for", "while"):
        yield Proposal(word, ProposalKind.KEYWORD, cursor.word, "keyword", meanings.KEYWORDS[word], rank=7)
    if any(bracket.kind == "control" and bracket.head in ("for", "while") for bracket in cursor.context.brackets):
        for word in ("break", "continue"):
            yield Proposal(word, ProposalKind.KEYWORD, cursor.word, "keyword", meanings.KEYWORDS[word], rank=7)
    if in_method:
        yield Proposal("return", ProposalKind.KEYWORD, cursor.word, "keyword", meanings.KEYWORDS["return"], rank=7)
    yield from variables(cursor)


def _in_testbed(cursor: Cursor, block: Bracket | None) -> Iterator[Proposal]:
    yield Proposal("adjacency", ProposalKind.KEYWORD, cursor.word, "keyword", meanings.KEYWORDS["adjacency"], 1,
                   "adjacency ${1:h1.p1}, ${2:l1.src}")  # fmt: skip
    for name, spec in CLASSES.items():
        yield Proposal(
            name, ProposalKind.CLASS, cursor.word, "resource class", spec.meaning, 2, _CLASS_SNIPPETS.get(name)
        )
    for name, symbol in cursor.analysis.index.types.items():
        if block is None or name != block.head:
            detail = f"type({', '.join(parameter_names(symbol))})"
            yield Proposal(name, ProposalKind.TYPE, cursor.word, detail, rank=3, snippet=f'{name} {{ id = "$1" $0}}')
    names = _attributes_set(cursor)
    for attribute in ("id", "description", "port"):
        if attribute not in names or attribute == "port":
            meaning = TESTBED_ATTRIBUTES[attribute]
            kind = ProposalKind.BLOCK if attribute == "port" else ProposalKind.ATTRIBUTE
            snippet = 'port { id = "$1" }' if attribute == "port" else f'{attribute} = "$1"'
            yield Proposal(attribute, kind, cursor.word, kind.value, meaning, 4, snippet)


def _in_resource(cursor: Cursor, block: Bracket) -> Iterator[Proposal]:
    spec = CLASSES.get(block.head)
    yield from _attributes(cursor, spec.attributes if spec else {"id": "The name of the resource.", "port": "A port."})


def _attributes_of_instance(cursor: Cursor, type_: Symbol) -> dict[str, str]:
    """Return the attributes of a testbed of a type, the parameters of the type among them, with their meanings."""
    meanings_by_name = {name: meaning for name, meaning in TESTBED_ATTRIBUTES.items() if name != "port"}
    for name, parameter in parameters_of(type_).items():
        default = parameter.default
        shown = printable(cursor.analysis.text[default.start : default.end], 40) if default is not None else ""
        meanings_by_name[name] = f"A parameter of `{type_.name}`{f', `{shown}` by default' if shown else ''}."
    return meanings_by_name


def _attributes(cursor: Cursor, known: Mapping[str, str]) -> Iterator[Proposal]:
    """Yield those of the known attributes that the innermost block does not set yet."""
    names = _attributes_set(cursor)
    for name, meaning in known.items():
        in_port = cursor.context.block is not None and cursor.context.block.head in ("port", "controller")
        if name == "port" and not in_port:
            yield Proposal(name, ProposalKind.BLOCK, cursor.word, "block", meaning, 2, 'port { id = "$1" }')
        elif name == "controller":
            snippet = 'controller { ipv4 = "$1"; port = ${2:6633} }'
            yield Proposal(name, ProposalKind.BLOCK, cursor.word, "block", meaning, 3, snippet)
        elif name not in names:
            snippet = f'{name} = "$1"' if name not in _NUMBER_ATTRIBUTES else f"{name} = $1"
            yield Proposal(
                name, ProposalKind.ATTRIBUTE, cursor.word, "attribute", meaning, _RANKS.get(name, 4), snippet
            )


def _attributes_set(cursor: Cursor) -> set[str]:
    """Return the names of the attributes that the innermost block sets around the cursor."""
    block = cursor.context.block
    if block is None or cursor.offset - block.start > _FAR:
        return set()
    near = cursor.text[block.start + 1 : min(cursor.offset + 4_000, len(cursor.text))]
    depth = 0
    names: set[str] = set()
    for match in _SETTING.finditer(near):
        sign = match[0]
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and match[1]:
            names.add(match[1])
    return names
