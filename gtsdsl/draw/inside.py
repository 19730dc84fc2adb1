"""Sketch of one site to a scene: nodes on a circle, or as a tree around its root, with lines between them."""

from __future__ import annotations

import math
from collections import deque

from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.legend import HEADER_HEIGHT, finish
from gtsdsl.draw.lettering import fitted
from gtsdsl.draw.placement import Traffic, Wish, place_labels
from gtsdsl.draw.scene import Anchor, Card, Glyph, Label, Line, Scene, Text
from gtsdsl.draw.sketch import Bundle, Sketch
from gtsdsl.text import printable

_MARGIN = 16.0
_NAME = 11.0
_LABEL = 10.5
_MAX_UPRIGHT = 30
_MAX_NAMED = 150
_MAX_LABELLED = 40
_MAX_TIPS = 1500


def inside_scene(sketch: Sketch) -> Scene:
    """Return the scene of the sketch's only site."""
    (place,) = sketch.places
    count = len(place.nodes)
    links = [(bundle.first, bundle.second) for bundle in sketch.by_node if bundle.first != bundle.second]
    tree = _tree(count, links)
    size = 22.0 if count <= _MAX_UPRIGHT else max(7.0, 20.0 - count / 20)
    radius = min(max(count * (size + 9) / (2 * math.pi), 150.0), 430.0)
    size = min(size, 2 * math.pi * radius / max(count, 1) * 0.8)
    turns, shares = _radial(tree) if tree else _circle(count, links)
    name_room = 100.0 if count <= _MAX_NAMED else 20.0
    frame_width = max(2 * (radius + name_room) + 2 * _MARGIN, 640.0)
    frame = Box(_MARGIN, HEADER_HEIGHT, _MARGIN + frame_width, HEADER_HEIGHT + 2 * radius + 110)
    middle = Point(frame.centre.x, frame.centre.y + 14)
    centres = [
        Point(middle.x + radius * share * math.cos(turn), middle.y + radius * share * math.sin(turn))
        for turn, share in zip(turns, shares, strict=True)
    ]
    glyphs = tuple(
        Glyph(centre, size, node.kind, node.tip, number)
        for number, (centre, node) in enumerate(zip(centres, place.nodes, strict=True))
    )
    names = _names(sketch, glyphs, turns, shares) if count <= _MAX_NAMED else []
    lines, labels = _lines(sketch, glyphs, names, frame)
    heading = [Text(Point(frame.left + 12, frame.top + 22), place.title, 13, bold=True, anchor="start")]
    if place.city:
        at = Point(heading[0].box.right + 6, frame.top + 22)
        heading.append(Text(at, place.city, 11, anchor="start", tone="muted"))
    if sketch.by_place and len(labels) < len([bundle for bundle in sketch.by_node if bundle.first != bundle.second]):
        figure = f"each circuit: {sketch.by_place[0].label.split('  ×')[0]} round trip"
        heading.append(Text(Point(frame.left + 12, frame.top + 39), figure, 11, anchor="start", tone="muted"))
    scene = Scene(
        frame.right, frame.bottom, sketch.title, frame, False, (), (), (Card(frame, None, place.title, None),),
        lines, glyphs, (*names, *heading), labels, (),
    )  # fmt: skip
    return finish(scene, sketch, natural_earth=False)


def _neighbours(count: int, links: list[tuple[int, int]]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(count)]
    for first, second in links:
        found[first].append(second)
        found[second].append(first)
    return found


def _tree(count: int, links: list[tuple[int, int]]) -> list[list[int]] | None:
    """Return the children of each node, with the root first in the list, if the links form a tree; else None."""
    if count < 3 or len(links) != count - 1:
        return None
    neighbours = _neighbours(count, links)
    if max(map(len, neighbours)) < 3:
        return None  # a chain of nodes is easier to read on a circle
    root = _centre(neighbours)
    children: list[list[int]] = [[] for _ in range(count)]
    seen = {root}
    waiting = deque([root])
    while waiting:
        node = waiting.popleft()
        for other in neighbours[node]:
            if other not in seen:
                seen.add(other)
                children[node].append(other)
                waiting.append(other)
    return [*children, [root]] if len(seen) == count else None


def _centre(neighbours: list[list[int]]) -> int:
    """Return the centre of a tree: the node that is left after its leaves are removed, layer by layer."""
    degrees = [len(found) for found in neighbours]
    layer = [node for node, degree in enumerate(degrees) if degree <= 1]
    left = len(neighbours)
    while left > 2 and layer:
        left -= len(layer)
        following = []
        for leaf in layer:
            degrees[leaf] = 0
            for other in neighbours[leaf]:
                degrees[other] -= 1
                if degrees[other] == 1:
                    following.append(other)
        layer = following
    return min(layer, default=0)


def _radial(tree: list[list[int]]) -> tuple[list[float], list[float]]:
    """Return direction and distance (0 to 1) of each node: a circle for each level, with equal room for each leaf."""
    *children, (root,) = tree
    order = [root]
    depth = {root: 0}
    for node in order:
        for child in children[node]:
            depth[child] = depth[node] + 1
            order.append(child)
    leaves = [0] * len(children)
    for node in reversed(order):
        leaves[node] = sum(leaves[child] for child in children[node]) or 1
    turns = [0.0] * len(children)
    starts = {root: -math.pi / 2}
    for node in order:
        start = starts[node]
        turns[node] = start + math.pi * leaves[node] / leaves[root]
        for child in children[node]:
            starts[child] = start
            start += 2 * math.pi * leaves[child] / leaves[root]
    deepest = max(depth.values())
    return turns, [depth[node] / deepest for node in range(len(children))]


def _circle(count: int, links: list[tuple[int, int]]) -> tuple[list[float], list[float]]:
    """Return direction and distance of nodes on a circle, from the top, in the order of one walk along the links."""
    neighbours = _neighbours(count, links)
    order: list[int] = []
    seen: set[int] = set()
    starts = sorted(range(count), key=lambda node: (len(neighbours[node]) != 1, node))
    for start in starts:
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            order.append(node)
            waiting.extend(sorted((other for other in neighbours[node] if other not in seen), reverse=True))
    turns = [0.0] * count
    for index, node in enumerate(order):
        turns[node] = 2 * math.pi * index / count - math.pi / 2
    return turns, [1.0 if count > 1 else 0.0] * count


def _names(sketch: Sketch, glyphs: tuple[Glyph, ...], turns: list[float], shares: list[float]) -> list[Text]:
    """Return the names outside of the circle: upright where they have room, and else along the spokes."""
    names = []
    traffic = Traffic()
    for bundle in sketch.by_node[:_MAX_TIPS]:
        traffic.add(Curve(glyphs[bundle.first].centre, glyphs[bundle.second].centre))
    upright = len(glyphs) <= _MAX_UPRIGHT
    size = _NAME if upright else max(6.0, min(_NAME, 0.9 * glyphs[0].size))
    for node, glyph, turn, share in zip(sketch.nodes, glyphs, turns, shares, strict=True):
        text = fitted(printable(node.id, 120), size, 84)
        cos, sin = math.cos(turn), math.sin(turn)
        if share < 1.0:
            names.append(_free_side(glyph, text, size, traffic))
            continue
        away = glyph.size / 2 + 5
        at = Point(glyph.centre.x + away * cos, glyph.centre.y + away * sin)
        if upright:
            anchor: Anchor = "middle" if abs(cos) < 0.2 else "start" if cos > 0 else "end"
            drop = 0.3 * size if anchor != "middle" else (size * 0.85 if sin > 0 else -2)
            names.append(Text(Point(at.x, at.y + drop), text, size, anchor=anchor))
        else:
            flip = cos < 0
            angle = math.degrees(turn) + (180 if flip else 0)
            beside = 0.32 * size * (-1 if flip else 1)
            at = Point(at.x - beside * sin, at.y + beside * cos)
            names.append(Text(at, text, size, anchor="end" if flip else "start", angle=angle))
    return names


def _free_side(glyph: Glyph, text: str, size: float, traffic: Traffic) -> Text:
    """Return a name below, above or beside a node, on the side with the fewest lines."""
    (x, y), away = glyph.centre, glyph.size / 2 + 3
    sides = [
        Text(Point(x, y + away + 0.78 * size), text, size),
        Text(Point(x, y - away - 0.22 * size), text, size),
        Text(Point(x + away, y + 0.3 * size), text, size, anchor="start"),
        Text(Point(x - away, y + 0.3 * size), text, size, anchor="end"),
    ]
    return min(sides, key=lambda side: traffic.within(side.box, but=-1))


def _lines(
    sketch: Sketch, glyphs: tuple[Glyph, ...], names: list[Text], frame: Box
) -> tuple[tuple[Line, ...], tuple[Label, ...]]:
    bundles = [bundle for bundle in sketch.by_node if bundle.first != bundle.second]
    count = len(bundles)
    opacity = 0.9 if count <= 60 else max(0.12, 0.9 * math.sqrt(60 / count))
    width = 1.6 if count <= 60 else 1.0 if count <= 1500 else 0.6
    curves = {bundle: Curve(glyphs[bundle.first].centre, glyphs[bundle.second].centre) for bundle in bundles}
    if count > _MAX_TIPS:
        # one path for each node and kind of circuit, because a path for each line would make a file of megabytes
        groups: dict[tuple[int, str], list[Bundle]] = {}
        for bundle in bundles:
            groups.setdefault((bundle.first, bundle.source), []).append(bundle)
        lines = [
            Line(tuple(curves[item] for item in group), group[0].source, width, opacity, "", None)
            for group in groups.values()
        ]
        return tuple(lines), ()
    lines = [
        Line(
            (curves[bundle],),
            bundle.source,
            width,
            opacity,
            bundle.tip,
            (bundle.first, bundle.second),
        )
        for bundle in bundles
    ]
    alike = len({bundle.label for bundle in bundles}) == 1 and count > 1
    if alike or count > _MAX_LABELLED:
        return tuple(lines), ()
    traffic = Traffic()
    wishes = [
        Wish("", bundle.label, bundle.source, ((traffic.add(curves[bundle]), curves[bundle]),)) for bundle in bundles
    ]
    taken = [name.box for name in names] + [Box.around(glyph.centre, glyph.size, glyph.size) for glyph in glyphs]
    labels, _ = place_labels(wishes, _LABEL, taken, frame, traffic)
    return tuple(lines), tuple(labels)
