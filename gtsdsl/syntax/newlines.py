"""Tokens that decide whether a newline ends a statement.

A newline ends a statement unless it stands inside ( ) or [ ], after a token that leaves the statement open, or before a
token that cannot begin a statement. So a line may begin with `.`, `&&`, `?` or `{`, and `else` may have a line of its
own.
"""

from __future__ import annotations

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
