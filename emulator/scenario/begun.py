"""An event that has begun: what undoes it, and what it does meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Action: TypeAlias = Callable[[], None]
Steps: TypeAlias = Iterator[tuple[int, Action]]
"""Actions in the order of time, each with its time from the scenario's start, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Begun:
    """``undo`` puts back what was before. ``steps`` are those of a trace, or of a share that comes again."""

    undo: Action
    steps: Steps = field(default_factory=lambda: iter(()))
