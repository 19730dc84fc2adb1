"""Numbers as text that every tool reads: no exponent, no trailing zeros."""

from __future__ import annotations


def plain(number: float) -> str:
    """A number with at most six decimals: ``0.1``, ``36.2``, ``5``."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
