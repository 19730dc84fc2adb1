"""Workloads behind one interface: a module for each, which measures something between two hosts of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.system.named_modules import NamedModules

if TYPE_CHECKING:
    from emulator.workloads.base import Workload

_OTHERS = (
    "base child iperf iperf3 json_figures model netperf programs rtsp settings sockets starts statistics transfers"
)
_WORKLOADS = NamedModules(__name__, __path__, "WORKLOAD", "workload", _OTHERS.split())


def names() -> tuple[str, ...]:
    """Return the names of all workloads in alphabetical order. A workload has the name of its module."""
    return _WORKLOADS.names


def workload(name: str) -> Workload:
    """Return a workload by its name.

    Raises:
        UnknownNameError: no workload has this name.
    """
    found: Workload = _WORKLOADS.find(name)
    return found
