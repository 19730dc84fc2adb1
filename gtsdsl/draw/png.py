"""SVG to PNG with the package's own font, so that each machine gives the same bytes, also without fonts."""

from __future__ import annotations

import math
from importlib.resources import as_file, files

from gtsdsl.machine import missing_package

_ZOOM = 2.0
_MAX_PIXELS = 40_000_000  # four bytes each, twice while the file is written


def to_png(svg: str, width: float, height: float) -> bytes:
    """Return an SVG as a PNG with twice as many pixels on each side, or fewer if the picture is very large.

    Raises:
        ImportError: the extra ``draw`` is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise ModuleNotFoundError(missing_package("resvg_py"), name="resvg_py") from None
    zoom = min(_ZOOM, math.sqrt(_MAX_PIXELS / (width * height)))
    with as_file(files("gtsdsl.draw").joinpath("font")) as folder:
        fonts = [str(folder / f"Arimo-{style}.ttf") for style in ("Regular", "Bold")]
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, font_files=fonts, skip_system_fonts=True))
