"""A node's network namespace, as a lab holds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Namespace:
    """A node's network namespace: the descriptor that holds it, and its next free interface index."""

    descriptor: int
    next_index: int
