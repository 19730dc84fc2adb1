"""Card of a site: its size, and the places of nodes, names and figures on it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from gtsdsl.draw.geometry import Point
from gtsdsl.draw.lettering import fitted, text_width
from gtsdsl.draw.scene import Glyph, Text
from gtsdsl.draw.sketch import Kind, Node, SiteGroup
from gtsdsl.text import printable

MAX_NAMED = 16
_MAX_DRAWN = 240
_PADDING = 8.0
_HEADER = 12.0
_NAME = 10.0
_LINE_HEIGHT = 15.0


@dataclass(frozen=True, slots=True)
class Pod:
    """A card that has no place yet; its positions count from its top left corner."""

    width: float
    height: float
    glyphs: tuple[Glyph, ...]
    texts: tuple[Text, ...]
    tip: str


def build_pod(place: SiteGroup, first_number: int, inside: str, *, ring: bool = False, below: bool = False) -> Pod:
    """Return the card of a group of sites whose nodes are numbered from ``first_number``.

    ``inside`` is a text about the circuits that do not leave the site. ``ring`` puts the nodes on a circle, so that
    lines between them are visible. ``below`` puts the text under the nodes, for lines that come from above.
    """
    named = len(place.nodes) <= MAX_NAMED
    kinds = Counter(node.kind for node in place.nodes)
    lines = [] if named else [f"{count:,} {plural(kind, count)}" for kind, count in kinds.items()]
    lines += [inside] if inside else []
    title_width = text_width(place.title, _HEADER, bold=True)
    city_width = text_width(place.city, _NAME) + 5 if place.city else 0.0
    nodes = place.nodes if len(place.nodes) <= _MAX_DRAWN else ()
    centres, body_width, body_height, glyph_size = _body(nodes, named=named, ring=ring)
    widest = max([title_width + city_width, body_width, *(text_width(line, _NAME) for line in lines)])
    width = widest + 2 * _PADDING
    written = _HEADER + _LINE_HEIGHT * len(lines)
    body_top = _PADDING if below else _PADDING + written + 5
    y = (_PADDING + body_height + 3 if below else _PADDING) + _HEADER - 2
    left = (width - title_width - city_width) / 2
    texts = [Text(Point(left, y), place.title, _HEADER, bold=True, anchor="start")]
    if place.city:
        texts.append(Text(Point(left + title_width + 5, y), place.city, _NAME, anchor="start", tone="muted"))
    for row, line in enumerate(lines, start=1):
        texts.append(Text(Point(width / 2, y + row * _LINE_HEIGHT), line, _NAME, tone="muted"))
    glyphs = []
    for index, (node, centre) in enumerate(zip(nodes, centres, strict=True)):
        # a node's name is on the side of the card's text, and its lines are on the other side
        drop = 0.0 if below or not named else _NAME
        at = Point(centre.x + (width - body_width) / 2, centre.y + body_top + drop)
        glyphs.append(Glyph(at, glyph_size, node.kind, node.tip, first_number + index))
        if named:
            baseline = at.y + glyph_size / 2 + _NAME if below else at.y - glyph_size / 2 - 2.5
            texts.append(Text(Point(at.x, baseline), _short(node), _NAME))
    tip = f"{place.title}{f' {place.city}' if place.city else ''}\n{len(place.nodes):,} nodes"
    return Pod(width, 2 * _PADDING - 1 + written + 4 + body_height, tuple(glyphs), tuple(texts), tip)


def plural(kind: Kind, count: int) -> str:
    """Return the name of a kind of node, in the plural unless ``count`` is 1."""
    return kind.value if count == 1 else kind.value + ("es" if kind is Kind.SWITCH else "s")


def _short(node: Node) -> str:
    return fitted(printable(node.id, 120), _NAME, 84)


def _body(nodes: tuple[Node, ...], *, named: bool, ring: bool) -> tuple[list[Point], float, float, float]:
    """Return the centre of each node's sign, width and height of all, and the size of a sign."""
    count = len(nodes)
    if not count:
        return [], 0.0, 0.0, 0.0
    size, cell_width, cell_height = 9.0, 13.0, 13.0
    if named:
        size = 18.0
        cell_width = max([26.0, *(text_width(_short(node), _NAME) + 8 for node in nodes)])
        cell_height = size + _NAME + 6
    if ring and named and count > 2:
        radius_x, radius_y = max(36.0, cell_width * count / 5.6), max(30.0, cell_height * count / 5.6)
        turns = [2 * math.pi * index / count - math.pi / 2 for index in range(count)]
        round_ones = [Point(radius_x * math.cos(turn), radius_y * math.sin(turn)) for turn in turns]
        left, top = min(point.x for point in round_ones), min(point.y for point in round_ones)
        centres = [Point(point.x - left + cell_width / 2, point.y - top + size / 2 + 2) for point in round_ones]
        right, bottom = max(point.x for point in centres), max(point.y for point in centres)
        return centres, right + cell_width / 2, bottom - size / 2 - 2 + cell_height, size
    if ring:  # two nodes need room for the line between them
        cell_width = max(cell_width, 2.8 * size)
    columns = math.ceil(math.sqrt(count * cell_height / cell_width * 1.3)) if count > 3 else count
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    columns = -(-count // rows)
    centres = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = columns if row < rows - 1 else count - columns * (rows - 1)
        indent = (columns - in_row) * cell_width / 2
        centres.append(Point(indent + (column + 0.5) * cell_width, row * cell_height + size / 2 + 2))
    return centres, columns * cell_width, rows * cell_height, size
