"""The report as values, from which the page and the text are made: sections of paragraphs, tables, plots, commands.

All texts are plain: whoever writes a format escapes them, because results come from strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Code:
    """A part of a sentence that is typed or printed as it is, such as an option."""

    text: str


Inline: TypeAlias = str | Code


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One or more sentences. ``tone`` is ``note`` for one that a reader may pass over, ``lead`` for an answer."""

    parts: tuple[Inline, ...]
    tone: Literal["plain", "note", "lead", "warning"] = "plain"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading above columns that belong together, and the number of its columns."""

    text: str
    columns: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. Its first ``heads`` columns name the row, and all others are numbers or short texts.

    ``groups`` are headings above the headings of the columns; empty for none. ``is_folded`` hides it until a reader
    opens it. ``commands`` are the indices of columns whose texts are commands to copy. ``texts`` are the indices of
    columns of words, which stand at the left.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    heads: int = 1
    groups: tuple[Heading, ...] = ()
    is_folded: bool = False
    commands: tuple[int, ...] = ()
    texts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a reader copies, and what it does."""

    text: str
    about: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as SVG of our own making, its name, its title, and the sentence that tells what it shows."""

    name: str
    title: str
    about: str
    svg: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its title with the unit, its scale, and whether it begins at 0."""

    title: str
    scale: Literal["linear", "log"] = "linear"
    from_zero: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one overlay, in the order of x."""

    overlay: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line of a plot, such as the time of an event, and its label."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over a numeric axis. ``step`` is for distributions; ``is_marked`` puts a mark on each point.

    ``name`` is the stem of the plot's files. ``about`` tells in words what the plot shows, for who cannot see it.
    """

    name: str
    title: str
    about: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    is_step: bool = False
    is_marked: bool = False
    marks: tuple[Mark, ...] = ()
    names: tuple[str, ...] = ()
    """The names of all lines in the order of their colours, if they are no overlays; empty for overlays."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A value of an overlay in a category, such as a circuit, with its 95 % interval if one is known.

    ``limit`` is what the value can be at most, drawn as a tick; None for no tick.
    """

    category: str
    overlay: str
    value: float
    low: float | None = None
    high: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class DotPlot:
    """Values by category, a row for each category and overlay."""

    name: str
    title: str
    about: str
    x: Axis
    categories: str
    dots: tuple[Dot, ...]
    names: tuple[str, ...] = ()
    """The names of all dots in the order of their colours, if they are no overlays; empty for overlays."""


Plot: TypeAlias = LinePlot | DotPlot
Block: TypeAlias = Paragraph | Bullets | Table | Command | Picture | LinePlot | DotPlot


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its anchor, its heading, and its blocks; plots that follow each other stand side by side."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its title, a line below the title, and its sections."""

    title: str
    subtitle: str
    overlays: tuple[str, ...]
    """All overlays in the order of the matrix, which decides their colours."""
    sections: tuple[Section, ...]
    made_from: str
    """The hash of the results and of the code from which the report is made."""
