"""SVG, HTML and PNG: well-formed, harmless and the same every time."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.draw import draw
from gtsdsl.model.shapes import build
from tests.draw.pictures import FIVE, PICTURES, joined
from tests.hostile import HOSTILE_IDS, hostile_testbed
from tests.targets.samples import pair

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
MESH = PICTURES["five-site mesh"]
HARMLESS = {"svg", "title", "rect", "defs", "clipPath", "g", "path", "circle", "text"}


def named(text: str) -> bytes:
    """Return the picture of two hosts, one of which has a hostile id and site."""
    return draw(joined([("host", text, text), ("host", "other", "AMS")], [(text, "other", {})]), "svg")


@pytest.mark.parametrize("name", PICTURES)
def test_svg_is_well_formed(name: str) -> None:
    root = ET.fromstring(draw(PICTURES[name], "svg"))  # noqa: S314 (own output)
    assert root.tag == f"{SVG}svg"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= HARMLESS


@pytest.mark.parametrize("text", HOSTILE_IDS)
def test_hostile_ids_are_text(text: str) -> None:
    svg = named(text)
    root = ET.fromstring(svg)  # noqa: S314 (own output)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= HARMLESS
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    shown = svg.decode()
    assert all(character == "\n" or character.isprintable() for character in shown)
    assert "\n::error" not in shown


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=30).filter(lambda text: text != "other"))
def test_any_id_is_text(text: str) -> None:
    ET.fromstring(named(text))  # noqa: S314 (own output)


class Tags(HTMLParser):
    """A parser that collects the elements and attributes that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def test_page_of_hostile_ids_has_one_script_and_no_handlers() -> None:
    tags = Tags()
    tags.feed(draw(hostile_testbed(), "html").decode())
    assert tags.found.count("script") == 1
    assert "img" not in tags.found
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in {"style", "src", "href"}]


def test_page_loads_nothing_and_runs_only_its_own_script() -> None:
    page = draw(MESH, "html").decode()
    match = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert match is not None
    policy = dict(part.strip().split(" ", 1) for part in match[1].split(";"))
    assert policy["default-src"] == "'none'"
    for element, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert re.findall(r"https?://[^\"'< ]+", page) == ["http://www.w3.org/2000/svg"]


def test_a_tip_says_the_mtu_and_a_black_hole() -> None:
    page = draw(pair(mtu=9000, black_hole=True), "html").decode()
    assert "measured round-trip time\nMTU 9000, black hole\nl1</title>" in page


def test_page_has_tips_for_what_is_pointed_at() -> None:
    page = draw(MESH, "html").decode()
    assert "<title>host h1\n4 ports\nimageId: Ubuntu-14.04.qcow2" in page
    assert "<title>36.2 ms\nfrom h1.to_h2 to h2.to_h1\nmeasured round-trip time\nl1</title>" in page


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_page_s_script_is_valid(tmp_path: Path) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", draw(MESH, "html").decode(), re.DOTALL)
    path = tmp_path / "page.js"
    path.write_text(script, "utf-8")
    subprocess.run(["node", "--check", str(path)], check=True)


@pytest.mark.parametrize("form", ["svg", "html", "png"])
def test_same_bytes_every_time(form: str) -> None:
    assert draw(MESH, form) == draw(build("full-mesh", FIVE, 5), form)


@pytest.mark.slow("draws in a process for each of several seeds")
def test_same_bytes_in_another_process() -> None:
    program = (
        "import hashlib; from gtsdsl.draw import draw; from tests.draw.pictures import PICTURES;"
        "print(hashlib.sha256(draw(PICTURES['eleven sites'], 'svg')).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_png_is_twice_the_size() -> None:
    root = ET.fromstring(draw(MESH, "svg"))  # noqa: S314 (own output)
    png = draw(MESH, "png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == pytest.approx((float(root.attrib["width"]) * 2, float(root.attrib["height"]) * 2), abs=2)


def test_png_shows_text_without_any_system_font() -> None:
    """Two testbeds that differ in a name only: if letters were not drawn, the pictures would be the same."""
    one = draw(joined([("host", "abc", "AMS")], []), "png")
    other = draw(joined([("host", "xyz", "AMS")], []), "png")
    assert one != other


def test_png_without_the_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"pip install 'gtsdsl\[draw\]'"):
        draw(MESH, "png")


def test_no_such_format() -> None:
    with pytest.raises(ValueError, match="there are svg, png, html"):
        draw(MESH, "gif")
