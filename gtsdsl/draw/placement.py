"""Placement of cards, lines and labels so that they do not hide each other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.lettering import text_width
from gtsdsl.draw.scene import Label, Text, plate
from gtsdsl.topology.delays import DelaySource

_GAP = 40.0
_CELL = 8.0
_BENDS = (0.0, 0.05, -0.05, 0.1, -0.1, 0.15, -0.15, 0.2, -0.2)


def separate(boxes: Sequence[Box], frame: Box) -> list[Box]:
    """Move boxes, by a simple relaxation, so that none touches another and all are in the frame; return them."""
    centres = [box.centre for box in boxes]
    for step in range(400):
        moved = False
        pull = 0.04 if step < 200 else 0.0
        for index, box in enumerate(boxes):
            x, y = centres[index]
            centres[index] = Point(x + (box.centre.x - x) * pull, y + (box.centre.y - y) * pull)
        for first in range(len(boxes)):
            for second in range(first):
                push = _push(centres[first], centres[second], boxes[first], boxes[second], first - second)
                if push is None:
                    continue
                moved = True
                centres[first] = Point(centres[first].x + push.x, centres[first].y + push.y)
                centres[second] = Point(centres[second].x - push.x, centres[second].y - push.y)
        for index, box in enumerate(boxes):
            x = min(max(centres[index].x, frame.left + box.width / 2), frame.right - box.width / 2)
            y = min(max(centres[index].y, frame.top + box.height / 2), frame.bottom - box.height / 2)
            centres[index] = Point(x, y)
        if not moved and not pull:
            break
    return [Box.around(centre, box.width, box.height) for centre, box in zip(centres, boxes, strict=True)]


def _push(one: Point, other: Point, box: Box, other_box: Box, tie: int) -> Point | None:
    """Return half of the shortest move that separates two boxes; None if they do not touch."""
    across = (box.width + other_box.width) / 2 + _GAP - abs(one.x - other.x)
    down = (box.height + other_box.height) / 2 + _GAP - abs(one.y - other.y)
    if across <= 0.01 or down <= 0.01:
        return None
    if across < down:
        return Point(math.copysign(across / 2 + 0.01, (one.x - other.x) or tie), 0.0)
    return Point(0.0, math.copysign(down / 2 + 0.01, (one.y - other.y) or tie))


@dataclass
class Traffic:
    """The cells of a grid that curves already cross, for the search for free places."""

    cells: dict[tuple[int, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    count: int = 0

    def add(self, curve: Curve) -> int:
        """Add a curve and return its number."""
        for cell in _cells_along(curve):
            self.cells[cell].add(self.count)
        self.count += 1
        return self.count - 1

    def along(self, curve: Curve) -> int:
        """Return the number of cells of a curve that other curves cross too."""
        return sum(len(self.cells[cell]) for cell in _cells_along(curve) if cell in self.cells)

    def within(self, box: Box, but: int) -> int:
        """Return how many curves cross a box, without the curve of the number ``but``."""
        found: set[int] = set()
        for x in range(math.floor(box.left / _CELL), math.floor(box.right / _CELL) + 1):
            for y in range(math.floor(box.top / _CELL), math.floor(box.bottom / _CELL) + 1):
                found |= self.cells.get((x, y), set())
        return len(found - {but})


def _cells_along(curve: Curve) -> set[tuple[int, int]]:
    steps = max(8, int(math.dist(curve.start, curve.end) / _CELL * 1.5))
    return {(math.floor(x / _CELL), math.floor(y / _CELL)) for x, y in curve.points(min(steps, 400))}


def route(start: Point, end: Point, obstacles: Iterable[Box], room: Box, traffic: Traffic) -> Curve:
    """Return a curve within ``room`` that bends as little as it can to avoid obstacles and other curves."""
    boxes = [box.grown(5) for box in obstacles]

    def cost(curve: Curve) -> float:
        points = curve.points(32)
        hits = sum(1 for box in boxes if any(box.holds(point) for point in points))
        hits += not all(room.holds(point) for point in points)
        return hits * 100 + abs(curve.bend) * 60 + traffic.along(curve) * 0.5

    best = min((Curve(start, end, bend) for bend in _BENDS), key=cost)
    traffic.add(best)
    return best


@dataclass(frozen=True, slots=True)
class Wish:
    """A label that needs a place on one of its curves, which have numbers in the traffic; ``name`` says whose it is."""

    name: str
    text: str
    source: DelaySource
    curves: tuple[tuple[int, Curve], ...]
    avoid: tuple[Box, ...] = ()


def place_labels(
    wishes: Sequence[Wish], size: float, taken: Sequence[Box], frame: Box, traffic: Traffic
) -> tuple[list[Label], list[Wish]]:
    """Return the placed labels, which touch no taken box and no other label, and the wishes without room."""
    placed: list[Label] = []
    left: list[Wish] = []
    # a short line has few places, so its label chooses first
    for wish in sorted(wishes, key=lambda wish: max(math.dist(curve.start, curve.end) for _, curve in wish.curves)):
        width = text_width(wish.text, size)
        best: tuple[float, Point] | None = None
        blocked = [*taken, *wish.avoid, *(label.box.grown(1) for label in placed)]
        for number, curve in wish.curves:
            for cost, at in _candidates(curve, size):
                if best is not None and cost >= best[0]:
                    continue
                box = plate(at, width, size)
                if not box.inside(frame) or any(box.touches(other) for other in blocked):
                    continue
                total = cost + 8 * traffic.within(box, number)
                if best is None or total < best[0]:
                    best = (total, at)
        if best is None:
            left.append(wish)
        else:
            placed.append(Label(Text(best[1], wish.text, size), wish.source))
    order = {wish.text: index for index, wish in enumerate(wishes)}
    placed.sort(key=lambda label: (order[label.text.text], label.text.at))
    return placed, [wish for wish in wishes if wish in left]


def _candidates(curve: Curve, size: float) -> Iterable[tuple[float, Point]]:
    """Return points for the middle of a label's baseline: on the curve from its middle outwards, then beside it."""
    dx, dy = curve.end.x - curve.start.x, curve.end.y - curve.start.y
    length = math.hypot(dx, dy) or 1.0
    for beside in (0.0, size, -size):
        for step in range(41):
            share = 0.5 + (step + 1) // 2 * (0.022 if step % 2 else -0.022)
            x, y = curve.at(share)
            at = Point(x - dy / length * beside, y + dx / length * beside + 0.28 * size)
            yield abs(share - 0.5) * 20 + abs(beside) * 2, at
