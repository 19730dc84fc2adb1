"""The circuit between two sites: the user's own, a measured one, or an estimate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gtsdsl.circuits.model import Circuit, Circuits, Measurement, Pair, Site
from gtsdsl.circuits.sites import canonical, site

FIBRE_US_PER_KM = 9.8
"""The round trip of light in a kilometre of fibre: 4.9 µs each way (c / 1.468, the group index of G.652 at 1550 nm)."""

DETOUR = 4
"""The assumed ratio of an unmeasured path's delay to that of a straight fibre, repeaters and routers included.

Fibre follows roads, railways and providers' hubs, so the ratio is above 1. The six measured circuits have ratios from
1.8 (AMS–BRA) to 14.4 (BRA–LJU), three below 4 and three above. The distance does not determine the ratio: of two
circuits of nearly the same length (AMS–LJU, AMS–BRA), one is 1.7 times as slow as the other. A second digit, or a
curve, would fit six points, and a seventh would refute it. So the factor is one round number, and the interval of an
estimate is as wide as that of the six.
"""

LOCAL_RTT_MS = 0.1
"""The round-trip time between two resources of one site: that of ten kilometres of fibre, more than a campus has.

The real time is probably lower: fibre within a hall takes 0.5 µs per 50 m, and switching some tens of µs. But a delay
of zero would be wrong too, because a local link would then be the same as no link.
"""

_LOCAL_FIBRE_KM = 10.0


def find(site_a: str, site_b: str, custom: Circuits | None = None) -> Circuit | None:
    """Return the circuit between two sites, in any order and spelling; None if the coordinates of a site are unknown.

    Two equal sites, known or not, have an estimated local path (`LOCAL_RTT_MS`). ``custom`` are the user's own
    circuits.
    """
    return _between(pair(site_a, site_b, custom), custom)


def measurement(site_a: str | None, site_b: str | None, overlay: str) -> Measurement | None:
    """Return the published measurement of an overlay between two sites; None if none was published."""
    circuit = measured().get(pair(site_a, site_b)) if site_a and site_b else None
    found = (item for item in circuit.measurements if item.overlay == overlay) if circuit is not None else ()
    return next(iter(found), None)


def pair(site_a: str, site_b: str, custom: Circuits | None = None) -> Pair:
    """Return the key of the circuit between two sites."""
    first, second = sorted((canonical(site_a, custom), canonical(site_b, custom)))
    return first, second


def _between(sites: Pair, custom: Circuits | None) -> Circuit | None:
    if custom is not None and sites in custom.circuits:
        return custom.circuits[sites]
    if sites in measured():
        return measured()[sites]
    if sites[0] == sites[1]:
        return _local(sites)
    first, second = site(sites[0], custom), site(sites[1], custom)
    return _estimate(first, second) if first and second else None


@cache
def measured() -> Mapping[Pair, Circuit]:
    """Return the six measured circuits, each with all published figures."""
    table = json.loads(Path(__file__).with_name("measured.json").read_text("utf-8"))
    circuits = {}
    for name, overlays in table["circuits"].items():
        sites = pair(*name.split("-"))
        measurements = tuple(Measurement(overlay, *figures) for overlay, figures in overlays.items())
        # Queues, virtual switches and encapsulation only ever add to a path's delay, and the overlays were measured at
        # different times. So the least figure of all overlays is nearest to the delay of the path itself.
        rtt_ms = min(measurement.min_ms for measurement in measurements)
        statistic = f"smallest minimum over {len(measurements)} overlays"
        circuits[sites] = Circuit(sites, rtt_ms, rtt_ms, rtt_ms, False, statistic, table["source"], measurements)
    return circuits


@cache
def measured_us_per_km() -> tuple[float, float]:
    """Return the least and the most round-trip time of the measured circuits, in µs per km of great circle."""
    rates = [circuit.rtt_ms * 1000 / _distance_km(sites) for sites, circuit in measured().items()]
    return min(rates), max(rates)


def _distance_km(sites: Pair) -> float:
    first, second = site(sites[0]), site(sites[1])
    if first is None or second is None:
        raise LookupError(f"measured.json names a site that sites.py does not have: {sites}")
    return first.distance_km(second)


def _estimate(first: Site, second: Site) -> Circuit:
    """Return a circuit with the delay of fibre along the great circle times `DETOUR`, at least that of a local path.

    The figure is rounded to 0.1 ms, which is already finer than the estimate.
    """
    sites = (first.code, second.code)
    distance_km = first.distance_km(second)
    rtt_ms = round(distance_km * FIBRE_US_PER_KM * DETOUR / 1000, 1)
    if rtt_ms <= LOCAL_RTT_MS:
        return _local(sites)
    least, most = measured_us_per_km()
    return Circuit(
        sites,
        rtt_ms,
        round(distance_km * least / 1000, 1),
        round(distance_km * most / 1000, 1),
        estimated=True,
        statistic=f"great-circle distance of {distance_km:.0f} km at {FIBRE_US_PER_KM * DETOUR:.1f} µs per km",
        source=f"fibre, {FIBRE_US_PER_KM} µs of round trip per km, times {DETOUR} for detours; "
        f"the interval is that of the measured circuits, {math.floor(least)} to {math.ceil(most)} µs per km",
    )


def _local(sites: Pair) -> Circuit:
    _, most = measured_us_per_km()
    return Circuit(
        sites,
        LOCAL_RTT_MS,
        0.0,
        round(_LOCAL_FIBRE_KM * most / 1000, 1),
        estimated=True,
        statistic="a local path",
        source=f"at most {_LOCAL_FIBRE_KM:.0f} km of fibre, {FIBRE_US_PER_KM} µs of round trip per km",
    )
