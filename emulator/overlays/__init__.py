"""Overlay networks, a module each: the name that a user gives is the module's."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from emulator.system.errors import OverlayError
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.overlays.base import Overlay

_SHARED = frozenset({"base", "model", "spec", "subnets"})


@cache
def names() -> tuple[str, ...]:
    """The overlays that there are, in alphabetical order."""
    return tuple(sorted(item.name for item in pkgutil.iter_modules(__path__) if item.name not in _SHARED))


def overlay(name: str) -> type[Overlay]:
    """The overlay of a name.

    Raises:
        OverlayError: there is none.
    """
    if name not in names():
        near = did_you_mean(name, list(names()))
        raise OverlayError(f"there is no overlay {printable(name, 80)}; {near or 'there are ' + ', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    found: type[Overlay] = module.OVERLAY
    return found
