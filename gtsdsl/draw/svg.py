"""Scene to an SVG document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.legend import SAMPLE_WIDTH
from gtsdsl.draw.lettering import FAMILY
from gtsdsl.draw.scene import Card, Glyph, Label, Line, Scene, Text
from gtsdsl.draw.sketch import Kind
from gtsdsl.topology.delays import DelaySource

# After Okabe and Ito's palette ("Color Universal Design", 2008), whose colours people with any colour vision can
# distinguish. The dashes make the same distinction in black and white.
_COLOURS: Mapping[DelaySource, str] = {
    "measured": "#0072b2",
    "given": "#6a4c93",
    "link": "#007a5a",
    "estimated": "#c2560a",
    "unknown": "#6b6b6b",
}
_DASHES: Mapping[DelaySource, tuple[float, ...]] = {
    "measured": (),
    "given": (),
    "link": (),
    "estimated": (4.5, 2.5),
    "unknown": (1.0, 2.0),
}
"""Lengths of strokes and gaps, in line widths."""
_FILLS = {Kind.HOST: "#ffffff", Kind.SERVER: "#dfe5ea", Kind.SWITCH: "#f6cf62", Kind.OTHER: "#f3d7e4"}
_TONES = {"ink": "#1d2733", "muted": "#5b6876"}
_INK = "#2b3947"


def to_svg(scene: Scene) -> str:
    """Return the scene as an SVG document; the same scene gives the same bytes."""
    return ET.tostring(svg_element(scene), encoding="unicode") + "\n"


def svg_element(scene: Scene) -> ET.Element:
    """Return the scene as an element tree, whose serialisation escapes all text in it."""
    width, height = _number(scene.width), _number(scene.height)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": width,
            "height": height,
            "viewBox": f"0 0 {width} {height}",
            "font-family": FAMILY,
            "role": "img",
        },
    )
    ET.SubElement(root, "title").text = scene.title
    ET.SubElement(root, "rect", {"width": width, "height": height, "fill": "#ffffff"})
    if scene.sea:
        _map(root, scene)
    _lines(root, scene.back_lines, "card")
    _cards(root, scene.cards)
    _lines(root, scene.front_lines, "node")
    glyphs = ET.SubElement(root, "g", {"stroke": _INK, "stroke-width": "1.3", "stroke-linejoin": "round"})
    for glyph in scene.glyphs:
        _glyph(glyphs, glyph)
    _texts(root, scene.texts)
    _labels(root, scene.labels)
    _legend(root, scene)
    return root


def _map(root: ET.Element, scene: Scene) -> None:
    clip = ET.SubElement(ET.SubElement(root, "defs"), "clipPath", {"id": "frame"})
    ET.SubElement(clip, "rect", _rect(scene.frame))
    ET.SubElement(root, "rect", {**_rect(scene.frame), "fill": "#e9f0f5"})
    land = ET.SubElement(root, "g", {"clip-path": "url(#frame)"})
    path = "".join(_ring(ring) for ring in scene.land)
    style = {"fill": "#faf8f2", "stroke": "#c3ccd2", "stroke-width": "0.8", "stroke-linejoin": "round"}
    ET.SubElement(land, "path", {"d": path, **style})
    ET.SubElement(root, "rect", {**_rect(scene.frame), "fill": "none", "stroke": "#b4bfc7"})


def _lines(root: ET.Element, lines: Iterable[Line], of: str) -> None:
    group = ET.SubElement(root, "g", {"fill": "none"})
    for line in lines:
        attributes = {
            "d": "".join(_curve(curve) for curve in line.curves),
            "stroke": _COLOURS[line.source],
            "stroke-width": _number(line.width),
            "stroke-opacity": _number(line.opacity, 2),
        }
        # dashes of many lines would merge into grey
        if (dash := _DASHES[line.source]) and line.opacity > 0.4:
            attributes["stroke-dasharray"] = " ".join(_number(part * line.width) for part in dash)
        if line.ends is not None:
            attributes |= {"class": "line", "data-of": of, "data-a": str(line.ends[0]), "data-b": str(line.ends[1])}
        _tip(ET.SubElement(group, "path", attributes), line.tip)


def _cards(root: ET.Element, cards: Iterable[Card]) -> None:
    group = ET.SubElement(root, "g")
    for card in cards:
        if card.anchor is not None:
            start, end = card.anchor, card.box.centre
            style = {"stroke": _INK, "stroke-width": "1", "stroke-opacity": "0.6"}
            ET.SubElement(group, "path", {"d": f"M{_at(start)}L{_at(end)}", **style})
            ET.SubElement(group, "circle", {"cx": _number(start.x), "cy": _number(start.y), "r": "3", "fill": _INK})
    for card in cards:
        style = {"rx": "7", "fill": "#ffffff", "stroke": "#93a1ad", "stroke-width": "1"}
        attributes = {**_rect(card.box), **style}
        if card.number is not None:
            attributes |= {"class": "card", "data-n": str(card.number)}
        _tip(ET.SubElement(group, "rect", attributes), card.tip)


def _glyph(parent: ET.Element, glyph: Glyph) -> None:
    (x, y), half = glyph.centre, glyph.size / 2
    common = {"fill": _FILLS[glyph.kind]}
    if glyph.size < 12:
        common["stroke-width"] = "0.9"
    if glyph.number is not None:
        common |= {"class": "node", "data-n": str(glyph.number)}
    if glyph.kind is Kind.HOST:
        element = ET.SubElement(
            parent, "circle", {"cx": _number(x), "cy": _number(y), "r": _number(half * 0.92), **common}
        )
    elif glyph.kind is Kind.OTHER:
        points = [Point(x, y - half), Point(x + half, y), Point(x, y + half), Point(x - half, y)]
        element = ET.SubElement(parent, "path", {"d": _ring(points), **common})
    elif glyph.kind is Kind.SWITCH:
        # the usual sign of a switch, a flat box; its corners distinguish it from a server without colour
        points = [
            Point(x + half * math.cos(math.pi * turn / 3), y + half * math.sin(math.pi * turn / 3)) for turn in range(6)
        ]
        element = ET.SubElement(parent, "path", {"d": _ring(points), **common})
    else:
        box = Box.around(glyph.centre, glyph.size * 0.86, glyph.size * 0.86)
        element = ET.SubElement(parent, "rect", {**_rect(box), "rx": "1.5", **common})
    _tip(element, glyph.tip)


def _texts(root: ET.Element, texts: Iterable[Text]) -> None:
    group = ET.SubElement(root, "g", {"pointer-events": "none"})
    for text in texts:
        # a halo keeps a name readable where a line runs behind it
        halo = {"stroke": "#ffffff", "stroke-width": "2.5", "stroke-linejoin": "round", "paint-order": "stroke"}
        _text(group, text, _TONES[text.tone], halo if text.size <= 12 else {})


def _labels(root: ET.Element, labels: Iterable[Label]) -> None:
    group = ET.SubElement(root, "g", {"pointer-events": "none"})
    for label in labels:
        plate = {**_rect(label.box), "rx": "3", "fill": "#ffffff", "fill-opacity": "0.92"}
        ET.SubElement(group, "rect", plate)
        _text(group, label.text, _COLOURS[label.source], {})


def _legend(root: ET.Element, scene: Scene) -> None:
    group = ET.SubElement(root, "g", {"fill": "none"})
    signs = ET.SubElement(root, "g", {"stroke": _INK, "stroke-width": "1.3", "stroke-linejoin": "round"})
    for sample in scene.legend:
        if isinstance(sample.what, Kind):
            _glyph(signs, Glyph(Point(sample.at.x + SAMPLE_WIDTH / 2, sample.at.y), 14, sample.what, "", None))
        else:
            end = Point(sample.at.x + SAMPLE_WIDTH, sample.at.y)
            style = {"stroke": _COLOURS[sample.what], "stroke-width": "2"}
            if dash := _DASHES[sample.what]:
                style["stroke-dasharray"] = " ".join(_number(part * 2) for part in dash)
            ET.SubElement(group, "path", {"d": f"M{_at(sample.at)}L{_at(end)}", **style})
        _text(root, sample.text, _TONES["ink"], {})


def _text(parent: ET.Element, text: Text, colour: str, extra: dict[str, str]) -> None:
    x, y = _number(text.at.x), _number(text.at.y)
    attributes = {"x": x, "y": y, "font-size": _number(text.size), "fill": colour, **extra}
    if text.anchor != "start":
        attributes["text-anchor"] = text.anchor
    if text.bold:
        attributes["font-weight"] = "bold"
    if text.angle:
        attributes["transform"] = f"rotate({_number(text.angle)} {x} {y})"
    ET.SubElement(parent, "text", attributes).text = text.text


def _tip(element: ET.Element, tip: str) -> None:
    if tip:
        ET.SubElement(element, "title").text = tip


def _rect(box: Box) -> dict[str, str]:
    return {
        "x": _number(box.left),
        "y": _number(box.top),
        "width": _number(box.width),
        "height": _number(box.height),
    }


def _curve(curve: Curve) -> str:
    if not curve.bend:
        return f"M{_at(curve.start)}L{_at(curve.end)}"
    return f"M{_at(curve.start)}Q{_at(curve.control)} {_at(curve.end)}"


def _ring(points: Iterable[Point]) -> str:
    return "M" + "L".join(map(_at, points)) + "Z"


def _at(point: Point) -> str:
    return f"{_number(point.x)} {_number(point.y)}"


def _number(value: float, digits: int = 1) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
