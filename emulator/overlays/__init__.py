"""Overlay networks behind one interface: a module for each overlay, and what a deployment of any of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.system.named_modules import NamedModules

if TYPE_CHECKING:
    from emulator.overlays.base import Overlay

_OTHERS = (
    "agent_process base catalog datagrams deployment entries faults model mtu outcome pairs policy probe spec subnets "
    "text ways"
)
_OVERLAYS = NamedModules(__name__, __path__, "OVERLAY", "overlay", _OTHERS.split())


def names() -> tuple[str, ...]:
    """Return the names of all overlays in alphabetical order. An overlay has the name of its module."""
    return _OVERLAYS.names


def overlay_class(name: str) -> type[Overlay]:
    """Return the class of an overlay.

    Raises:
        UnknownNameError: no overlay has this name.
    """
    kind: type[Overlay] = _OVERLAYS.find(name)
    return kind
