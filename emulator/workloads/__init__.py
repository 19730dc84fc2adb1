"""Workloads behind one interface: a module for each, which measures something between two hosts of a network."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from emulator.system.errors import UnknownNameError
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.workloads.base import Workload

_SHARED = frozenset(
    (
        "base child iperf iperf3 json_figures model netperf programs rtsp settings sockets starts statistics transfers"
    ).split()
)
"""The modules of this package that are not workloads."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of all workloads in alphabetical order. A workload has the name of its module."""
    return tuple(sorted(item.name for item in pkgutil.iter_modules(__path__) if item.name not in _SHARED))


def workload(name: str) -> Workload:
    """Return a workload by its name.

    Raises:
        UnknownNameError: no workload has this name.
    """
    if name not in names():
        near = did_you_mean(name, list(names()))
        known = near or "choose one of " + ", ".join(names())
        raise UnknownNameError(f"unknown workload {printable(name, 80)}; {known}")
    module = importlib.import_module(f"{__name__}.{name}")
    found: Workload = module.WORKLOAD
    return found
