"""What is known of a path between two sites, as values: sites, measurements, circuits, a user's own circuits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

EARTH_RADIUS_KM = 6371.0088
"""The mean radius R₁ of the earth (IUGG)."""

Pair: TypeAlias = tuple[str, str]
"""Two canonical site codes in alphabetical order."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place where resources stand: the code that ``location`` uses, and degrees north and east of its city."""

    code: str
    city: str
    country: str
    latitude: float
    longitude: float
    aliases: tuple[str, ...] = ()

    def distance_km(self, other: Site) -> float:
        """The great-circle distance (haversine formula, on a sphere)."""
        north, other_north = math.radians(self.latitude), math.radians(other.latitude)
        east = math.radians(other.longitude - self.longitude)
        chord = math.sin((other_north - north) / 2) ** 2
        chord += math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Round-trip times between two containers through one overlay."""

    overlay: str
    min_ms: float
    mean_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Circuit:
    """The path between two sites.

    ``rtt_ms`` is the round trip of the path itself, without an overlay's or a host's share. ``low_ms`` and ``high_ms``
    are what it may as well be, where it is estimated; where it is known, they are equal to it. ``statistic`` says what
    the figure is, ``source`` where it comes from, in a sentence each.
    """

    sites: Pair
    rtt_ms: float
    low_ms: float
    high_ms: float
    estimated: bool
    statistic: str
    source: str
    measurements: tuple[Measurement, ...] = ()

    @property
    def one_way_us(self) -> float:
        """The delay in one direction, taken as half the round trip: what each end's egress gets in an emulation."""
        return self.rtt_ms * 1000 / 2


@dataclass(frozen=True)
class Circuits:
    """A user's own figures, which go before the shipped ones: sites by code, circuits by `Pair`."""

    sites: Mapping[str, Site] = field(default_factory=dict)
    circuits: Mapping[Pair, Circuit] = field(default_factory=dict)

    @cached_property
    def named_sites(self) -> Mapping[str, Site]:
        """The sites by their codes and aliases; of two sites with one name, the first."""
        named: dict[str, Site] = {}
        for site in self.sites.values():
            for name in (site.code, *site.aliases):
                named.setdefault(name, site)
        return named
