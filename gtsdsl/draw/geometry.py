"""Points, boxes and curves of a picture: positions, overlaps, and points of a curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """A point of the picture, in its units (pixels at 100 %), from the top left."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, centre: Point, width: float, height: float) -> Box:
        """Return the box of a size around a centre."""
        return cls(centre.x - width / 2, centre.y - height / 2, centre.x + width / 2, centre.y + height / 2)

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Its height."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """Its centre."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def grown(self, margin: float) -> Box:
        """Return the box with a margin on all sides."""
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def moved(self, dx: float, dy: float) -> Box:
        """Return the box at another position."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def touches(self, other: Box) -> bool:
        """Return whether two boxes overlap; a common edge is not enough."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, point: Point) -> bool:
        """Return whether a point is in the box, not on its edge."""
        return self.left < point.x < self.right and self.top < point.y < self.bottom

    def exit_to(self, target: Point) -> Point:
        """Return the point at which the line from the box's centre to a point outside leaves the box."""
        dx, dy = target.x - self.centre.x, target.y - self.centre.y
        shares = [size / 2 / abs(step) for size, step in ((self.width, dx), (self.height, dy)) if step]
        share = min([1.0, *shares])
        return Point(self.centre.x + dx * share, self.centre.y + dy * share)

    def inside(self, other: Box) -> bool:
        """Return whether the box is in another, whose edges it may share."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A quadratic Bézier curve: a straight line where ``bend`` is 0, else bulging by that share of its length."""

    start: Point
    end: Point
    bend: float = 0.0

    @property
    def control(self) -> Point:
        """Its control point."""
        middle_x, middle_y = (self.start.x + self.end.x) / 2, (self.start.y + self.end.y) / 2
        dx, dy = self.end.x - self.start.x, self.end.y - self.start.y
        return Point(middle_x - dy * self.bend * 2, middle_y + dx * self.bend * 2)

    def at(self, share: float) -> Point:
        """Return the point at a share from 0 (start) to 1 (end)."""
        a, b, c = (1 - share) ** 2, 2 * share * (1 - share), share**2
        control = self.control
        return Point(
            a * self.start.x + b * control.x + c * self.end.x, a * self.start.y + b * control.y + c * self.end.y
        )

    def points(self, steps: int = 24) -> list[Point]:
        """Return points of the curve at equal shares, its ends among them."""
        return [self.at(step / steps) for step in range(steps + 1)]
