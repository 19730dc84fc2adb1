"""From two sites to the circuit between them: the user's own figure, a measured one, or an estimate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from gtsdsl.circuits.model import Circuit, Circuits, Measurement, Pair, Site
from gtsdsl.circuits.sites import canonical, site

FIBRE_US_PER_KM = 9.8
"""The round trip of light in a kilometre of fibre: 4.9 µs each way (c / 1.468, the group index of G.652 at 1550 nm)."""

DETOUR = 4
"""How many times longer than a straight fibre an unmeasured path is taken to be, repeaters and routers included.

Fibre follows roads, railways and providers' hubs, so the truth is above 1. The six measured circuits show 1.8 (AMS–BRA)
to 14.4 (BRA–LJU), and the distance does not say which: of two neighbours in length (AMS–LJU, AMS–BRA) one is 1.7 times
as slow as the other. Three are below 4 and three above. A second digit, or a curve, would be a fit to six points that a
seventh would overturn: hence one round factor, and an interval that is as wide as those six.
"""

LOCAL_RTT_MS = 0.1
"""The round trip between two resources of one site: ten kilometres of fibre, which is more than a campus has.

Equipment in one hall is a thousand times nearer (0.5 µs per 50 m), and switching costs some tens of µs, so the truth is
likely below; but a delay of zero is wrong too, for then a local link and no link at all are the same.
"""

_LOCAL_FIBRE_KM = 10.0


def find(site_a: str, site_b: str, own: Circuits | None = None) -> Circuit | None:
    """The circuit between two sites, in either order and spelling; None if a site has no known place.

    The same site twice is a short local path (`LOCAL_RTT_MS`, estimated), whether or not the site is known.
    """
    return _between(pair(site_a, site_b, own), own)


def measurement(site_a: str | None, site_b: str | None, overlay: str) -> Measurement | None:
    """What was measured between containers over an overlay between two sites; None if nothing was."""
    circuit = measured().get(pair(site_a, site_b)) if site_a and site_b else None
    found = (item for item in circuit.measurements if item.overlay == overlay) if circuit is not None else ()
    return next(iter(found), None)


def pair(site_a: str, site_b: str, own: Circuits | None = None) -> Pair:
    """Two sites as the key of their circuit."""
    first, second = sorted((canonical(site_a, own), canonical(site_b, own)))
    return first, second


def _between(sites: Pair, own: Circuits | None) -> Circuit | None:
    if own is not None and sites in own.circuits:
        return own.circuits[sites]
    if sites in measured():
        return measured()[sites]
    if sites[0] == sites[1]:
        return _local(sites)
    first, second = site(sites[0], own), site(sites[1], own)
    return _estimate(first, second) if first and second else None


@cache
def measured() -> Mapping[Pair, Circuit]:
    """The six circuits that were measured, each with all that was published of it."""
    table = json.loads(files("gtsdsl.circuits").joinpath("measured.json").read_text("utf-8"))
    circuits = {}
    for name, overlays in table["circuits"].items():
        sites = pair(*name.split("-"))
        measurements = tuple(Measurement(overlay, *figures) for overlay, figures in overlays.items())
        # Queues, virtual switches and encapsulation only ever add to a path's delay, and the overlays were measured at
        # different times: the least that any of them saw is nearest to the path's own.
        rtt_ms = min(measurement.min_ms for measurement in measurements)
        statistic = f"smallest minimum over {len(measurements)} overlays"
        circuits[sites] = Circuit(sites, rtt_ms, rtt_ms, rtt_ms, False, statistic, table["source"], measurements)
    return circuits


@cache
def measured_us_per_km() -> tuple[float, float]:
    """The least and the most round-trip time per kilometre of great circle that the measured circuits show."""
    rates = [circuit.rtt_ms * 1000 / _distance_km(sites) for sites, circuit in measured().items()]
    return min(rates), max(rates)


def _distance_km(sites: Pair) -> float:
    first, second = site(sites[0]), site(sites[1])
    if first is None or second is None:
        raise LookupError(f"measured.json names a site that sites.py does not have: {sites}")
    return first.distance_km(second)


def _estimate(first: Site, second: Site) -> Circuit:
    """A great-circle distance times fibre and detours, at least a local path; to 0.1 ms, which is already too fine."""
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
