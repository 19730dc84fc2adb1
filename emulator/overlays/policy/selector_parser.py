"""Text to a selector, or to an error with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NoReturn, TypeAlias, cast

from emulator.overlays.policy.selectors import Always, Comparison, Has, Joined, Membership, Not, Operator, Selector
from gtsdsl.text import did_you_mean, printable

MAX_LENGTH = 1024
"""The most characters of a selector, as in Calico's schema."""
_MAX_DEPTH = 60
"""The most parentheses in each other: each takes three calls of a function."""
_MAX_LABEL = 512

_WORD = re.compile(r"[A-Za-z0-9_./-]+")
_BLANKS = re.compile(r"[ \t]*")
_SIGNS = ("(", ")", "{", "}", ",", "==", "!=", "!", "&&", "||")
_OPERATORS = {
    "contains": re.compile(r"contains(?![\w./-])", re.ASCII),
    "starts with": re.compile(r"starts[ \t]*with(?![\w./-])", re.ASCII),
    "ends with": re.compile(r"ends[ \t]*with(?![\w./-])", re.ASCII),
    "not in": re.compile(r"not[ \t]*in(?![\w./-])", re.ASCII),
    "in": re.compile(r"in(?![\w./-])", re.ASCII),
}
_CALLS = re.compile(r"(has|all|global)\(")

Kind: TypeAlias = Literal["label", "text", "sign", "operator", "has", "all", "global", "end"]


class SelectorError(ValueError):
    """A text that is no selector. ``offset`` is the place of the mistake in the text, in characters."""

    def __init__(self, offset: int, sentence: str) -> None:
        super().__init__(sentence)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    value: str
    offset: int


@lru_cache(maxsize=20_000)  # rules are compiled anew with each container, and have the same selectors
def parse(text: str) -> Selector:
    """Return the selector that a text stands for; an empty text is ``all()``.

    Raises:
        SelectorError: the text is no selector.
    """
    if len(text) > MAX_LENGTH:
        raise SelectorError(0, f"a selector has at most {MAX_LENGTH} characters")
    return _Parser(_tokens(text)).parse()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    offset = _skip(text, 0)
    while offset < len(text):
        after_label = bool(tokens) and tokens[-1].kind == "label"
        token, end = _sign_or_text(text, offset) or (_operator(text, offset) if after_label else _name(text, offset))
        tokens.append(token)
        offset = _skip(text, end)
    return [*tokens, _Token("end", "", offset)]


def _skip(text: str, offset: int) -> int:
    blanks = _BLANKS.match(text, offset)
    return blanks.end() if blanks else offset


def _sign_or_text(text: str, offset: int) -> tuple[_Token, int] | None:
    character = text[offset]
    if character in "'\"":
        end = text.find(character, offset + 1)
        if end < 0:
            raise SelectorError(offset, f"the text that begins with {character} does not end")
        return _Token("text", text[offset + 1 : end], offset), end + 1
    for sign in _SIGNS:
        if text.startswith(sign, offset):
            return _Token("sign", sign, offset), offset + len(sign)
    if character in "=&|":
        raise SelectorError(offset, f"expected `{character * 2}`")
    return None


def _operator(text: str, offset: int) -> tuple[_Token, int]:
    for name, pattern in _OPERATORS.items():
        found = pattern.match(text, offset)
        if found:
            return _Token("operator", name, offset), found.end()
    word = _WORD.match(text, offset)
    near = did_you_mean(word[0], [*_OPERATORS, "starts", "ends"]) if word else None
    raise SelectorError(offset, f"expected an operator after the label{f'; {near}' if near else ', such as =='}")


def _name(text: str, offset: int) -> tuple[_Token, int]:
    call = _CALLS.match(text, offset)
    if call:
        start = _skip(text, call.end())
        label, end = _label(text, start) if call[1] == "has" else ("", start)
        end = _skip(text, end)
        if not text.startswith(")", end):
            raise SelectorError(end, f"expected `)` after `{call[0]}`")
        kind: Kind = "has" if call[1] == "has" else "all" if call[1] == "all" else "global"
        return _Token(kind, label, offset), end + 1
    label, end = _label(text, offset)
    return _Token("label", label, offset), end


def _label(text: str, offset: int) -> tuple[str, int]:
    found = _WORD.match(text, offset)
    if found is None:
        if text[offset : offset + 1] in {"\n", "\r"}:
            raise SelectorError(offset, "a selector has no line ends: write it on one line, or after `>-`")
        shown = f", not `{printable(text[offset])}`" if offset < len(text) else ""
        raise SelectorError(offset, f"expected a label{shown}")
    if len(found[0]) > _MAX_LABEL:
        raise SelectorError(offset, f"a label has at most {_MAX_LABEL} characters")
    return found[0], found.end()


class _Parser:
    """A parser by recursive descent over the tokens of one selector."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def parse(self) -> Selector:
        if self._tokens[0].kind == "end":
            return Always("all")
        selector = self._any_of()
        if self._peek.kind != "end":
            self._fail("expected `&&`, `||` or the end")
        return selector

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, sign: str) -> bool:
        """Go past a sign, if it is next."""
        found = self._peek.kind == "sign" and self._peek.value == sign
        self._next += found
        return found

    def _fail(self, expected: str) -> NoReturn:
        token = self._peek
        shown = "the end" if token.kind == "end" else f"`{printable(token.value or f'{token.kind}()', 40)}`"
        raise SelectorError(token.offset, f"{expected}, not {shown}")

    def _any_of(self) -> Selector:
        operands = [self._all_of()]
        while self._take("||"):
            operands.append(self._all_of())
        return operands[0] if len(operands) == 1 else Joined("||", tuple(operands))

    def _all_of(self) -> Selector:
        operands = [self._operation()]
        while self._take("&&"):
            operands.append(self._operation())
        return operands[0] if len(operands) == 1 else Joined("&&", tuple(operands))

    def _operation(self) -> Selector:
        is_negated = False
        while self._take("!"):
            is_negated = not is_negated
        token = self._peek
        if self._take("("):
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise SelectorError(token.offset, f"parentheses are nested more than {_MAX_DEPTH} deep")
            selector = self._any_of()
            if not self._take(")"):
                self._fail("expected `)`")
            self._depth -= 1
        elif token.kind == "label":
            self._next += 1
            selector = self._comparison(token)
        elif token.kind in {"has", "all", "global"}:
            self._next += 1
            selector = Has(token.value) if token.kind == "has" else Always("all" if token.kind == "all" else "global")
        else:
            self._fail("expected a label, `has(…)`, `all()` or `(`")
        return Not(selector) if is_negated else selector

    def _comparison(self, label: _Token) -> Selector:
        token = self._peek
        if token.kind == "sign" and token.value == "(":
            near = did_you_mean(label.value, ["has", "all", "global"]) or "there are has(), all() and global()"
            raise SelectorError(label.offset, f"unknown function `{printable(label.value, 40)}()`; {near}")
        if token.value not in {"==", "!="} and token.kind != "operator":
            self._fail(f"expected an operator after the label `{printable(label.value, 40)}`")
        self._next += 1
        match token.value:
            case "in" | "not in" as operator:
                return Membership(label.value, operator == "not in", self._texts())
            case operator:
                return Comparison(label.value, cast("Operator", operator), self._text())

    def _text(self) -> str:
        token = self._peek
        if token.kind == "label":
            raise SelectorError(token.offset, f"put `{printable(token.value, 40)}` in quotes")
        if token.kind != "text":
            self._fail("expected a text in quotes")
        self._next += 1
        return token.value

    def _texts(self) -> tuple[str, ...]:
        if not self._take("{"):
            self._fail("expected `{`")
        values = set()
        while self._peek.kind == "text":
            values.add(self._text())
            if not self._take(","):
                break
        if not self._take("}"):
            self._fail("expected `}`")
        return tuple(sorted(values))
