"""SVG to PNG, with the font that ships with the package: the same bytes on every machine, one without fonts too."""

from __future__ import annotations

import math
from importlib.resources import as_file, files

from gtsdsl.machine import MissingExtraError

MISSING = "PNG needs a library that is not installed: pip install 'gtsdsl[draw]' (SVG and HTML do without it)"


_ZOOM = 2.0
_MAX_PIXELS = 40_000_000  # four bytes each, and as much again while it is written


def to_png(svg: str, width: float, height: float) -> bytes:
    """An SVG of that size as a PNG of twice as many pixels a side, fewer if it is very large.

    Raises:
        MissingExtraError: resvg-py is not installed; `MISSING` says what to do.
    """
    try:
        import resvg_py
    except ImportError:
        raise MissingExtraError(MISSING) from None
    zoom = min(_ZOOM, math.sqrt(_MAX_PIXELS / (width * height)))
    with as_file(files("gtsdsl.draw").joinpath("font")) as folder:
        fonts = [str(folder / f"Arimo-{style}.ttf") for style in ("Regular", "Bold")]
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, font_files=fonts, skip_system_fonts=True))
