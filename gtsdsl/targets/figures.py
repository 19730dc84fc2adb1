"""Numbers as text for other tools: no exponent, no trailing zeros."""

from __future__ import annotations


def plain(number: float) -> str:
    """Return a number with at most six decimals: ``0.1``, ``36.2``, ``5``."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
