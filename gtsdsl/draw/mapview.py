"""Sketch of several sites to a scene: cards on a map, lines between them, labels on the lines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from gtsdsl.draw.basemap import land, on_map, project
from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.legend import HEADER_HEIGHT, finish
from gtsdsl.draw.placement import Traffic, Wish, place_labels, route, separate
from gtsdsl.draw.pod import MAX_NAMED, Pod, build_pod
from gtsdsl.draw.scene import Card, Glyph, Line, Scene, Text
from gtsdsl.draw.sketch import Bundle, Sketch
from gtsdsl.text import printable

_WIDTHS = (940.0, 1120.0, 1340.0)
_MARGIN = 16.0
_LEAST_SPAN_KM = 420.0
_MAX_LINES_A_PAIR = 2
_MAX_LINES = 36
_MAX_RING = 8
_LABEL = 11.0
_PANEL_ROWS = 40
_MAX_ROUTED = 120


def map_scene(sketch: Sketch) -> Scene:
    """Return the map with all sites; sites without a place on the map are in a panel beside it."""
    for width in _WIDTHS:
        scene, complete = _scene(sketch, width)
        if complete or len(scene.back_lines) > _MAX_ROUTED:
            break
    return scene


def _scene(sketch: Sketch, width: float) -> tuple[Scene, bool]:
    """Return a map of at least that width, and whether all labels found room on it."""
    single = _is_sparse(sketch)
    pods = _pods(sketch, single=single)
    located = [index for index, place in enumerate(sketch.places) if place.site is not None and on_map(place.site)]
    elsewhere = [index for index in range(len(pods)) if index not in located]
    has_map = bool(located)
    if not has_map:
        located, elsewhere = elsewhere, []
    frame, anchors, to_picture = _frame(sketch, pods, located, width)
    wanted = [Box.around(anchors[index], pods[index].width, pods[index].height) for index in located]
    boxes = dict(zip(located, separate(wanted, frame.grown(-_MARGIN)), strict=True))
    boxes |= _stacked(pods, elsewhere, frame)
    right = max([frame.right, *(boxes[index].right for index in elsewhere)])
    bottom = max([frame.bottom, *(boxes[index].bottom for index in elsewhere)])
    room = Box(frame.left, frame.top, right, bottom)
    placed = [(pod, boxes[index]) for index, pod in enumerate(pods)]
    glyphs = tuple(replace(item, centre=_shifted(item.centre, box)) for pod, box in placed for item in pod.glyphs)
    texts = [replace(item, at=_shifted(item.at, box)) for pod, box in placed for item in pod.texts]
    if elsewhere:
        texts.append(
            Text(Point(frame.right + _MARGIN, frame.top + 12), "Not on the map", 11, anchor="start", tone="muted")
        )
        right = max(right, texts[-1].box.right)
    traffic = Traffic()
    drawn = (
        _single_lines(sketch, glyphs, boxes, room, traffic) if single else _bundle_lines(sketch, boxes, room, traffic)
    )
    taken = [box.grown(2) for box in boxes.values()]
    wishes = [wish for _, wish in drawn if wish.text]
    labels, left = place_labels(wishes[:_MAX_ROUTED], _LABEL, taken, room, traffic)
    left += wishes[_MAX_ROUTED:]  # more lines make a tangle, and the search for places takes too long
    if left:
        texts += _panel(left, right + _MARGIN, frame.top)
        right = max(right, *(text.box.right for text in texts))
    lines = tuple(line for line, _ in drawn)
    scene = Scene(
        width=right,
        height=max([bottom, *(text.box.bottom + 6 for text in texts)]),
        title=sketch.title,
        frame=frame,
        sea=has_map,
        land=land(to_picture, frame) if has_map else (),
        back_lines=() if single else lines,
        cards=tuple(
            Card(box, _moved(anchors.get(index), box) if has_map else None, pod.tip, index)
            for index, (pod, box) in enumerate(placed)
        ),
        front_lines=lines if single else _inside_lines(sketch, pods, glyphs),
        glyphs=glyphs,
        texts=tuple(texts),
        labels=tuple(labels),
        legend=(),
    )
    return finish(scene, sketch, natural_earth=has_map), not left


def _stacked(pods: list[Pod], members: list[int], frame: Box) -> dict[int, Box]:
    """Return the places of the cards that are not on the map, in columns to the right of it."""
    boxes: dict[int, Box] = {}
    left, top, right = frame.right + _MARGIN, frame.top + 22, 0.0
    for index in members:
        pod = pods[index]
        if top + pod.height > frame.bottom and top > frame.top + 22:
            left, top = right + _MARGIN, frame.top + 22
        boxes[index] = Box(left, top, left + pod.width, top + pod.height)
        top += pod.height + _MARGIN
        right = max(right, left + pod.width)
    return boxes


def _is_sparse(sketch: Sketch) -> bool:
    """Return whether the picture has room for a separate line for each circuit, from node to node."""
    if len(sketch.by_node) > _MAX_LINES or any(len(place.nodes) > MAX_NAMED for place in sketch.places):
        return False
    pairs = Counter(
        tuple(sorted((sketch.home[bundle.first], sketch.home[bundle.second])))
        for bundle in sketch.by_node
        if sketch.home[bundle.first] != sketch.home[bundle.second]
    )
    alone = all(len(place.nodes) == 1 for place in sketch.places)
    return max(pairs.values(), default=0) <= _MAX_LINES_A_PAIR or alone


def _pods(sketch: Sketch, *, single: bool) -> list[Pod]:
    inside = {bundle.first: bundle.label for bundle in sketch.by_place if bundle.first == bundle.second}
    pods = []
    number = 0
    for index, place in enumerate(sketch.places):
        text = f"inside {inside[index]}" if index in inside else ""
        ring = index in inside and len(place.nodes) <= _MAX_RING
        below = single and len(place.nodes) > 1 and _is_south(sketch, index)
        pods.append(build_pod(place, number, text, ring=ring, below=below))
        number += len(place.nodes)
    return pods


def _is_south(sketch: Sketch, index: int) -> bool:
    """Return whether most neighbours of a site are to the north of it."""
    here = sketch.places[index].site
    others = [
        sketch.places[bundle.second if bundle.first == index else bundle.first].site
        for bundle in sketch.by_place
        if index in (bundle.first, bundle.second)
    ]
    if here is None:
        return False
    # the panel of sites that are not on the map begins at the top
    return sum(other.latitude - here.latitude if other is not None else 1.0 for other in others) > 0


def _inside_lines(sketch: Sketch, pods: list[Pod], glyphs: tuple[Glyph, ...]) -> tuple[Line, ...]:
    """Return the lines of circuits inside sites whose nodes are on a circle."""
    return tuple(
        Line(
            (Curve(glyphs[bundle.first].centre, glyphs[bundle.second].centre),),
            bundle.source,
            1.4,
            0.9,
            bundle.tip,
            (bundle.first, bundle.second),
        )
        for bundle in sketch.by_node
        if (home := sketch.home[bundle.first]) == sketch.home[bundle.second] and len(pods[home].glyphs) <= _MAX_RING
    )


def _frame(
    sketch: Sketch, pods: list[Pod], located: list[int], least: float
) -> tuple[Box, dict[int, Point], Callable[[Point], Point]]:
    """Return the map's frame, the point of each site, and the function from kilometres to points of the picture."""
    room = sum((pods[index].width + 40) * (pods[index].height + 40) for index in located)
    widest = max(pods[index].width for index in located)
    highest = max(pods[index].height for index in located)
    kilometres: dict[int, Point] = {}
    for order, index in enumerate(located):
        known = sketch.places[index].site
        if known is not None and on_map(known):
            kilometres[index] = project(known.longitude, known.latitude)
        else:  # no site is on the map: a circle
            turn = 2 * math.pi * order / len(located) - math.pi / 2
            kilometres[index] = Point(500 * math.cos(turn), 320 * math.sin(turn))
    xs, ys = zip(*kilometres.values(), strict=True)
    middle = Point((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    span_x, span_y = max(max(xs) - min(xs), _LEAST_SPAN_KM), max(max(ys) - min(ys), _LEAST_SPAN_KM * 0.55)
    width = max(least, math.sqrt(room * 4.5), widest + 2 * _MARGIN)
    across = max(width - widest - 5 * _MARGIN, width * 0.35)
    scale = across / span_x
    height = span_y * scale + highest + 5 * _MARGIN
    most = width * 0.74
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


def _bundle_lines(sketch: Sketch, boxes: dict[int, Box], room: Box, traffic: Traffic) -> list[tuple[Line, Wish]]:
    """Return one line for each pair of sites, wider for more circuits."""
    drawn: list[tuple[Line, Wish]] = []
    for bundle in sketch.by_place:
        if bundle.first == bundle.second:
            continue
        others = [box for index, box in boxes.items() if index not in (bundle.first, bundle.second)]
        if len(drawn) >= _MAX_ROUTED:
            others = []
        curve = route(boxes[bundle.first].centre, boxes[bundle.second].centre, others, room, traffic)
        name = _names(sketch, bundle)
        width = min(1.6 + 0.3 * math.log2(bundle.count), 4.5)
        line = Line((curve,), bundle.source, width, 0.85, f"{name}: {bundle.tip}", (bundle.first, bundle.second))
        drawn.append((line, Wish(name, bundle.label, bundle.source, ((traffic.count - 1, curve),))))
    return drawn


def _single_lines(
    sketch: Sketch, glyphs: tuple[Glyph, ...], boxes: dict[int, Box], room: Box, traffic: Traffic
) -> list[tuple[Line, Wish]]:
    """Return one line for each pair of nodes; of equal circuits between two sites, only one has a label."""
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
        start, end = glyphs[bundle.first].centre, glyphs[bundle.second].centre
        # the line ends at the edge of a card without signs, so that the card's text stays free
        if len(sketch.places[sketch.home[bundle.first]].nodes) == 1:
            start = boxes[sketch.home[bundle.first]].exit_to(end)
        if len(sketch.places[sketch.home[bundle.second]].nodes) == 1:
            end = boxes[sketch.home[bundle.second]].exit_to(start)
        curve = route(start, end, obstacles, room, traffic)
        line = Line((curve,), bundle.source, 1.6, 0.9, bundle.tip, (bundle.first, bundle.second))
        # the figure of circuits inside a site is at the foot of its card
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
            drawn[first] = (
                drawn[first][0],
                Wish(_names(sketch, whole[ends]), whole[ends].label, whole[ends].source, curves),
            )
    return drawn


def _names(sketch: Sketch, bundle: Bundle) -> str:
    return "–".join(sketch.places[index].title for index in (bundle.first, bundle.second))


def _panel(left: list[Wish], x: float, y: float) -> list[Text]:
    """Return the labels without room on the map, as a list beside it."""
    rows = [f"{wish.name}  {wish.text}" for wish in left[:_PANEL_ROWS]]
    if len(left) > _PANEL_ROWS:
        rows.append(f"and {len(left) - _PANEL_ROWS:,} more")
    heading = Text(Point(x, y + 12), "Without room on the map", 11, anchor="start", tone="muted")
    return [heading, *(Text(Point(x, y + 30 + 15 * row), text, 10, anchor="start") for row, text in enumerate(rows))]
