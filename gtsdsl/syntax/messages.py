"""Names of tokens in the messages of syntax errors."""

from __future__ import annotations

import re
from collections.abc import Collection

from gtsdsl.model.references import lacks_quotes
from gtsdsl.syntax.build import Token
from gtsdsl.text import printable

_SIGNS = {
    "LBRACE": "{",
    "RBRACE": "}",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "SEMICOLON": ";",
    "COLON": ":",
    "DOT": ".",
    "EQUAL": "=",
    "ARROW": "->",
    "QMARK": "?",
    "ELSE": "else",
    "_IN": "in",
}
_VALUES = frozenset(
    "NAME TYPE INTEGER DECIMAL TEXT TEMPLATE CONSTANT LPAR LSQB SIGN BANG LBRACE STEP DEF KIND".split(),
)
_OPERATORS = frozenset(
    "SIGN PRODUCT RANGE RELATION EQUALITY AND OR QMARK ELVIS DOT LSQB LPAR LBRACE STEP CHANGE EQUAL".split(),
)
_ENDS = frozenset({"_NEWLINE", "SEMICOLON"})
_WHOLE_REFERENCE = re.compile(r"\.\S+\s")


def expected_words(kinds: Collection[str]) -> str:
    """Return the names of the kinds of token that could stand at a place, e.g. ``a value or `)```."""
    kinds = set(kinds) - {"$END"}
    words = []
    if kinds >= {"INTEGER", "NAME"}:
        is_statement = kinds & _ENDS or "IF" in kinds
        words.append("a statement" if is_statement else "a value")
        kinds = kinds & {"RBRACE", "RPAR", "RSQB"} if is_statement else kinds - _VALUES
    elif kinds & _ENDS:
        # any operator could follow, but nearly always the end of the statement is missing
        words.append("the end of the statement")
        kinds &= {"RBRACE", "EQUAL", "COMMA"}
    elif kinds >= {"SIGN", "PRODUCT"}:
        words.append("an operator")
        kinds -= _OPERATORS
    if "NAME" in kinds:
        words.append("a name")
    words.extend(f"`{_SIGNS[kind]}`" for kind in sorted(kinds) if kind in _SIGNS)
    if not words:
        return "nothing more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def describe(token: Token) -> str:
    """Return the name of a token that was found."""
    if token.kind == "_NEWLINE":
        return "the end of the line"
    return f"`{printable(token.text, 40)}`"


def help_with_quotes(before: str, rest: str) -> str | None:
    """Return the help for an id in an adjacency that is no name, such as ``1st``; None if something else is wrong.

    ``before`` is the text of the line before the wrong token, ``rest`` the text from the token on.
    """
    words = before.split(maxsplit=1)
    if not words or words[0] != "adjacency":
        return None
    first, comma, second = before.partition(",")
    start = second if comma else first.partition("adjacency")[2]
    is_comma_missing = not comma and "," not in rest
    reference = (start + re.split("[,;}]", rest, maxsplit=1)[0]).strip()
    if is_comma_missing or _WHOLE_REFERENCE.search(start) or not lacks_quotes(reference):
        return None
    return f'an id that is no name stands in quotes: `"{printable(reference)}"`'
