"""Values of strings: escapes, and the expressions of templates."""

from __future__ import annotations

import re
from collections.abc import Callable

from gtsdsl.syntax.nodes import Expression, Literal, Name, Postfix, Property, Template

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"', "$": "$"}
_PIECE = re.compile(
    r"""
      (?P<text>[^\\$]+)
    | \\u+(?P<unicode>[0-9A-Fa-f]{4})
    | \\(?P<octal>[0-3]?[0-7]{1,2})
    | \\(?P<escape>.)
    | \$\{(?P<expression>(?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\})*)\}
    | \$(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<dollar>\$(?:\$(?![A-Za-z_{]))*+)
    """,
    re.VERBOSE | re.DOTALL,
)
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class EscapeError(ValueError):
    """An escape that the language does not have. ``start`` and ``end`` are its offsets in the text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


def read_string(text: str, start: int, expression: Callable[[int, int], Expression | None]) -> Literal | Template:
    """Return the node of a string token, quotes included, that begins at the offset ``start``.

    ``expression`` parses the text between two offsets. It returns None for an expression with an error, which it has
    reported.

    Raises:
        EscapeError: the string has an escape that the language does not have, or half of a surrogate pair.
    """
    end = start + len(text)
    if "\\" not in text and "$" not in text:  # nearly all strings
        return Literal(start, end, text[1:-1])
    parts: list[str | Expression] = []
    literal: list[str] = []

    def flush() -> None:
        if literal:
            parts.append(_join(literal, start, end))
            literal.clear()

    is_template = text[0] == '"'
    for match in _PIECE.finditer(text, 1, len(text) - 1):
        kind = match.lastgroup
        at = start + match.start()
        if kind == "text":
            literal.append(match[kind])
        elif kind == "unicode":
            literal.append(chr(int(match[kind], 16)))
        elif kind == "octal":
            literal.append(chr(int(match[kind], 8)))
        elif kind == "escape":
            if match[kind] not in _ESCAPES:
                raise EscapeError(f"`\\{match[kind]}` is no escape", at, at + 2)
            literal.append(_ESCAPES[match[kind]])
        elif not is_template or kind == "dollar":
            literal.append(match[0])
        else:
            flush()
            kind = "name" if kind == "name" else "expression"
            first, last = start + match.start(kind), start + match.end(kind)
            part = _path(match[kind], first) if kind == "name" else expression(first, last)
            parts.append("" if part is None else part)
    flush()
    if any(not isinstance(part, str) for part in parts):
        return Template(start, end, tuple(parts))
    return Literal(start, end, "".join(part for part in parts if isinstance(part, str)))


def _join(literal: list[str], start: int, end: int) -> str:
    joined = "".join(literal)
    if any("\ud800" <= character <= "\udfff" for character in joined):
        joined = _SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), joined)
        if any("\ud800" <= character <= "\udfff" for character in joined):
            raise EscapeError("half of a surrogate pair is no character", start, end)
    return joined


def _path(path: str, start: int) -> Expression:
    """Return the node of ``name.attribute`` behind a `$`."""
    names = []
    for word in path.split("."):
        names.append(Name(start, start + len(word), word))
        start += len(word) + 1
    if len(names) == 1:
        return names[0]
    suffixes = tuple(Property(name.start - 1, name.end, name) for name in names[1:])
    return Postfix(names[0].start, names[-1].end, names[0], suffixes)
