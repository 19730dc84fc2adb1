"""Numbers to texts for people, and units that suit their size."""

from __future__ import annotations

import re

MISSING = "–"
"""The text of a value that was not measured."""
_MOST_SLUG = 60


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with at most some digits after the point, and a comma between thousands."""
    if value is None:
        return MISSING
    if value and abs(value) < 0.5 * 10**-digits:
        return f"{value:.2g}".replace("-", "−", 1)
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def fixed(value: float | None, digits: int) -> str:
    """Return a number with exactly some digits after the point, for a column of a table."""
    return MISSING if value is None else f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Return a number with its sign; 0 has none."""
    if value is None:
        return MISSING
    text = number(value, digits)
    return text if value <= 0 else f"+{text}"


def percent(value: float | None, whole: float | None) -> float | None:
    """Return by how many percent a value is more than a whole; None if one is unknown or the whole is 0."""
    return None if value is None or not whole else 100 * (value - whole) / abs(whole)


def slug(*parts: str) -> str:
    """Return the stem of a file's name, of letters a to z, digits and dashes, from names of any kind."""
    words = (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
    return "-".join(filter(None, words))[:_MOST_SLUG].strip("-")


def listed(items: list[str] | tuple[str, ...]) -> str:
    """Return names as a part of a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
