"""Make gtsdsl/draw/europe.json, a small map of Europe's countries, from the npm package world-atlas.

    pip install 'shapely>=2.1' && python tools/make_map.py

Needs npm for the download. The data are Natural Earth's, 1:50 million, in the public domain. world-atlas, which has
them as TopoJSON, has the ISC licence. The borders of neighbours are simplified together, so that no gap opens between
them.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import shapely

PACKAGE = "world-atlas@2.0.2"
FILE = "package/countries-50m.json"
TARGET = Path(__file__).parent.parent / "gtsdsl" / "draw" / "europe.json"

WEST, SOUTH, EAST, NORTH = -32.0, 27.0, 52.0, 74.0
TOLERANCE = 0.02
"""The size of the smallest detail, in degrees: 2 km, half a pixel on a map of Europe that is 900 pixels wide."""
STEP = 0.01
LEAST_AREA = 0.01
SOURCE = "Natural Earth 1:50m admin 0 countries (public domain, naturalearthdata.com), from the npm package world-atlas"


def main() -> None:
    """Download the package and write the map."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("world-atlas-*.tgz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(FILE)
            if member is None:
                raise SystemExit(f"{PACKAGE} has no {FILE}")
            topology = json.load(member)
    frame = shapely.box(WEST, SOUTH, EAST, NORTH)
    countries = [shapely.MultiPolygon(list(polygons(topology, item))) for item in geometries(topology)]
    near = [country for country in countries if country.intersects(frame)]
    simple = shapely.coverage_simplify(near, TOLERANCE, simplify_boundary=True)
    rings = []
    for country in simple:
        clipped = shapely.make_valid(country).intersection(frame)
        for part in getattr(clipped, "geoms", [clipped]):
            if part.geom_type == "Polygon" and part.area >= LEAST_AREA:
                rings.append(deltas(part.exterior.coords))
    rings.sort(key=len, reverse=True)
    lines = ",\n".join("    " + json.dumps(ring, separators=(",", ":")) for ring in rings)
    about = "each ring: longitude, latitude of its first point, then the steps to the next, in units of `step` degrees"
    TARGET.write_text(
        f'{{\n  "source": {json.dumps(SOURCE)},\n  "about": {json.dumps(about)},\n  "step": {STEP},\n'
        f'  "frame": {json.dumps([WEST, SOUTH, EAST, NORTH])},\n  "rings": [\n{lines}\n  ]\n}}\n',
        "utf-8",
    )
    print(f"{TARGET.name}: {len(rings)} rings, {TARGET.stat().st_size:,} bytes")


def geometries(topology: dict) -> list[dict]:
    """Return the geometries of the countries."""
    return topology["objects"]["countries"]["geometries"]


def polygons(topology: dict, geometry: dict) -> Iterator[shapely.Polygon]:
    """Yield the outer rings of a TopoJSON geometry; enclaves are countries of their own, drawn on top."""
    found = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    for outer, *holes in found:
        yield shapely.Polygon(ring(topology, outer), [ring(topology, hole) for hole in holes])


def ring(topology: dict, arcs: list[int]) -> list[tuple[float, float]]:
    """Return a ring of points from the numbers of its arcs; a negative number is a reversed arc."""
    points: list[tuple[float, float]] = []
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    for index in arcs:
        x = y = 0
        arc = []
        for dx, dy in topology["arcs"][index if index >= 0 else ~index]:
            x, y = x + dx, y + dy
            arc.append((x * scale_x + shift_x, y * scale_y + shift_y))
        points.extend((arc if index >= 0 else arc[::-1])[1 if points else 0 :])
    return points


def deltas(coordinates: shapely.coords.CoordinateSequence) -> list[int]:
    """Return the first point of a ring and the steps to each next one, in units of ``STEP``."""
    numbers: list[int] = []
    last_x = last_y = 0
    for longitude, latitude in list(coordinates)[:-1]:
        x, y = round(longitude / STEP), round(latitude / STEP)
        if numbers and (x, y) == (last_x, last_y):
            continue
        numbers += [x - last_x, y - last_y]
        last_x, last_y = x, y
    return numbers


if __name__ == "__main__":
    main()
