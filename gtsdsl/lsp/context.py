"""The context of a cursor: the open brackets and the statement around it, also in an unfinished text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gtsdsl.source import Span

_INTERPOLATED = r"""\$\{(?:[^{}"'\r\n]|"[^"\r\n]*"|'[^'\r\n]*'|\{[^{}\r\n]*\})*+\}"""
_WORD = re.compile(
    rf"""
      "(?:[^"\\$\r\n]|\\.|{_INTERPOLATED}|\$)*+"?
    | '(?:[^'\\\r\n]|\\.)*+'?
    | //[^\n]*
    | /\*(?:[\s\S]*?\*/|[\s\S]*)
    | \{{[^{{}}()\[\]"'/;]*+"[^"\\$\r\n]*+"[ \t\r\n;]*+\}}
    | [{{}}()\[\];]
    """,
    re.VERBOSE,
)
"""Strings, comments and brackets. A short block with one string, ``{ id = "p1" }``, is one match, to be fast."""
_CLOSES = {"}": "{", ")": "(", "]": "["}
_GOES_ON = re.compile(r"(?:[,+\-*/%=<>&|?:(\[]|\bin)[ \t]*$")
_HEAD = re.compile(r"(?:(type|def|int|Integer|String|List|Map)[ \t]+)?(\.?[ \t]*[A-Za-z_]\w*)[ \t]*$")
_ARROW = re.compile(r"^[\w\s,]*->")
_CONTROL = frozenset({"if", "else", "for", "while"})


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket that is open at the cursor."""

    sign: str
    start: int
    head: str
    """The word before the bracket; empty if there is none."""
    kind: str
    """``block`` (``host {``), ``type`` (``type Mesh(…) {``), ``method``, ``control`` (``if (…) {``) or ``closure``;
    for other brackets than ``{`` the bracket itself."""


@dataclass(frozen=True, slots=True)
class Context:
    """The syntax around a cursor."""

    brackets: tuple[Bracket, ...]
    """The open brackets, outermost first."""
    before: str
    """The statement up to the cursor, or up to the string that the cursor is in."""
    string: Span | None
    """The inside of the string that the cursor is in; None outside of strings."""
    comment: bool
    """Whether the cursor is in a comment, where nothing can be proposed."""

    @property
    def block(self) -> Bracket | None:
        """The innermost braces that attributes belong to; None where there are none."""
        for bracket in reversed(self.brackets):
            if bracket.kind in ("block", "type"):
                return bracket
            if bracket.kind == "method":
                return None
        return None


def context(text: str, offset: int, anchor: tuple[int, Bracket] | None = None) -> Context:
    """Return the context of an offset.

    ``anchor`` is an offset before it between two statements, with the only bracket that is open there. With an anchor,
    a large text need not be read from its beginning.
    """
    start_at, brackets = (0, list[Bracket]()) if anchor is None else (anchor[0], [anchor[1]])
    closed: dict[int, int] = {}
    """Offsets of closing brackets, and of the opening bracket of each."""
    boundary = start_at
    for match in _WORD.finditer(text, start_at):
        start, end = match.span()
        sign = text[start]
        if start >= offset:
            break
        if sign in "\"'":
            is_closed = end - start > 1 and text[end - 1] == sign
            if offset < end or (offset == end and not is_closed):
                inside = Span(start + 1, end - 1 if is_closed else offset)
                return Context(tuple(brackets), _before(text, boundary, start, brackets), inside, comment=False)
        elif sign == "/":
            if offset < end or (
                offset == end and not (text.startswith("/*", start) and text.endswith("*/", start, end))
            ):
                return Context(tuple(brackets), "", None, comment=True)
        elif end - start > 1:
            if offset < end:  # inside a short block
                brackets.append(_bracket(text, start, closed, boundary))
                string = re.compile(r'"[^"]*"').search(text, start, end)
                if string is not None and string.start() < offset < string.end():
                    inside = Span(string.start() + 1, string.end() - 1)
                    before = _before(text, start + 1, string.start(), brackets)
                    return Context(tuple(brackets), before, inside, comment=False)
                return Context(tuple(brackets), _before(text, start + 1, offset, brackets), None, comment=False)
            boundary = end
        elif sign == ";":
            boundary = end
        elif sign in _CLOSES:
            if brackets and brackets[-1].sign == _CLOSES[sign]:
                closed[start] = brackets.pop().start
            elif sign == "}" and any(bracket.sign == "{" for bracket in brackets):
                while brackets.pop().sign != "{":  # a bracket that was never closed
                    pass
            if sign == "}":
                boundary = end
        else:
            brackets.append(_bracket(text, start, closed, boundary))
            if sign == "{":
                boundary = end
    return Context(tuple(brackets), _before(text, boundary, offset, brackets), None, comment=False)


def _before(text: str, boundary: int, offset: int, brackets: list[Bracket]) -> str:
    """Return the text of the statement around an offset, up to the offset."""
    opened = next((it.start for it in reversed(brackets) if it.sign == "{"), -1)
    inner = [it.start for it in brackets if it.sign != "{" and it.start > opened]
    if inner:
        boundary = min(boundary, inner[0]) if boundary > inner[0] else boundary
    start = max(text.rfind("\n", boundary, offset) + 1, boundary)
    earliest = min([start, *inner])
    while start > boundary and (start > earliest or _GOES_ON.search(text[max(boundary, start - 200) : start].rstrip())):
        start = max(text.rfind("\n", boundary, start - 1) + 1, boundary)
    return _ARROW.sub("", text[max(start, offset - 2000) : offset])


def _bracket(text: str, start: int, closed: dict[int, int], boundary: int) -> Bracket:
    sign = text[start]
    before = text[max(boundary, start - 200) : start].rstrip()
    end = start - (len(text[max(boundary, start - 200) : start]) - len(before))
    if sign == "{" and before.endswith(")") and end - 1 in closed:
        opening = closed[end - 1]
        head = _HEAD.search(text, max(0, opening - 200), opening)
        word = (head[2] if head else "").replace(" ", "")
        if head and head[1]:
            kind = "type" if head[1] == "type" else "method"
        else:
            kind = "control" if word in _CONTROL else "closure"
        return Bracket(sign, start, word, kind)
    head = _HEAD.search(before)
    word = (head[2] if head else "").replace(" ", "").replace("\t", "")
    if sign != "{":
        return Bracket(sign, start, word, sign)
    if head is not None and head[1] == "type":
        return Bracket(sign, start, word, "type")
    if word in _CONTROL:
        return Bracket(sign, start, word, "control")
    return Bracket(sign, start, word, "closure" if not word or word.startswith(".") else "block")
