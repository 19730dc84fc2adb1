"""The report to a web page in one file, which loads nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from xml.etree import ElementTree as ET

from emulator.bench.report.model import (
    Block,
    Bullets,
    Code,
    Command,
    DotPlot,
    Inline,
    LinePlot,
    Paragraph,
    Picture,
    Report,
    Section,
    Table,
)
from emulator.bench.report.palette import dark_rules
from emulator.bench.report.points import points_of

_SHORT = 48
"""The most characters of a text that stays on one line of a table."""
_SVG = "{http://www.w3.org/2000/svg}"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|[\u202a-\u202e\u2066-\u2069]")
"""Characters that XML cannot hold, and those that turn a text around."""


def to_html(report: Report, drawn: Mapping[str, str], missing: str | None) -> str:
    """Return the page; ``drawn`` are the plots as SVG by their names. ``missing`` says why there are none."""
    style = _shipped("page.css") + f"@media screen and (prefers-color-scheme: dark) {{\n{dark_rules()}\n}}\n"
    script = _shipped("page.js")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    body = ET.Element("body")
    _add(body, "a", "To the content", {"class": "skip", "href": "#content"})
    header = _add(body, "header")
    _add(header, "h1", report.title)
    _add(header, "p", report.subtitle, {"class": "subtitle"})
    _contents(body, report.sections)
    main = _add(body, "main", attributes={"id": "content", "tabindex": "-1"})
    if missing is not None:
        _add(main, "p", missing, {"class": "warning"})
    for section in report.sections:
        _section(main, section, drawn)
    _add(body, "p", "", {"id": "said", "role": "status", "aria-live": "polite"})
    text = ET.tostring(body, encoding="unicode", method="html").removesuffix("</body>")
    title = ET.tostring(_leaf("title", report.title), encoding="unicode", method="html")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="gtsdsl-made-from" content="{report.made_from}">
{title}
<style>{style}</style>
</head>
{text}
<script>{script}</script>
</body>
</html>
"""


def _contents(body: ET.Element, sections: Iterable[Section]) -> None:
    nav = _add(body, "nav", attributes={"aria-label": "Contents"})
    found = _add(nav, "ul")
    for section in sections:
        _add(_add(found, "li"), "a", section.title, {"href": f"#{section.anchor}"})


def _section(main: ET.Element, section: Section, drawn: Mapping[str, str]) -> None:
    heading = f"{section.anchor}-heading"
    element = _add(main, "section", attributes={"id": section.anchor, "aria-labelledby": heading})
    _add(element, "h2", section.title, {"id": heading})
    side_by_side: ET.Element | None = None
    for number, block in enumerate(section.blocks):
        if isinstance(block, LinePlot | DotPlot):
            if block.name not in drawn:
                continue
            if side_by_side is None:
                side_by_side = _add(element, "div", attributes={"class": "plots"})
            _plot(side_by_side, block, drawn[block.name])
        else:
            side_by_side = None
            _block(element, block, f"{section.anchor}-{number}")


def _block(parent: ET.Element, block: Block, name: str) -> None:
    if isinstance(block, Paragraph):
        _inline(_add(parent, "p", attributes={"class": block.tone}), block.parts)
    elif isinstance(block, Bullets):
        found = _add(parent, "ul")
        for item in block.items:
            _inline(_add(found, "li"), item)
    elif isinstance(block, Table):
        _table(parent, block, name)
    elif isinstance(block, Command):
        _add(parent, "p", block.about)
        _command(_add(parent, "div", attributes={"class": "command"}), block.text)
    elif isinstance(block, Picture):
        figure = _add(parent, "figure", attributes={"class": "map drawn"})
        scroller = _scroller(figure, block.title)
        scroller.append(_svg(block.svg, block.about, block.name))
        _add(figure, "figcaption", block.title)


def _plot(parent: ET.Element, plot: LinePlot | DotPlot, svg: str) -> None:
    figure = _add(parent, "figure", attributes={"class": "plot drawn"})
    figure.append(_svg(svg, f"{plot.title}. {plot.about}", plot.name))
    caption = _add(figure, "figcaption")
    _add(caption, "span", plot.about)
    _table(caption, points_of(plot), f"{plot.name}-data")


def _table(parent: ET.Element, table: Table, name: str) -> None:
    if table.is_folded:
        parent = _add(parent, "details")
        _add(parent, "summary", table.caption)
    element = _add(_scroller(parent, table.caption), "table")
    caption = _add(element, "caption", table.caption, {"id": f"{name}-caption"})
    if table.is_folded:
        caption.set("class", "hidden")
    head = _add(element, "thead")
    if table.groups:
        row = _add(head, "tr")
        for group in table.groups:
            if group.text:
                _add(row, "th", group.text, {"scope": "colgroup", "colspan": str(group.columns), "class": "group"})
            else:
                _add(row, "td", "", {"colspan": str(group.columns)})
    row = _add(head, "tr")
    left = set(range(table.heads)) | set(table.texts) | set(table.commands)
    for index, heading in enumerate(table.headings):
        _add(row, "th", heading, {"scope": "col", **({"class": "left"} if index in left else {})})
    body = _add(element, "tbody")
    before: tuple[str, ...] = ()
    for texts in table.rows:
        is_again = table.heads > 1 and before[:1] == texts[:1]
        row = _add(body, "tr", attributes={"class": "again"} if is_again else {})
        before = texts
        for index, text in enumerate(texts):
            if index < table.heads:
                _add(row, "th", text, {"scope": "row"})
            elif index in table.commands:
                _command(_add(row, "td", attributes={"class": "command"}), text)
            else:
                kind = "left long" if len(text) > _SHORT else "left"
                _add(row, "td", text, {"class": kind} if index in left else {})


def _scroller(parent: ET.Element, label: str) -> ET.Element:
    """Add a box that scrolls sideways by touch and by keyboard, because a table may be wider than a phone."""
    attributes = {"class": "scroller", "role": "group", "aria-label": _clean(label), "tabindex": "0"}
    return ET.SubElement(parent, "div", attributes)


def _command(parent: ET.Element, text: str) -> None:
    _add(parent, "code", text)
    if text:
        # the script shows it: without a script, it could not copy
        _add(parent, "button", "Copy", {"type": "button", "hidden": "hidden", "aria-label": f"Copy: {text}"})


def _inline(parent: ET.Element, parts: Iterable[Inline]) -> None:
    last: ET.Element | None = None
    for part in parts:
        if isinstance(part, Code):
            last = _add(parent, "code", part.text)
        elif last is None:
            parent.text = (parent.text or "") + _clean(part)
        else:
            last.tail = (last.tail or "") + _clean(part)


def _svg(svg: str, label: str, name: str) -> ET.Element:
    """Return a picture for the page: without its namespace, with names of its own, and with a label for readers."""
    root = ET.fromstring(svg)  # noqa: S314 - it is of our own making
    ids = {element.get("id", "") for element in root.iter()} - {""}
    for element in root.iter():
        element.tag = str(element.tag).removeprefix(_SVG)
        for key in [key for key in element.attrib if key.startswith(("aria-", "role", "{"))]:
            del element.attrib[key]
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif (found := re.fullmatch(r"url\(#(.*)\)", value)) and found[1] in ids:
                element.set(key, f"url(#{name}-{found[1]})")
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("display") == "none" or child.get("d") == "M0,0h0v0h0Z":
                parent.remove(child)
    root.set("role", "img")
    root.set("aria-label", _clean(label))
    return root


def _add(parent: ET.Element, tag: str, text: str = "", attributes: Mapping[str, str] | None = None) -> ET.Element:
    element = ET.SubElement(parent, tag, {key: _clean(value) for key, value in (attributes or {}).items()})
    element.text = _clean(text)
    return element


def _leaf(tag: str, text: str) -> ET.Element:
    element = ET.Element(tag)
    element.text = _clean(text)
    return element


def _clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def _shipped(name: str) -> str:
    return "\n" + files("emulator.bench.report").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
