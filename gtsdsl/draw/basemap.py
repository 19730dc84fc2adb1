"""Base map of Europe: the projection from degrees to kilometres, and the outlines of countries in a frame."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gtsdsl.circuits import Site
from gtsdsl.circuits.model import EARTH_RADIUS_KM
from gtsdsl.draw.geometry import Box, Point

# Lambert's azimuthal equal-area projection (Snyder, "Map Projections: A Working Manual", USGS 1395, equations 24-2 to
# 24-4, on a sphere), centred like the European grid ETRS89-LAEA: areas are true, and so nearly are distances.
_CENTRE_NORTH = math.radians(52)
_CENTRE_EAST = math.radians(10)


def project(longitude: float, latitude: float) -> Point:
    """Convert degrees east and north to kilometres east and south of 52° N 10° E."""
    north, east = math.radians(latitude), math.radians(longitude) - _CENTRE_EAST
    across = math.sin(_CENTRE_NORTH) * math.sin(north) + math.cos(_CENTRE_NORTH) * math.cos(north) * math.cos(east)
    scale = EARTH_RADIUS_KM * math.sqrt(2 / (1 + across))
    up = math.cos(_CENTRE_NORTH) * math.sin(north) - math.sin(_CENTRE_NORTH) * math.cos(north) * math.cos(east)
    return Point(scale * math.cos(north) * math.sin(east), -scale * up)


def on_map(site: Site) -> bool:
    """Return whether a site is in the area that the map covers."""
    frame = _europe().frame
    return frame.left + 4 < site.longitude < frame.right - 4 and frame.top + 4 < site.latitude < frame.bottom - 2


def land(to_picture: Callable[[Point], Point], frame: Box) -> tuple[tuple[Point, ...], ...]:
    """Return the outlines of countries within a frame of the picture, cut a little outside of it."""
    outside = frame.grown(4)
    seen = []
    for ring in _europe().rings:
        clipped = _clip([to_picture(point) for point in ring], outside)
        if len(clipped) > 2:
            seen.append(tuple(clipped))
    return tuple(seen)


@dataclass(frozen=True)
class _Europe:
    frame: Box
    rings: tuple[tuple[Point, ...], ...]


@cache
def _europe() -> _Europe:
    data = json.loads(files("gtsdsl.draw").joinpath("europe.json").read_text("utf-8"))
    rings = []
    for steps in data["rings"]:
        x = y = 0
        points = []
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            points.append(project(x * data["step"], y * data["step"]))
        rings.append(tuple(points))
    return _Europe(Box(*data["frame"]), tuple(rings))


def _clip(ring: Sequence[Point], box: Box) -> list[Point]:
    """Cut a ring by each side of a box in turn (Sutherland and Hodgman's algorithm)."""
    points = list(ring)
    for axis, limit, sign in ((0, box.left, 1), (0, box.right, -1), (1, box.top, 1), (1, box.bottom, -1)):
        kept: list[Point] = []
        for index, point in enumerate(points):
            before = points[index - 1]
            inside, was_inside = (sign * (end[axis] - limit) >= 0 for end in (point, before))
            if inside != was_inside:
                share = (limit - before[axis]) / (point[axis] - before[axis])
                kept.append(Point(before.x + share * (point.x - before.x), before.y + share * (point.y - before.y)))
            if inside:
                kept.append(point)
        points = kept
    return points
