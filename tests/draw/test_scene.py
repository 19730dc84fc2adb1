"""The content of a picture, in which nothing hides anything else."""

from __future__ import annotations

import itertools
import math

import pytest

from gtsdsl.circuits import find, parse_circuits, site
from gtsdsl.draw import scene
from gtsdsl.draw.basemap import on_map, project
from gtsdsl.draw.geometry import Box, Curve, Point
from gtsdsl.draw.lettering import fitted, text_width
from gtsdsl.draw.scene import Scene
from gtsdsl.draw.sketch import Kind, sketch
from gtsdsl.model.shapes import build
from gtsdsl.source import Source
from tests.draw.pictures import ELEVEN, FIVE, PICTURES, joined, nested, six_switches
from tests.hostile import hostile_testbed

SCENES = {name: scene(testbed) for name, testbed in PICTURES.items()} | {"hostile": scene(hostile_testbed())}
each_scene = pytest.mark.parametrize("drawn", SCENES.values(), ids=list(SCENES))


def labels(drawn: Scene) -> list[str]:
    return [label.text.text for label in drawn.labels]


def words(drawn: Scene) -> list[str]:
    return [text.text for text in drawn.texts]


@each_scene
def test_labels_touch_neither_each_other_nor_cards_nor_names(drawn: Scene) -> None:
    for first, second in itertools.combinations(drawn.labels, 2):
        assert not first.box.touches(second.box), (first.text.text, second.text.text)
    for label in drawn.labels:
        assert not any(label.box.touches(card.box) for card in drawn.cards if card.number is not None)
        assert not any(label.box.touches(text.box) for text in drawn.texts if not text.angle)


@each_scene
def test_texts_do_not_touch_each_other(drawn: Scene) -> None:
    upright = [text for text in (*drawn.texts, *(sample.text for sample in drawn.legend)) if not text.angle]
    for first, second in itertools.combinations(upright, 2):
        assert not first.box.touches(second.box), (first.text, second.text)


@each_scene
def test_cards_are_apart(drawn: Scene) -> None:
    for first, second in itertools.combinations(drawn.cards, 2):
        assert not first.box.touches(second.box)


@each_scene
def test_all_is_within_the_view_box(drawn: Scene) -> None:
    whole = Box(0, 0, drawn.width, drawn.height)
    boxes = [label.box for label in drawn.labels] + [card.box for card in drawn.cards]
    boxes += [text.box for text in drawn.texts if not text.angle] + [sample.text.box for sample in drawn.legend]
    boxes += [Box.around(glyph.centre, glyph.size, glyph.size) for glyph in drawn.glyphs]
    assert all(box.inside(whole) for box in boxes)
    for line in (*drawn.back_lines, *drawn.front_lines):
        assert all(whole.holds(point) for curve in line.curves for point in curve.points())


@each_scene
def test_signs_of_nodes_are_apart(drawn: Scene) -> None:
    cells: dict[tuple[int, int], list[Box]] = {}
    for glyph in drawn.glyphs:
        box = Box.around(glyph.centre, glyph.size * 0.8, glyph.size * 0.8)
        cell = (int(glyph.centre.x // 30), int(glyph.centre.y // 30))
        near = [
            other for dx in (-1, 0, 1) for dy in (-1, 0, 1) for other in cells.get((cell[0] + dx, cell[1] + dy), [])
        ]
        assert not any(box.touches(other) for other in near)
        cells.setdefault(cell, []).append(box)


def test_five_site_mesh_shows_each_round_trip_and_marks_estimates() -> None:
    expected = []
    for first, second in itertools.combinations(FIVE, 2):
        circuit = find(first, second)
        assert circuit is not None
        expected.append(f"{'≈ ' if circuit.estimated else ''}{circuit.rtt_ms:.1f} ms")
    assert sorted(labels(SCENES["five-site mesh"])) == sorted(expected)
    assert "36.2 ms" in expected
    assert "≈ 27.9 ms" in expected


def test_many_circuits_between_two_sites_are_one_line_with_their_number() -> None:
    drawn = SCENES["fifty hosts in five sites"]
    assert len(drawn.back_lines) == 10
    assert "36.2 ms  ×100" in labels(drawn)
    assert len(drawn.glyphs) == 50
    assert {f"h{number}" for number in range(1, 51)} <= set(words(drawn))
    assert words(drawn).count("inside ≈ 0.1 ms  ×45") == 5


def test_every_circuit_has_its_figure_somewhere_where_sites_are_many() -> None:
    drawn = SCENES["eleven sites"]
    listed = [text for text in words(drawn) if " ms" in text]
    assert len(labels(drawn)) + len(listed) == 55


def test_sites_are_where_they_are() -> None:
    drawn = SCENES["five-site mesh"]
    centre = {FIVE_SORTED[card.number]: card.box.centre for card in drawn.cards if card.number is not None}
    assert centre["AMS"].x < centre["MIL"].x < centre["PRA"].x < centre["BRA"].x
    assert centre["AMS"].y < centre["PRA"].y < centre["BRA"].y < centre["LJU"].y < centre["MIL"].y
    assert drawn.land


FIVE_SORTED = sorted(FIVE)


@pytest.mark.parametrize("name", ["one site, mesh", "one site, fifty hosts", "one unknown site", "one site, tree"])
def test_one_site_is_drawn_from_the_inside(name: str) -> None:
    drawn = SCENES[name]
    assert not drawn.sea
    assert not drawn.land
    assert len(drawn.cards) == 1
    assert drawn.front_lines


def test_a_tree_in_one_site_has_its_root_in_the_middle_and_no_crossing() -> None:
    drawn = SCENES["one site, tree"]
    root = drawn.glyphs[0].centre
    assert all(math.dist(root, glyph.centre) > 40 for glyph in drawn.glyphs[1:])
    curves = [line.curves[0] for line in drawn.front_lines]
    assert len(curves) == 14
    for first, second in itertools.combinations(curves, 2):
        assert not crosses(first, second)


def crosses(first: Curve, second: Curve) -> bool:
    def side(a: Point, b: Point, c: Point) -> float:
        return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)

    if {first.start, first.end} & {second.start, second.end}:
        return False
    return (
        side(first.start, first.end, second.start) * side(first.start, first.end, second.end) < 0
        and side(second.start, second.end, first.start) * side(second.start, second.end, first.end) < 0
    )


def test_unknown_sites_stand_beside_the_map() -> None:
    drawn = SCENES["some sites unknown"]
    assert "Not on the map" in words(drawn)
    beside = [card for card in drawn.cards if card.box.left > drawn.frame.right]
    assert len(beside) == 2
    assert set(labels(drawn)) == {"? ms  ×2"}


def test_own_circuits_and_sites_are_drawn() -> None:
    own = parse_circuits(Source("own", '{"circuits": {"AMS-LAB": 5}, "sites": []}'))
    pair = build("point-to-point", ["AMS", "LAB"], 2)
    assert labels(scene(pair)) == ["? ms"]
    assert labels(scene(pair, own)) == ["5.0 ms"]
    placed = parse_circuits(Source("own", '{"sites": [{"code": "LAB", "latitude": 48.2, "longitude": 16.4}]}'))
    drawn = scene(pair, placed)
    assert "Not on the map" not in words(drawn)
    assert labels(drawn)[0].startswith("≈ ")


def test_the_link_s_own_delay_goes_before_the_circuit() -> None:
    hosts: list[tuple[str, str, str | None]] = [("host", "a", "AMS"), ("host", "b", "MIL")]
    drawn = scene(joined(hosts, [("a", "b", {"delay": "50ms"})]))
    assert labels(drawn) == ["100.0 ms"]
    assert drawn.labels[0].source == "link"
    both = scene(joined(hosts, [("a", "b", {"delay": "50ms"}), ("a", "b", {})]))
    assert labels(both) == ["36.2–100.0 ms  ×2"]


def test_nested_testbeds_are_flattened() -> None:
    drawn = scene(nested())
    assert {"s1/h1", "h2"} <= set(words(drawn))
    assert labels(drawn) == ["17.4 ms"]


def test_switches_are_told_from_hosts() -> None:
    drawn = scene(six_switches())
    assert [glyph.kind for glyph in drawn.glyphs].count(Kind.SWITCH) == 6
    assert {sample.what for sample in drawn.legend} == {Kind.HOST, Kind.SWITCH, "measured", "estimated"}
    assert len(drawn.front_lines) == 13


def test_all_hosts_are_counted_where_they_are_too_many_to_draw() -> None:
    drawn = SCENES["five thousand hosts"]
    assert words(drawn).count("1,000 hosts") == 5


def test_a_hundred_sites_are_bounded() -> None:
    drawn = SCENES["a hundred unknown sites"]
    assert any(text.endswith("more sites") for text in words(drawn))
    assert len(sketch(PICTURES["a hundred unknown sites"]).places) == len(drawn.cards) < 50


@pytest.mark.parametrize("code", ELEVEN)
def test_projection_keeps_distances_in_europe(code: str) -> None:
    here, there = site(code), site("AMS")
    assert here is not None
    assert there is not None
    assert on_map(here)
    on_paper = math.dist(project(here.longitude, here.latitude), project(there.longitude, there.latitude))
    assert on_paper == pytest.approx(here.distance_km(there), rel=0.02)


def test_projection_s_centre_and_directions() -> None:
    assert project(10, 52) == pytest.approx((0, 0))
    assert project(20, 52).x > 0
    assert project(10, 60).y < 0


@pytest.mark.parametrize(("text", "fits"), [("h1", "h1"), ("x" * 3000, None), ("", ""), ("主機" * 50, None)])
def test_long_names_are_cut_in_the_middle(text: str, fits: str | None) -> None:
    cut = fitted(text, 10, 84)
    assert text_width(cut, 10) <= 84
    if fits is None:
        assert "…" in cut
    else:
        assert cut == fits
