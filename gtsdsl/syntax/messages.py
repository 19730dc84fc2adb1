"""How a syntax error names the words of the language."""

from __future__ import annotations

from collections.abc import Collection

from gtsdsl.diagnostics import printable
from gtsdsl.syntax.build import Token

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


def expected_words(kinds: Collection[str]) -> str:
    """What could have stood at a place, e.g. ``a value or `)```."""
    kinds = set(kinds) - {"$END"}
    words = []
    if kinds >= {"INTEGER", "NAME"}:
        is_statement = kinds & _ENDS or "IF" in kinds
        words.append("a statement" if is_statement else "a value")
        kinds = kinds & {"RBRACE", "RPAR", "RSQB"} if is_statement else kinds - _VALUES
    elif kinds & _ENDS:
        # a statement could go on with any operator; what is missing is nearly always its end
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
    """A token as it was found."""
    if token.kind == "_NEWLINE":
        return "the end of the line"
    return f"`{printable(token.text, 40)}`"


def help_with_quotes(first_word: str, rest_of_line: str) -> str | None:
    """Return the help for an id in an adjacency that is no name, such as ``1st``.

    ``rest_of_line`` begins at the first word that is wrong. Without a comma in it, the comma itself is what is missing.
    """
    if first_word != "adjacency" or "," not in rest_of_line:
        return None
    return 'an id that is no name stands in quotes: `adjacency "1st.p", l1.src`'
