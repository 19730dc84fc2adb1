"""Values of a picture, with places and sizes, from which each format is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.lettering import text_width
from gtsdsl.draw.sketch import Kind
from gtsdsl.topology.delays import DelaySource

Anchor: TypeAlias = Literal["start", "middle", "end"]
Tone: TypeAlias = Literal["ink", "muted"]


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text. ``at`` is on its baseline; ``angle`` turns it around that point, in degrees clockwise."""

    at: Point
    text: str
    size: float
    bold: bool = False
    anchor: Anchor = "middle"
    tone: Tone = "ink"
    angle: float = 0.0

    @property
    def width(self) -> float:
        """The width of its letters."""
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def box(self) -> Box:
        """The box of the text if it is upright, from the top of the highest letter to the foot of the deepest."""
        left = self.at.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return Box(left, self.at.y - 0.78 * self.size, left + self.width, self.at.y + 0.22 * self.size)


@dataclass(frozen=True, slots=True)
class Line:
    """One or more circuits, as one or more curves; ``ends`` are the numbers of the glyphs or cards that it joins."""

    curves: tuple[Curve, ...]
    source: DelaySource
    width: float
    opacity: float
    tip: str
    ends: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Label:
    """A circuit's round-trip time, on a small plate that hides the line behind it."""

    text: Text
    source: DelaySource

    @property
    def box(self) -> Box:
        """The plate."""
        return plate(self.text.at, self.text.width, self.text.size)


def plate(at: Point, width: float, size: float) -> Box:
    """Return the plate of a label of that width; ``at`` is the middle of the text's baseline."""
    return Box(at.x - width / 2 - 4, at.y - 0.78 * size - 3, at.x + width / 2 + 4, at.y + 0.22 * size + 3)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A node's sign; the ``ends`` of lines refer to its ``number``."""

    centre: Point
    size: float
    kind: Kind
    tip: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """A site's frame. ``anchor`` is the site's point on the map if the card had to move away; else None."""

    box: Box
    anchor: Point | None
    tip: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of the legend: a node's sign or a piece of a circuit, and its meaning."""

    at: Point
    what: Kind | DelaySource
    text: Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture, from back to front. ``frame`` is the map's box; ``land`` are the outlines of countries."""

    width: float
    height: float
    title: str
    frame: Box
    sea: bool
    land: tuple[tuple[Point, ...], ...]
    back_lines: tuple[Line, ...]
    cards: tuple[Card, ...]
    front_lines: tuple[Line, ...]
    glyphs: tuple[Glyph, ...]
    texts: tuple[Text, ...]
    labels: tuple[Label, ...]
    legend: tuple[Sample, ...]
