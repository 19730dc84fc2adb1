"""Which newlines end a statement: those that do not stand in brackets, behind an operator or before a continuation.

A newline is also no end where the next token cannot begin a statement, so that a line may begin with `.`, `&&`, `?`
or `{`, and `else` may stand on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Lark is not imported to read a file: gtsdsl/syntax/tables.py
    from lark import Token

NEWLINE = "_NEWLINE"
OPENING = frozenset({"LPAR", "LSQB", "LBRACE"})
CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})
_OPERATORS = frozenset(
    "EQUAL CHANGE EQUALITY RELATION RANGE PRODUCT ARROW ELVIS OR AND QMARK COLON COMMA DOT".split(),
)
NO_END_AFTER = _OPERATORS | OPENING | {"SIGN", "BANG", "ADJACENCY", "ELSE", "_IN"}
"""Tokens that leave a statement open."""
NO_END_BEFORE = _OPERATORS | CLOSING - {"RBRACE"} | {"LBRACE", "ELSE"}
"""Tokens that cannot begin a statement."""


class Newlines:
    """Drop the newlines that end nothing, between Lark's lexer and its parser (Lark's ``postlex``)."""

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
