"""Text to tokens, and to the nodes of simple statements.

Most of a large file consists of simple statements, such as ``id = "h1"``, ``port { id = "p1" }`` and
``adjacency h1.p1, l1.src``. `Scanner` finds them by a regular expression, and the parser takes the node of each as one
word. The grammar gives the same nodes; tests/syntax/test_differential.py compares them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import cache

from gtsdsl.model.values import MAX_STRING
from gtsdsl.syntax import tables
from gtsdsl.syntax.build import Token
from gtsdsl.syntax.newlines import CLOSING, NEWLINE, NO_END_AFTER, NO_END_BEFORE, OPENING
from gtsdsl.syntax.nodes import AdjacencyOf, Assignment, Block, Closure, Literal, Name, Postfix, Property, Statement

END = "$END"
UNKNOWN = "UNKNOWN"
"""The kind of a token that is no word of the language. The parser reports it."""


@cache
def _patterns() -> tuple[re.Pattern[str], frozenset[str], frozenset[str], re.Pattern[str]]:
    grammar = tables.load()
    words = re.compile(grammar.scanner)
    return words, frozenset(grammar.ignored), frozenset(grammar.keywords), _simple_statement(grammar.keywords)


def _simple_statement(keywords: list[str]) -> re.Pattern[str]:
    reserved = "|".join(
        [*sorted(set(keywords) - {"type"}), "int", "Integer", "String", "List", "Map", "true", "false", "null"]
    )
    name = rf"(?!(?:{reserved})\b)[A-Za-z_][A-Za-z0-9_]*+"
    member = r"[A-Za-z_][A-Za-z0-9_]*+"
    upto = f"{{0,{MAX_STRING}}}+"
    string = rf"""(?:"[^"\\$\r\n]{upto}"|'[^'\\\r\n]{upto}')"""
    space = r"[ \t\r\n\f]*+"
    between = r"[ \t\r\n\f;]*+"
    # the end of the text or of the block, or a word that begins the next statement
    follow = r"(?=[ \t]*+(?:[;}A-Za-z_]|\r?\n[ \t\r\n\f]*+[A-Za-z_}]|[ \t\r\n\f]*+\Z))"
    two = rf"(?P<r1>{name})\.(?P<p1>{member})[ \t]*+,[ \t]*+(?P<r2>{name})\.(?P<p2>{member})"
    return re.compile(
        rf"""{space}(?:;{space})?+(?:
            (?P<name>{name})[ \t]*+(?:
                =[ \t]*+(?P<value>{string})
              | \{{{between}(?P<inner>{name})[ \t]*+=[ \t]*+(?P<inner_value>{string}){between}(?P<closing>\}})
            )
          | (?P<adjacency>adjacency)[ \t]++{two}
        ){follow}""",
        re.VERBOSE,
    )


class Scanner:
    """A reader of tokens and simple statements, from an offset of a text on."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._words, self._ignored, self._keywords, self._simple = _patterns()
        self._text = text
        self._end = end
        self._previous = ""
        self._names: dict[str, str] = {}
        self.offset = start
        """The offset behind the last token or statement."""
        self.brackets: list[tuple[str, int]] = []
        """The kinds and offsets of the open brackets, outermost first."""
        self._missing_braces = 0

    def next_token(self, accepted: Container[str] = ()) -> Token:
        """Return the next token; a newline only where it ends a statement.

        ``accepted`` are the kinds that may follow the token before. A keyword that may not follow becomes a name, if a
        name may follow.
        """
        newline: Token | None = None
        text, end = self._text, self._end
        while True:
            match = self._words.match(text, self.offset, end)
            if match is None and self.offset >= end and self._missing_braces:
                self._missing_braces -= 1
                return Token(end, end, "RBRACE", "")
            if match is None:
                kind = END if self.offset >= end else UNKNOWN
                start, stop = self.offset, self.offset + (kind == UNKNOWN)
            else:
                kind = match.lastgroup or ""
                start, stop = match.span()
                if kind == NEWLINE:
                    self.offset = stop
                    if not (self._previous in NO_END_AFTER or (self.brackets and self.brackets[-1][0] != "LBRACE")):
                        newline = newline or Token(start, stop, kind, "\n")
                    continue
                if kind in self._ignored:
                    self.offset = stop
                    continue
            word = self._names.setdefault(text[start:stop], text[start:stop])
            if kind == "NAME" and word in self._keywords:
                kind = word.upper()
            if kind not in accepted and "NAME" in accepted and word.isidentifier():
                kind = "NAME"  # a word that is a keyword at other places: `controller { in = 3 }`
            elif word == "/" and text.startswith("*", stop):
                kind = UNKNOWN  # a comment that is never closed
            if newline is not None and kind not in NO_END_BEFORE:
                # self.offset is still before the token, which the next call reads again
                self._previous = NEWLINE
                return newline
            self.offset = stop
            if kind in OPENING:
                self.brackets.append((kind, start))
            elif kind in CLOSING and self.brackets:
                self.brackets.pop()
            self._previous = kind
            return Token(start, stop, kind, word)

    def simple_statement(self, offset: int) -> Statement | None:
        """Return the simple statement that begins at an offset, and move behind it; None for anything else."""
        match = self._simple.match(self._text, offset, self._end)
        if match is None:
            return None
        self.offset = match.end()
        self._previous = ""
        span = match.span
        name, value, inner, inner_value, adjacency = match.group("name", "value", "inner", "inner_value", "adjacency")
        if adjacency is not None:
            start, end = span("adjacency")[0], match.end()
            return AdjacencyOf(
                start,
                end,
                self._reference(match, "r1", "p1"),
                self._reference(match, "r2", "p2"),
            )
        start, stop = span("name")
        target = Name(start, stop, self._names.setdefault(name, name))
        if value is not None:
            first, last = span("value")
            return Assignment(start, last, target, "=", Literal(first, last, value[1:-1]))
        first, last = span("inner_value")
        begin, behind = span("inner")
        attribute = Assignment(
            begin,
            last,
            Name(begin, behind, self._names.setdefault(inner, inner)),
            "=",
            Literal(first, last, inner_value[1:-1]),
        )
        end = match.end("closing")
        opening = self._text.index("{", stop)
        return Block(start, end, target, Closure(opening, end, None, (attribute,)))

    def _reference(self, match: re.Match[str], resource: str, port: str) -> Postfix:
        start, stop = match.span(resource)
        begin, end = match.span(port)
        names = self._names
        word, member = match[resource], match[port]
        return Postfix(
            start,
            end,
            Name(start, stop, names.setdefault(word, word)),
            (Property(stop, end, Name(begin, end, names.setdefault(member, member))),),
        )

    def close_braces(self, count: int) -> None:
        """Close all brackets at the end of the text, and return ``count`` closing braces there."""
        self.brackets.clear()
        self._missing_braces = count

    def forget_brackets(self, braces: int) -> None:
        """Close all brackets but the first ``braces`` braces, after an error."""
        kept = [bracket for bracket in self.brackets if bracket[0] == "LBRACE"][:braces]
        self.brackets[:] = kept
        self._previous = ""


def all_tokens(text: str) -> Iterator[Token]:
    """Yield all tokens of a text, space, comments and line ends included; unknown characters are skipped."""
    words, _ignored, keywords, _simple = _patterns()
    for match in words.finditer(text):
        kind = match.lastgroup or ""
        word = match[0]
        yield Token(match.start(), match.end(), word.upper() if word in keywords else kind, word)
