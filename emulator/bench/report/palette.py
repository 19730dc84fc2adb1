"""Colours, dashes and marks of overlays, and the colours of the page in the dark.

The colours are Okabe and Ito's ("Color Universal Design", 2008), which people with any colour vision can distinguish.
Their light ones (orange, sky blue, reddish purple) are darkened until they have a contrast of 3 to 1 on white, as the
Web Content Accessibility Guidelines 2.2 ask of graphics (1.4.11), and vermilion is darkened to stay apart from orange.
In the dark, their dark ones are lightened. Dashes and marks make the same distinction in black and white.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

INK = "#1d2733"
MUTED = "#5b6876"
GRID = "#dfe5ea"
PAPER = "#ffffff"


@dataclass(frozen=True, slots=True)
class Style:
    """The look of an overlay: its colour on white and on dark, its dashes in pixels, and Vega's name of its mark."""

    light: str
    dark: str
    dash: tuple[int, ...]
    mark: str


_COLOURS = (
    ("#000000", "#f2f2f2"),
    ("#0072b2", "#3fa0e0"),
    ("#b04400", "#e8743b"),
    ("#009e73", "#1fbf92"),
    ("#b8578f", "#d98bb8"),
    ("#b48c00", "#e69f00"),
    ("#2f8fc4", "#8cd3f7"),
    ("#7a7000", "#f0e442"),
)
_DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (12, 4), (4, 2, 1, 2, 1, 2))
_MARKS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

STYLES = tuple(
    Style(*_COLOURS[index % len(_COLOURS)], _DASHES[index % len(_DASHES)], _MARKS[index % len(_MARKS)])
    for index in range(len(_COLOURS) * len(_DASHES) * len(_MARKS) // 2)
)
"""The styles in the order of overlays. The lengths of the three lists differ, so a style is the same as another only
after 168 overlays."""

_DARK: Mapping[str, str] = {
    PAPER: "#12171d",
    INK: "#e4e9ee",
    MUTED: "#a5b1bd",
    GRID: "#2c3640",
    # the map's
    "#e9f0f5": "#16222c",
    "#faf8f2": "#232a2e",
    "#c3ccd2": "#46525c",
    "#b4bfc7": "#46525c",
    "#93a1ad": "#74828f",
    "#2b3947": "#c4cdd6",
    "#dfe5ea": "#39454f",
    "#f6cf62": "#8a6d0c",
    "#f3d7e4": "#6d3b55",
    "#6a4c93": "#b79be0",
    "#007a5a": "#2bbf94",
    "#c2560a": "#f08a45",
    "#6b6b6b": "#a0a0a0",
}


def style_of(overlay: str, overlays: Sequence[str]) -> Style:
    """Return the style of one of the overlays of a report."""
    return STYLES[overlays.index(overlay) % len(STYLES)]


def dark_rules() -> str:
    """Return the CSS that gives the plots and the map their colours in the dark."""
    colours = dict(_COLOURS) | dict(_DARK)
    return "\n".join(
        f'.drawn [fill="{light}"] {{ fill: {dark}; }}\n.drawn [stroke="{light}"] {{ stroke: {dark}; }}'
        for light, dark in colours.items()
    )
