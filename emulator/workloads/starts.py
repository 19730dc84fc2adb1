"""The time from an overlay's start to the first packet between each two hosts' containers, as figures."""

from __future__ import annotations

import statistics

from emulator.overlays.deployment import Deployment
from emulator.workloads.model import Figure, Series, WorkloadResult

_DECIMALS = 3
"""Echoes are sent every 10 ms until the first packet of a pair, so a millisecond is precise enough."""


def start_result(deployment: Deployment) -> WorkloadResult:
    """Return the figures of a deployment's start: ``start.first``, ``.last``, ``.mean`` and ``.store``, in seconds.

    The first three are over the pairs of hosts whose containers may reach each other, and count from the overlay's
    start. ``start.store`` is the time that the store took before that; it is missing without a store. A pair without a
    first packet is named in a remark, and ``last`` and ``mean`` have then no value.
    """
    pairs = [pair for pair in deployment.first_packets if not pair.is_denied]
    times_s = tuple(round(pair.after_ns / 1e9, _DECIMALS) for pair in pairs if pair.after_ns is not None)
    silent = [f"{pair.first}-{pair.second}" for pair in pairs if pair.after_ns is None]
    is_whole = bool(times_s) and not silent
    figures = [
        Figure("start.first", min(times_s, default=None), "s"),
        Figure("start.last", max(times_s) if is_whole else None, "s"),
        Figure("start.mean", round(statistics.fmean(times_s), _DECIMALS) if is_whole else None, "s"),
    ]
    if deployment.store_ns is not None:
        figures.append(Figure("start.store", round(deployment.store_ns / 1e9, _DECIMALS), "s"))
    remarks = [f"start: no packet came through between {', '.join(silent)}"] if silent else []
    return WorkloadResult({}, tuple(figures), (Series("start", "s", times_s),), tuple(remarks))
