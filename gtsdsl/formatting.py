"""From DSL text to the same text laid out evenly: two spaces a level, a statement a line, comments where they were.

A block that stands on one line stays on it, `port { id = "src" }`, while it fits; any other has a line for each of its
statements. Line breaks inside brackets and behind operators stay, and so does a blank line between statements. Words
are never changed, only the space between them and the semicolons.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, cast

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes, parse
from gtsdsl.syntax.build import Token
from gtsdsl.syntax.newlines import CLOSING, NO_END_AFTER, OPENING
from gtsdsl.syntax.scanner import all_words

INDENT = 2
MAX_WIDTH = 100
"""Columns that a block may take to stay on one line."""

_TIGHT_BEFORE = frozenset({"COMMA", "SEMICOLON", "RPAR", "RSQB", "DOT", "STEP", "RANGE"})
_TIGHT_AFTER = frozenset({"LPAR", "LSQB", "DOT", "RANGE", "BANG"})
_VALUE_ENDS = frozenset({"NAME", "INTEGER", "DECIMAL", "TEXT", "TEMPLATE", "CONSTANT", "RPAR", "RSQB", "RBRACE"})


MAX_LAID_OUT = 2_000_000
"""How many words, signs and comments a text may have that is laid out: each takes some 300 bytes."""


def format_text(text: str, name: str = "<text>") -> str:
    """The text laid out evenly, with the line ends that it had; formatting it again changes nothing.

    Raises:
        GtsError: the text has syntax errors; ``name`` is what they call it.
    """
    parsed = parse(Source(name, text))
    if parsed.diagnostics:
        raise GtsError(parsed.diagnostics)
    if "\r\n" in text:
        return format_text(text.replace("\r\n", "\n")).replace("\n", "\r\n")
    visible = (word for word in all_words(text) if word.kind not in ("SPACE", "_NEWLINE"))
    words = list(islice(visible, MAX_LAID_OUT))
    beyond = next(visible, None)
    if beyond is not None:
        message = f"a text of more than {MAX_LAID_OUT} words and signs is not formatted"
        place = Span(beyond.start, beyond.end)
        raise GtsError([Diagnostic("GTS012", message, Source(name, text), place)])
    words = _kept(words)
    return _Layout(text, words, _statement_starts(parsed.body, words)).lay_out() if words else ""


def _kept(words: list[Token]) -> list[Token]:
    """The words without the semicolons between statements; those of `for (…; …; …)` stay."""
    kept = []
    brackets: list[str] = []
    for word in words:
        if word.kind in OPENING:
            brackets.append(word.kind)
        elif word.kind in CLOSING:
            brackets.pop()
        if word.kind != "SEMICOLON" or (brackets and brackets[-1] != "LBRACE"):
            kept.append(word)
    return kept


def _statement_starts(body: nodes.Body, words: list[Token]) -> frozenset[int]:
    """Where statements begin that get a line of their own: all but single ones behind `if (…)`, `for (…)`, `else`."""
    solid = [word for word in words if word.kind != "COMMENT"]
    offsets = [word.start for word in solid]
    starts = {statement.start for statement in body}
    todo: list[object] = [body]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Closure | nodes.TypeDefinition | nodes.MethodDefinition):
            starts.update(statement.start for statement in node.body)
        elif isinstance(node, nodes.If | nodes.For | nodes.ForIn | nodes.While):
            for branch in (node.then, node.otherwise) if isinstance(node, nodes.If) else (node.body,):
                # a branch without braces is a single statement
                if branch and solid[bisect_left(offsets, branch[0].start) - 1].kind not in ("RPAR", "ELSE"):
                    starts.update(statement.start for statement in branch)
        todo.extend(part for part in cast("tuple[object, ...]", node) if isinstance(part, tuple))
    return frozenset(solid[_at_bracket(solid, bisect_left(offsets, start))].start for start in starts)


def _at_bracket(solid: list[Token], index: int) -> int:
    """Where a statement begins whose node begins at a word: brackets around an expression are no part of its node."""
    while index and solid[index - 1].kind == "LPAR":
        index -= 1
    return index


class _Frame(NamedTuple):
    """An open block: whether it is on one line, how far its statements are indented, the brackets open around it."""

    is_flat: bool
    indent: int
    brackets: int


@dataclass
class _Layout:
    """The state of a text that is being laid out."""

    text: str
    words: list[Token]
    starts: frozenset[int]
    lines: list[str] = field(default_factory=list)
    line: str = ""
    brackets: int = 0
    """Round and square brackets that are open in the statement."""
    ternaries: list[int] = field(default_factory=lambda: [0])
    """For each open bracket the `?` in it that wait for their `:`."""

    def lay_out(self) -> str:
        frames = [_Frame(is_flat=False, indent=0, brackets=0)]
        indent_of_line = 0
        for index, word in enumerate(self.words):
            previous = self.words[index - 1] if index else None
            frame = frames[-1]
            breaks = 0 if previous is None else self.text.count("\n", previous.end, word.start)
            if word.kind == "RBRACE":
                frames.pop()
                self.brackets = frame.brackets
                self.ternaries.pop()
            if previous is None:
                pass
            elif word.kind == "COMMENT" and breaks == 0:
                self.line += "  " if word.text.startswith("//") else " "
            elif self._breaks_before(word, previous, breaks, frame):
                indent_of_line = self._indent(word, previous, frame)
                self._new_line(blank=breaks > 1 and previous.kind != "LBRACE" and word.kind != "RBRACE")
                self.line = " " * indent_of_line
            else:
                self.line += self._space(index, word, previous)
            self._open_or_close(index, word, frames, indent_of_line)
            self.line += word.text.rstrip() if word.kind == "COMMENT" else word.text
        self._new_line(blank=False)
        return "\n".join(self.lines) + "\n"

    def _new_line(self, *, blank: bool) -> None:
        self.lines.append(self.line.rstrip())
        if blank:
            self.lines.append("")
        self.line = ""

    def _open_or_close(self, index: int, word: Token, frames: list[_Frame], indent_of_line: int) -> None:
        if word.kind in ("LPAR", "LSQB"):
            self.brackets += 1
            self.ternaries.append(0)
        elif word.kind in ("RPAR", "RSQB"):
            self.brackets -= 1
            self.ternaries.pop()
        elif word.kind == "LBRACE":
            is_flat = frames[-1].is_flat or self._fits(index)
            frames.append(_Frame(is_flat, indent_of_line + INDENT, self.brackets))
            self.ternaries.append(0)
        elif word.kind == "QMARK":
            self.ternaries[-1] += 1

    def _breaks_before(self, word: Token, previous: Token, breaks: int, frame: _Frame) -> bool:
        if previous.kind == "COMMENT" and previous.text.startswith("//"):
            return True
        if word.kind == "COMMENT":
            return breaks > 0
        if word.kind == "RBRACE":
            return not frame.is_flat and previous.kind != "LBRACE"
        if word.start in self.starts:
            return not frame.is_flat
        if word.kind == "ELSE" and previous.kind == "RBRACE":
            return False
        return breaks > 0 and word.kind != "LBRACE" and not frame.is_flat

    def _indent(self, word: Token, previous: Token, frame: _Frame) -> int:
        if word.kind == "RBRACE":
            return frame.indent - INDENT
        open_here = self.brackets - frame.brackets
        if open_here:
            return frame.indent + INDENT * (open_here - (word.kind in ("RPAR", "RSQB")))
        if word.start in self.starts or word.kind == "ELSE":
            return frame.indent
        if word.kind == "COMMENT" and previous.kind not in NO_END_AFTER - {"LBRACE", "ARROW"}:
            return frame.indent
        return frame.indent + INDENT

    def _space(self, index: int, word: Token, previous: Token) -> str:
        """What stands between two words of a line."""
        if word.start in self.starts and previous.kind not in ("LBRACE", "ARROW"):
            return "; "
        if word.kind == "RBRACE":
            return "" if previous.kind == "LBRACE" else " "
        if previous.kind in _TIGHT_AFTER or word.kind in _TIGHT_BEFORE:
            return ""
        if word.kind == "COLON":
            if self.ternaries[-1]:
                self.ternaries[-1] -= 1
                return " "
            return ""
        if word.kind == "LPAR":
            return (
                "" if previous.kind == "NAME" or (previous.kind == "ADJACENCY" and previous.end == word.start) else " "
            )
        if word.kind == "LSQB":
            return "" if previous.kind in _VALUE_ENDS else " "
        if previous.kind == "SIGN" and self._is_unary(index - 1):
            return ""
        if previous.kind == "STEP" and (index < 2 or self.words[index - 2].kind not in _VALUE_ENDS):
            return ""
        return " "

    def _is_unary(self, index: int) -> bool:
        return index == 0 or self.words[index].start in self.starts or self.words[index - 1].kind not in _VALUE_ENDS

    def _fits(self, opening: int) -> bool:
        """Whether the block that a brace opens stands on one line and can stay there."""
        depth = 0
        for index in range(opening, len(self.words)):
            word = self.words[index]
            depth += {"LBRACE": 1, "RBRACE": -1}.get(word.kind, 0)
            if word.kind == "COMMENT" and (word.text.startswith("//") or "\n" in word.text):
                return False
            if depth == 0:
                break
        if "\n" in self.text[self.words[opening].end : self.words[index].start]:
            return False
        # as it will be: laid out flat by itself
        inner = _Layout(self.text, self.words[opening : index + 1], self.starts)
        return len(self.line) + len(inner.flat()) <= MAX_WIDTH

    def flat(self) -> str:
        """The words on one line."""
        for index, word in enumerate(self.words):
            if index:
                self.line += self._space(index, word, self.words[index - 1])
            if word.kind in ("LPAR", "LSQB", "LBRACE"):
                self.ternaries.append(0)
            elif word.kind in ("RPAR", "RSQB", "RBRACE"):
                self.ternaries.pop()
            elif word.kind == "QMARK":
                self.ternaries[-1] += 1
            self.line += word.text
        return self.line
