"""The colours of overlays: their contrast on the page, and their distance for people with any colour vision."""

from __future__ import annotations

import itertools
import math

import pytest

from emulator.bench.report.palette import PAPER, STYLES, dark_rules

DARK_PAPER = "#12171d"
# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB
VISIONS = {
    "common": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    return sum(part * weight for part, weight in zip(linear(colour), (0.2126, 0.7152, 0.0722), strict=True))


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, vision: str) -> tuple[float, float, float]:
    """Return a colour as a vision sees it, in CIELAB."""
    seen = [sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in VISIONS[vision]]
    red, green, blue = (min(1.0, max(0.0, part)) for part in seen)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("number", range(8))
def test_a_colour_has_contrast_on_white_and_in_the_dark(number: int) -> None:
    assert contrast(STYLES[number].light, PAPER) >= 3
    assert contrast(STYLES[number].dark, DARK_PAPER) >= 3


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("ground", ["light", "dark"])
def test_colours_differ_for_each_vision(vision: str, ground: str) -> None:
    colours = [getattr(style, ground) for style in STYLES[:7]]
    distances = {
        pair: math.dist(lab(pair[0], vision), lab(pair[1], vision)) for pair in itertools.combinations(colours, 2)
    }
    assert min(distances.values()) > 10, min(distances.items(), key=lambda it: it[1])


def test_overlays_of_one_colour_differ_in_dash_or_mark() -> None:
    assert len({(style.light, style.dash, style.mark) for style in STYLES}) == len(STYLES) == 168
    assert len({(style.dash, style.mark) for style in STYLES[:14]}) == 14


def test_each_colour_of_a_plot_has_one_for_the_dark() -> None:
    rules = dark_rules()
    for style in STYLES[:8]:
        assert f'[stroke="{style.light}"] {{ stroke: {style.dark}; }}' in rules
