"""The nodes that Lark itself makes of a text, with Lark's own lexer, parser and trees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import cast

from lark import Lark, Token, Tree

from gtsdsl.source import Source
from gtsdsl.syntax import build, nodes, tables
from gtsdsl.syntax.build import BUILDERS, Child
from gtsdsl.syntax.newlines import CLOSING, NEWLINE, NO_END_AFTER, NO_END_BEFORE, OPENING
from gtsdsl.syntax.strings import read_string


class _Newlines:
    """A filter between Lark's lexer and parser (Lark's ``postlex``), which drops newlines that end no statement."""

    always_accept = (NEWLINE,)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        brackets: list[str] = []
        previous = ""
        held: Token | None = None  # a newline that may be an end: the next token tells
        for token in stream:
            if token.type == NEWLINE:
                if not (previous in NO_END_AFTER or (brackets and brackets[-1] != "LBRACE")):
                    held = held or token
                continue
            if held is not None:
                if token.type not in NO_END_BEFORE:
                    yield held
                held = None
            if token.type in OPENING:
                brackets.append(token.type)
            elif token.type in CLOSING and brackets:
                brackets.pop()
            previous = token.type
            yield token
        if held is not None:
            yield held


@cache
def _parser(start: str) -> Lark:
    return Lark(tables.grammar_text(), parser="lalr", start=start, postlex=_Newlines(), propagate_positions=True)


def parse(text: str, start: str = "file") -> Child:
    """Return the nodes of a text, made from Lark's tree.

    Raises:
        lark.exceptions.UnexpectedInput: the text is not in the language.
    """
    return _node(_parser(start).parse(text), text, 0)


def _node(found: object, text: str, shift: int) -> Child:
    if isinstance(found, Token):
        start, end = cast(int, found.start_pos) + shift, cast(int, found.end_pos) + shift
        return build.Token(start, end, found.type, str(found))
    if not isinstance(found, Tree):
        return found
    children = [_node(child, text, shift) for child in found.children]
    start = 0 if found.meta.empty else found.meta.start_pos + shift
    end = 0 if found.meta.empty else found.meta.end_pos + shift
    if found.data == "literal":
        token = cast(build.Token, children[0])
        if token.kind == "CONSTANT":
            return build.constant(token)
        if token.kind in ("INTEGER", "DECIMAL"):
            return build.number(token)
        return read_string(token.text, start, lambda first, last: _expression(text, first - shift, last - shift, shift))
    return BUILDERS[found.data](children, start, end)


def _expression(text: str, first: int, last: int, shift: int) -> nodes.Expression:
    tree = _parser("expression").parse(text[first:last])
    return cast(nodes.Expression, _node(tree, text[first:last], shift + first))


def ours(text: str) -> nodes.Body:
    """Return the nodes that the project's own driver makes of a text, and fail if the driver finds an error."""
    from gtsdsl.syntax import parse as our_parse

    parsed = our_parse(Source("<test>", text))
    assert not parsed.diagnostics, parsed.diagnostics
    return parsed.body
