"""Formatting of DSL text: two spaces for each level, a line for each statement.

A block on one line, `port { id = "src" }`, stays on one line if it fits; any other block has a line for each of its
statements. Comments, line breaks inside brackets and behind operators, and blank lines between statements stay. Only
space and semicolons change, never words.
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
from gtsdsl.syntax.scanner import all_tokens

INDENT = 2
"""Spaces by which the statements of a block are indented."""
MAX_WIDTH = 100
"""Greatest number of columns of a line that holds a whole block."""
MAX_FORMATTED = 2_000_000
"""Greatest number of words, signs and comments; each takes about 300 bytes of memory."""

_TIGHT_BEFORE = frozenset({"COMMA", "SEMICOLON", "RPAR", "RSQB", "DOT", "STEP", "RANGE"})
_TIGHT_AFTER = frozenset({"LPAR", "LSQB", "DOT", "RANGE", "BANG"})
_VALUE_ENDS = frozenset({"NAME", "INTEGER", "DECIMAL", "TEXT", "TEMPLATE", "CONSTANT", "RPAR", "RSQB", "RBRACE"})


def format_text(text: str, name: str = "<text>") -> str:
    """Format a text, with the line ends that it has. A second formatting changes nothing.

    ``name`` is what errors call the text.

    Raises:
        GtsError: the text has syntax errors, or more than `MAX_FORMATTED` words.
    """
    parsed = parse(Source(name, text))
    if parsed.diagnostics:
        raise GtsError(parsed.diagnostics)
    if "\r\n" in text:
        return format_text(text.replace("\r\n", "\n")).replace("\n", "\r\n")
    visible = (token for token in all_tokens(text) if token.kind not in ("SPACE", "_NEWLINE"))
    tokens = list(islice(visible, MAX_FORMATTED))
    first_beyond = next(visible, None)
    if first_beyond is not None:
        message = f"a text of more than {MAX_FORMATTED} words and signs is not formatted"
        place = Span(first_beyond.start, first_beyond.end)
        raise GtsError([Diagnostic("GTS012", message, Source(name, text), place)])
    tokens = _without_semicolons(tokens)
    return _Formatter(text, tokens, _statement_starts(parsed.body, tokens)).format() if tokens else ""


def _without_semicolons(tokens: list[Token]) -> list[Token]:
    """Return the tokens without the semicolons between statements; those of `for (…; …; …)` stay."""
    kept = []
    brackets: list[str] = []
    for token in tokens:
        if token.kind in OPENING:
            brackets.append(token.kind)
        elif token.kind in CLOSING:
            brackets.pop()
        if token.kind != "SEMICOLON" or (brackets and brackets[-1] != "LBRACE"):
            kept.append(token)
    return kept


def _statement_starts(body: nodes.Body, tokens: list[Token]) -> frozenset[int]:
    """Return the offsets of the statements that get a line of their own.

    These are all but single statements behind `if (…)`, `for (…)` and `else`.
    """
    code = [token for token in tokens if token.kind != "COMMENT"]
    offsets = [token.start for token in code]
    starts = {statement.start for statement in body}
    todo: list[object] = [body]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Closure | nodes.TypeDefinition | nodes.MethodDefinition):
            starts.update(statement.start for statement in node.body)
        elif isinstance(node, nodes.If | nodes.For | nodes.ForIn | nodes.While):
            for branch in (node.then, node.otherwise) if isinstance(node, nodes.If) else (node.body,):
                # a branch without braces is a single statement
                if branch and code[bisect_left(offsets, branch[0].start) - 1].kind not in ("RPAR", "ELSE"):
                    starts.update(statement.start for statement in branch)
        todo.extend(part for part in cast("tuple[object, ...]", node) if isinstance(part, tuple))
    return frozenset(code[_before_brackets(code, bisect_left(offsets, start))].start for start in starts)


def _before_brackets(code: list[Token], index: int) -> int:
    """Return the index of a statement's first token; brackets around an expression are not part of its node."""
    while index and code[index - 1].kind == "LPAR":
        index -= 1
    return index


class _Frame(NamedTuple):
    """An open block, whose closing brace the formatter has not reached yet."""

    is_flat: bool
    """Whether the block is on one line."""
    indent: int
    """Columns by which its statements are indented."""
    brackets: int
    """Number of open brackets around the block."""


@dataclass
class _Formatter:
    """The tokens of a text, and the lines that have been formatted so far."""

    text: str
    tokens: list[Token]
    starts: frozenset[int]
    lines: list[str] = field(default_factory=list)
    line: str = ""
    brackets: int = 0
    """Number of round and square brackets that are open in the statement."""
    ternaries: list[int] = field(default_factory=lambda: [0])
    """Number of `?` whose `:` has not come, for each open bracket."""

    def format(self) -> str:
        """Return the formatted text."""
        frames = [_Frame(is_flat=False, indent=0, brackets=0)]
        indent_of_line = 0
        for index, token in enumerate(self.tokens):
            previous = self.tokens[index - 1] if index else None
            frame = frames[-1]
            breaks = 0 if previous is None else self.text.count("\n", previous.end, token.start)
            if token.kind == "RBRACE":
                frames.pop()
                self.brackets = frame.brackets
                self.ternaries.pop()
            if previous is None:
                pass
            elif token.kind == "COMMENT" and breaks == 0:
                self.line += "  " if token.text.startswith("//") else " "
            elif self._breaks_before(token, previous, breaks, frame):
                indent_of_line = self._indent(token, previous, frame)
                self._new_line(blank=breaks > 1 and previous.kind != "LBRACE" and token.kind != "RBRACE")
                self.line = " " * indent_of_line
            else:
                self.line += self._space(index, token, previous)
            self._open_or_close(index, token, frames, indent_of_line)
            self.line += token.text.rstrip() if token.kind == "COMMENT" else token.text
        self._new_line(blank=False)
        return "\n".join(self.lines) + "\n"

    def _new_line(self, *, blank: bool) -> None:
        self.lines.append(self.line.rstrip())
        if blank:
            self.lines.append("")
        self.line = ""

    def _open_or_close(self, index: int, token: Token, frames: list[_Frame], indent_of_line: int) -> None:
        if token.kind in ("LPAR", "LSQB"):
            self.brackets += 1
            self.ternaries.append(0)
        elif token.kind in ("RPAR", "RSQB"):
            self.brackets -= 1
            self.ternaries.pop()
        elif token.kind == "LBRACE":
            is_flat = frames[-1].is_flat or self._fits(index)
            frames.append(_Frame(is_flat, indent_of_line + INDENT, self.brackets))
            self.ternaries.append(0)
        elif token.kind == "QMARK":
            self.ternaries[-1] += 1

    def _breaks_before(self, token: Token, previous: Token, breaks: int, frame: _Frame) -> bool:
        if previous.kind == "COMMENT" and previous.text.startswith("//"):
            return True
        if token.kind == "COMMENT":
            return breaks > 0
        if token.kind == "RBRACE":
            return not frame.is_flat and previous.kind != "LBRACE"
        if token.start in self.starts:
            return not frame.is_flat
        if token.kind == "ELSE" and previous.kind == "RBRACE":
            return False
        return breaks > 0 and token.kind != "LBRACE" and not frame.is_flat

    def _indent(self, token: Token, previous: Token, frame: _Frame) -> int:
        if token.kind == "RBRACE":
            return frame.indent - INDENT
        open_here = self.brackets - frame.brackets
        if open_here:
            return frame.indent + INDENT * (open_here - (token.kind in ("RPAR", "RSQB")))
        if token.start in self.starts or token.kind == "ELSE":
            return frame.indent
        if token.kind == "COMMENT" and previous.kind not in NO_END_AFTER - {"LBRACE", "ARROW"}:
            return frame.indent
        return frame.indent + INDENT

    def _space(self, index: int, token: Token, previous: Token) -> str:
        """Return the text between two tokens of a line: a space, nothing, or a semicolon."""
        if token.start in self.starts and previous.kind not in ("LBRACE", "ARROW"):
            return "; "
        if token.kind == "RBRACE":
            return "" if previous.kind == "LBRACE" else " "
        if previous.kind in _TIGHT_AFTER or token.kind in _TIGHT_BEFORE:
            return ""
        if token.kind == "COLON":
            if self.ternaries[-1]:
                self.ternaries[-1] -= 1
                return " "
            return ""
        if token.kind == "LPAR":
            return (
                "" if previous.kind == "NAME" or (previous.kind == "ADJACENCY" and previous.end == token.start) else " "
            )
        if token.kind == "LSQB":
            return "" if previous.kind in _VALUE_ENDS else " "
        if previous.kind == "SIGN" and self._is_unary(index - 1):
            return ""
        if previous.kind == "STEP" and (index < 2 or self.tokens[index - 2].kind not in _VALUE_ENDS):
            return ""
        return " "

    def _is_unary(self, index: int) -> bool:
        return index == 0 or self.tokens[index].start in self.starts or self.tokens[index - 1].kind not in _VALUE_ENDS

    def _fits(self, opening: int) -> bool:
        """Return whether the block of a brace is on one line, and fits on it when formatted."""
        depth = 0
        for index in range(opening, len(self.tokens)):
            token = self.tokens[index]
            depth += {"LBRACE": 1, "RBRACE": -1}.get(token.kind, 0)
            if token.kind == "COMMENT" and (token.text.startswith("//") or "\n" in token.text):
                return False
            if depth == 0:
                break
        if "\n" in self.text[self.tokens[opening].end : self.tokens[index].start]:
            return False
        inner = _Formatter(self.text, self.tokens[opening : index + 1], self.starts)
        return len(self.line) + len(inner.flat()) <= MAX_WIDTH

    def flat(self) -> str:
        """Return all tokens on one line."""
        for index, token in enumerate(self.tokens):
            if index:
                self.line += self._space(index, token, self.tokens[index - 1])
            if token.kind in ("LPAR", "LSQB", "LBRACE"):
                self.ternaries.append(0)
            elif token.kind in ("RPAR", "RSQB", "RBRACE"):
                self.ternaries.pop()
            elif token.kind == "QMARK":
                self.ternaries[-1] += 1
            self.line += token.text
        return self.line
