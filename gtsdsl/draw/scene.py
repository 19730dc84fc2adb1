"""What is on a picture, as values with places and sizes: the last thing before a format is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.lettering import text_width
from gtsdsl.draw.sketch import Kind
from gtsdsl.topology.impairments import DelaySource

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
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def box(self) -> Box:
        """The room of upright text, from the highest letter's top to the deepest one's foot."""
        left = self.at.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return Box(left, self.at.y - 0.78 * self.size, left + self.width, self.at.y + 0.22 * self.size)


@dataclass(frozen=True, slots=True)
class Line:
    """One or more circuits, as one or more curves; ``ends`` are the numbers of what it joins."""

    curves: tuple[Curve, ...]
    source: DelaySource
    width: float
    opacity: float
    tip: str
    ends: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Label:
    """A circuit's round-trip time, on a small plate that keeps lines away from it."""

    text: Text
    source: DelaySource

    @property
    def box(self) -> Box:
        return plate(self.text.at, self.text.width, self.text.size)


def plate(at: Point, width: float, size: float) -> Box:
    """The plate of a label of that width, whose text's baseline has its middle at a point."""
    return Box(at.x - width / 2 - 4, at.y - 0.78 * size - 3, at.x + width / 2 + 4, at.y + 0.22 * size + 3)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A node's sign; ``number`` is what lines' ``ends`` refer to."""

    centre: Point
    size: float
    kind: Kind
    tip: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """A site's frame. ``anchor`` is where the site is, if the card had to move away from there."""

    box: Box
    anchor: Point | None
    tip: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of the legend: a sign of a node or a piece of a circuit, and what it means."""

    at: Point
    what: Kind | DelaySource
    text: Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture, from back to front. ``frame`` is the map's, ``land`` its countries, as rings."""

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
