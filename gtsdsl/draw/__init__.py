"""Testbed to a picture: a map of its sites and circuits, or the inside of its only site."""

from __future__ import annotations

from gtsdsl.circuits import Circuits
from gtsdsl.draw.scene import Scene
from gtsdsl.model.testbed import Testbed

FORMATS = ("svg", "png", "html")


def scene(testbed: Testbed, own: Circuits | None = None) -> Scene:
    """Return the scene of a testbed's picture; ``own`` are the user's circuits and sites.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth is wrong; the message names the link.
    """
    from gtsdsl.draw.inside import inside_scene
    from gtsdsl.draw.mapview import map_scene
    from gtsdsl.draw.sketch import sketch

    found = sketch(testbed, own)
    return inside_scene(found) if len(found.places) == 1 else map_scene(found)


def draw(testbed: Testbed, form: str, own: Circuits | None = None) -> bytes:
    """Return the picture of a testbed in one of `FORMATS`; the same testbed gives the same bytes.

    Raises:
        ValueError: the format is unknown, or a link's delay, jitter, loss or bandwidth is wrong.
        ImportError: a library that PNG needs is not installed; the message says how to install it.
    """
    from gtsdsl.draw.svg import to_svg

    if form not in FORMATS:
        raise ValueError(f"no format {form!r}; there are {', '.join(FORMATS)}")
    found = scene(testbed, own)
    if form == "html":
        from gtsdsl.draw.html import to_html

        return to_html(found).encode()
    if form == "png":
        from gtsdsl.draw.png import to_png

        return to_png(to_svg(found), found.width, found.height)
    return to_svg(found).encode()
