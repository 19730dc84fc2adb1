"""Title and legend of a scene."""

from __future__ import annotations

from dataclasses import replace

from gtsdsl.draw.geometry import Point
from gtsdsl.draw.lettering import fitted
from gtsdsl.draw.scene import Sample, Scene, Text
from gtsdsl.draw.sketch import WORDS, Kind, Sketch
from gtsdsl.topology.delays import DelaySource

HEADER_HEIGHT = 56.0
MARGIN = 16.0
SAMPLE_WIDTH = 26.0
_SIZE = 10.5
_ROW = 19.0


def finish(scene: Scene, sketch: Sketch, *, natural_earth: bool) -> Scene:
    """Return the scene with its title above and its legend below, and with the size of the whole."""
    right = scene.width
    texts = [
        Text(Point(MARGIN, 25), fitted(sketch.title, 17, right - MARGIN, bold=True), 17, bold=True, anchor="start"),
        Text(Point(MARGIN, 43), fitted(sketch.subtitle, 11.5, right - MARGIN), 11.5, anchor="start", tone="muted"),
    ]
    kinds = [kind for kind in Kind if any(node.kind is kind for node in sketch.nodes)]
    lines: list[DelaySource] = [source for source in WORDS if any(item.source == source for item in sketch.by_node)]
    meanings: list[tuple[Kind | DelaySource, str]] = [
        *((kind, kind.value) for kind in kinds),
        *((source, ("≈ " if source == "estimated" else "") + WORDS[source]) for source in lines),
    ]
    samples: list[Sample] = []
    x, y = MARGIN, scene.height + 20
    for what, meaning in meanings:
        text = Text(Point(x + SAMPLE_WIDTH + 6, y + 0.36 * _SIZE), meaning, _SIZE, anchor="start")
        if text.box.right > right and x > MARGIN:
            x, y = MARGIN, y + _ROW
            text = replace(text, at=Point(x + SAMPLE_WIDTH + 6, y + 0.36 * _SIZE))
        samples.append(Sample(Point(x, y), what, text))
        x = text.box.right + 20
    if natural_earth:
        credit = Text(Point(right, y + 0.36 * _SIZE), "Map: Natural Earth", 9, anchor="end", tone="muted")
        if credit.box.left < x:
            y += _ROW
            credit = replace(credit, at=Point(right, y + 0.36 * _SIZE))
        texts.append(credit)
    return replace(scene, width=right + MARGIN, height=y + 18, texts=(*scene.texts, *texts), legend=tuple(samples))
