"""Overlay networks behind one interface: a module for each overlay, and what a deployment of any of them needs."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from emulator.system.errors import OverlayError
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.overlays.base import Overlay

_SHARED = frozenset(
    [
        *("agent_process", "base", "catalog", "datagrams", "deployment", "entries", "faults", "model"),
        *("mtu", "outcome", "pairs", "policy", "probe", "spec", "subnets", "text", "ways"),
    ]
)
"""The modules of this package that are not overlays."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of all overlays in alphabetical order. An overlay has the name of its module."""
    return tuple(sorted(item.name for item in pkgutil.iter_modules(__path__) if item.name not in _SHARED))


def overlay_class(name: str) -> type[Overlay]:
    """Return the class of an overlay.

    Raises:
        OverlayError: no overlay has this name.
    """
    if name not in names():
        near = did_you_mean(name, list(names()))
        said = f"unknown overlay {printable(name, 80)}" if name else "the name of the overlay is empty"
        raise OverlayError(f"{said}; {near or 'choose one of ' + ', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    kind: type[Overlay] = module.OVERLAY
    return kind
