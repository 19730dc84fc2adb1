"""YAML text to a tree of mappings, lists and scalars with their places; hostile text is refused.

The parser of PyYAML yields events, and the tree is built here without recursion. No tag is obeyed, so the text can make
no objects. Aliases are refused, so a small text cannot become a large tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from emulator.overlays.policy.mistakes import Mistakes
from gtsdsl.source import Position
from gtsdsl.text import printable

if TYPE_CHECKING:
    from typing import Protocol

    class Mark(Protocol):
        """A place as PyYAML's parsers say it, counted from 0."""

        line: int
        column: int


MAX_DEPTH = 20
MAX_NODES = 100_000
"""The most scalars, lists and mappings in a file."""

_LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""The ends of lines by which PyYAML counts."""


@dataclass(slots=True)
class Scalar:
    """A scalar. ``style`` is its quote, ``|`` or ``>``; empty for a plain scalar."""

    at: Position
    text: str
    style: str


@dataclass(slots=True)
class Items:
    """A list."""

    at: Position
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """A mapping, as pairs of keys and values in the order of the text."""

    at: Position
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)


Node: TypeAlias = Scalar | Items | Mapping


class Text:
    """The lines of a YAML text, to find the place of a character within a scalar."""

    def __init__(self, text: str) -> None:
        self._lines = _LINE_ENDS.split(text)

    def place(self, scalar: Scalar, offset: int) -> Position:
        """Return the place of a character of a scalar's value; the start of the scalar where it cannot be told.

        YAML folds and strips blanks, so the characters that are no blanks are counted.
        """
        if scalar.style == '"' and any("\\" in line for line in self._lines[scalar.at.line - 1 :][:1]):
            return scalar.at
        left = sum(not character.isspace() for character in scalar.text[:offset])
        line, column = scalar.at.line - 1, scalar.at.column - 1 + (1 if scalar.style in {"'", '"'} else 0)
        if scalar.style in {"|", ">"}:
            line, column = line + 1, 0
        while line < len(self._lines):
            text = self._lines[line]
            while column < len(text):
                if not text[column].isspace():
                    if left == 0:
                        return Position(line + 1, column + 1)
                    left -= 1
                    if scalar.style == "'" and text.startswith("''", column):  # stands for one quote
                        column += 1
                column += 1
            line, column = line + 1, 0
        return scalar.at


def read_documents(text: str, mistakes: Mistakes) -> Iterator[Node]:
    """Yield the root of each document of a YAML text.

    Raises:
        PolicyError: the text is not YAML, or has aliases, tags, or too many or too deep values.
    """
    import yaml

    # the parser in C is ten times faster; not all builds of PyYAML have it
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from _trees(yaml.parse(text, Loader=loader), mistakes)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(mistakes, _position(mark), f"this is not YAML: {_one_line(error.problem or error.context or 'error')}")
    except yaml.reader.ReaderError as error:
        start = text.rfind("\n", 0, error.position) + 1
        place = Position(text.count("\n", 0, error.position) + 1, error.position - start + 1)
        _refuse(mistakes, place, "this is not YAML: a control character is not allowed")


def _trees(events: Iterator[object], mistakes: Mistakes) -> Iterator[Node]:
    from yaml import events as kinds

    builder = _Builder(mistakes)
    for event in events:
        if isinstance(event, kinds.AliasEvent):
            _refuse(mistakes, _position(event.start_mark), f"the alias `*{printable(str(event.anchor), 40)}` is not "
                    "supported: write its value here")  # fmt: skip
        elif isinstance(event, kinds.NodeEvent):
            tag = getattr(event, "tag", None)
            if tag not in {None, "!"}:
                _refuse(mistakes, _position(event.start_mark), f"the tag `{printable(tag, 60)}` is not supported: "
                        "remove it")  # fmt: skip
            at = _position(event.start_mark)
            if isinstance(event, kinds.ScalarEvent):
                style = event.style if event.style in {"'", '"', "|", ">"} else ""
                builder.add(Scalar(at, event.value, style))
            else:
                builder.open(Items(at) if isinstance(event, kinds.SequenceStartEvent) else Mapping(at))
        elif isinstance(event, kinds.CollectionEndEvent):
            builder.close()
        elif isinstance(event, kinds.DocumentEndEvent) and builder.root is not None:
            yield builder.root
            builder.root = None


class _Builder:
    """The tree of a document while its events come."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.root: Node | None = None
        self._mistakes = mistakes
        self._open: list[tuple[Items | Mapping, Scalar | None]] = []
        """The lists and mappings around the next node, each with the key that waits for its value."""
        self._count = 0

    def open(self, node: Items | Mapping) -> None:
        self.add(node)
        if len(self._open) == MAX_DEPTH:
            _refuse(self._mistakes, node.at, f"values are nested more than {MAX_DEPTH} deep")
        self._open.append((node, None))

    def close(self) -> None:
        self._open.pop()

    def add(self, node: Node) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            _refuse(self._mistakes, node.at, f"the file has more than {MAX_NODES:,} values")
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
        elif key is not None:
            parent.pairs.append((key, node))
            self._open[-1] = parent, None
        elif isinstance(node, Scalar):
            self._open[-1] = parent, node
        else:
            _refuse(self._mistakes, node.at, "a key must be a word")


def _refuse(mistakes: Mistakes, at: Position, sentence: str) -> None:
    """Add a mistake after which nothing more can be read, and raise the error."""
    mistakes.add(at, sentence)
    mistakes.check()


def _position(mark: Mark | None) -> Position:
    return Position(1, 1) if mark is None else Position(mark.line + 1, mark.column + 1)


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()), 100)
