"""Sketch of several sites to a scene: cards at their places on a map, lines between them, labels on the lines."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from gtsdsl.diagnostics import printable
from gtsdsl.draw.basemap import land, on_map, project
from gtsdsl.draw.geometry import Box, Point
from gtsdsl.draw.legend import HEADER_HEIGHT, finish
from gtsdsl.draw.placing import Traffic, Wish, place_labels, route, separate
from gtsdsl.draw.pod import MAX_NAMED, Pod, build_pod
from gtsdsl.draw.scene import Card, Glyph, Line, Scene, Text
from gtsdsl.draw.sketch import Bundle, Sketch

_WIDTH = 940.0
_MARGIN = 16.0
_LEAST_SPAN_KM = 420.0
_MAX_SINGLE_LINES = 36
_LABEL = 11.0
_PANEL_ROWS = 40


def map_scene(sketch: Sketch) -> Scene:
    """The map with all sites; those without a place on it stand in a panel beside it."""
    single = len(sketch.by_node) <= _MAX_SINGLE_LINES and all(len(p.nodes) <= MAX_NAMED for p in sketch.places)
    pods = _pods(sketch, ring=single)
    located = [index for index, place in enumerate(sketch.places) if place.site is not None and on_map(place.site)]
    elsewhere = [index for index in range(len(pods)) if index not in located]
    has_map = bool(located)
    if not has_map:
        located, elsewhere = elsewhere, []
    frame, anchors, to_picture = _frame(sketch, pods, located)
    inner = frame.grown(-_MARGIN)
    boxes: dict[int, Box] = {}
    wanted = [Box.around(anchors[index], pods[index].width, pods[index].height) for index in located]
    boxes.update(zip(located, separate(wanted, inner), strict=True))
    panel_left = frame.right + _MARGIN
    top = frame.top + 22
    for index in elsewhere:
        pod = pods[index]
        boxes[index] = Box(panel_left, top, panel_left + pod.width, top + pod.height)
        top += pod.height + 14
    panel_right = max([frame.right, *(boxes[index].right for index in elsewhere)])
    bottom = max([frame.bottom, *(boxes[index].bottom for index in elsewhere)])
    room = Box(frame.left, frame.top, panel_right, bottom)
    glyphs = tuple(
        replace(glyph, centre=_shifted(glyph.centre, boxes[index])) for index, pod in enumerate(pods) for glyph in pod.glyphs
    )
    texts = [
        replace(text, at=_shifted(text.at, boxes[index])) for index, pod in enumerate(pods) for text in pod.texts
    ]
    if elsewhere:
        texts.append(Text(Point(panel_left, frame.top + 12), "Not on the map", 11, anchor="start", tone="muted"))
    traffic = Traffic()
    drawn = _single_lines(sketch, glyphs, boxes, traffic) if single else _bundle_lines(sketch, boxes, traffic)
    taken = [box.grown(2) for box in boxes.values()]
    labels, left = place_labels([wish for _, wish in drawn if wish.text], _LABEL, taken, room, traffic)
    if left:
        texts += _panel(left, panel_right + _MARGIN, frame.top)
        panel_right = max(panel_right, *(text.box.right for text in texts))
    cards = tuple(
        Card(boxes[index], _moved(anchors.get(index), boxes[index]) if has_map else None, pod.tip, index)
        for index, pod in enumerate(pods)
    )
    lines = tuple(line for line, _ in drawn)
    bottom = max([bottom, *(text.box.bottom + 6 for text in texts)])
    scene = Scene(
        panel_right, bottom, sketch.title, frame, has_map, land(to_picture, frame) if has_map else (),
        () if single else lines, cards, lines if single else (), glyphs, tuple(texts), tuple(labels), (),
    )  # fmt: skip
    return finish(scene, sketch, natural_earth=has_map)


def _pods(sketch: Sketch, *, ring: bool) -> list[Pod]:
    inside = {bundle.first: bundle.label for bundle in sketch.by_place if bundle.first == bundle.second}
    pods = []
    number = 0
    for index, place in enumerate(sketch.places):
        text = f"inside {inside[index]}" if index in inside else ""
        pods.append(build_pod(place, number, text, ring=ring and index in inside))
        number += len(place.nodes)
    return pods


def _frame(
    sketch: Sketch, pods: list[Pod], located: list[int]
) -> tuple[Box, dict[int, Point], Callable[[Point], Point]]:
    """The map's frame in the picture, where each site is in it, and the way from kilometres to there."""
    room = sum((pods[index].width + 40) * (pods[index].height + 40) for index in located)
    widest = max(pods[index].width for index in located)
    highest = max(pods[index].height for index in located)
    kilometres: dict[int, Point] = {}
    for order, index in enumerate(located):
        known = sketch.places[index].site
        if known is not None and on_map(known):
            kilometres[index] = project(known.longitude, known.latitude)
        else:  # nothing is on a map: around a circle
            turn = 2 * math.pi * order / len(located) - math.pi / 2
            kilometres[index] = Point(500 * math.cos(turn), 320 * math.sin(turn))
    xs, ys = zip(*kilometres.values(), strict=True)
    middle = Point((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    span_x, span_y = max(max(xs) - min(xs), _LEAST_SPAN_KM), max(max(ys) - min(ys), _LEAST_SPAN_KM * 0.55)
    width = max(_WIDTH, math.sqrt(room * 4.5), widest + 2 * _MARGIN)
    across = max(width - widest - 5 * _MARGIN, width * 0.35)
    scale = across / span_x
    height = span_y * scale + highest + 5 * _MARGIN
    most = width * 0.82
    if height > most:
        scale *= max(most - highest - 5 * _MARGIN, most * 0.35) / (span_y * scale)
        height = max(most, highest + 2 * _MARGIN)
    height = max(height, width * 0.56)
    frame = Box(_MARGIN, HEADER_HEIGHT, _MARGIN + width, HEADER_HEIGHT + height)

    def to_picture(point: Point) -> Point:
        return Point(frame.centre.x + (point.x - middle.x) * scale, frame.centre.y + (point.y - middle.y) * scale)

    return frame, {index: to_picture(point) for index, point in kilometres.items()}, to_picture


def _shifted(point: Point, box: Box) -> Point:
    return Point(point.x + box.left, point.y + box.top)


def _moved(anchor: Point | None, box: Box) -> Point | None:
    return anchor if anchor is not None and not box.holds(anchor) else None


def _bundle_lines(sketch: Sketch, boxes: dict[int, Box], traffic: Traffic) -> list[tuple[Line, Wish]]:
    """One line a pair of sites, the wider the more circuits it stands for."""
    drawn = []
    for bundle in sketch.by_place:
        if bundle.first == bundle.second:
            continue
        others = [box for index, box in boxes.items() if index not in (bundle.first, bundle.second)]
        curve = route(boxes[bundle.first].centre, boxes[bundle.second].centre, others, traffic)
        name = _names(sketch, bundle)
        width = min(1.6 + 0.55 * math.log2(bundle.count), 6.0)
        line = Line((curve,), bundle.source, width, 0.85, f"{name}: {bundle.label}\n{bundle.tip}", (bundle.first, bundle.second))
        drawn.append((line, Wish(name, bundle.label, bundle.source, ((traffic.count - 1, curve),))))
    return drawn


def _single_lines(
    sketch: Sketch, glyphs: tuple[Glyph, ...], boxes: dict[int, Box], traffic: Traffic
) -> list[tuple[Line, Wish]]:
    """One line a pair of nodes; where all between two sites are alike, only one of them has the label."""
    glyph_boxes = [Box.around(glyph.centre, glyph.size, glyph.size) for glyph in glyphs]
    whole = {(bundle.first, bundle.second): bundle for bundle in sketch.by_place}
    nodes = sketch.nodes
    drawn: list[tuple[Line, Wish]] = []
    shared: dict[tuple[int, int], list[int]] = {}
    for bundle in sketch.by_node:
        home = tuple(sorted((sketch.home[bundle.first], sketch.home[bundle.second])))
        obstacles = [box for index, box in boxes.items() if index not in home]
        obstacles += [
            box for index, box in enumerate(glyph_boxes)
            if sketch.home[index] in home and index not in (bundle.first, bundle.second)
        ]  # fmt: skip
        curve = route(glyphs[bundle.first].centre, glyphs[bundle.second].centre, obstacles, traffic)
        line = Line((curve,), bundle.source, 1.6, 0.9, f"{bundle.label}\n{bundle.tip}", (bundle.first, bundle.second))
        # a figure inside a site is at the foot of its card
        text = bundle.label if home[0] != home[1] else ""
        shared.setdefault((home[0], home[1]), []).append(len(drawn))
        name = "–".join(printable(nodes[index].id, 20) for index in (bundle.first, bundle.second))
        drawn.append((line, Wish(name, text, bundle.source, ((traffic.count - 1, curve),))))
    for ends, members in shared.items():
        if len(members) > 1 and whole[ends].low_ms == whole[ends].high_ms and ends[0] != ends[1]:
            curves = tuple(curve for member in members for curve in drawn[member][1].curves)
            for member in members:
                drawn[member] = (drawn[member][0], replace(drawn[member][1], text=""))
            first = members[0]
            drawn[first] = (drawn[first][0], Wish(_names(sketch, whole[ends]), whole[ends].label, whole[ends].source, curves))
    return drawn


def _names(sketch: Sketch, bundle: Bundle) -> str:
    return "–".join(sketch.places[index].title for index in (bundle.first, bundle.second))


def _panel(left: list[Wish], x: float, y: float) -> list[Text]:
    """The labels that found no room, as a list beside the map."""
    rows = [f"{wish.name}  {wish.text}" for wish in left[:_PANEL_ROWS]]
    if len(left) > _PANEL_ROWS:
        rows.append(f"and {len(left) - _PANEL_ROWS:,} more")
    heading = Text(Point(x, y + 12), "Without room on the map", 11, anchor="start", tone="muted")
    return [heading, *(Text(Point(x, y + 30 + 15 * row), text, 10, anchor="start") for row, text in enumerate(rows))]
