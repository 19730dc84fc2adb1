"""Sites, circuits and measurements as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from gtsdsl.circuits.samples import MeasuredDelays
from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import Order

EARTH_RADIUS_KM = 6371.0088
"""The mean radius R₁ of the earth (IUGG)."""

Pair: TypeAlias = tuple[str, str]
"""Two canonical site codes in alphabetical order."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place where resources are.

    ``code`` and ``aliases`` are the texts that a resource's ``location`` can have. ``latitude`` and ``longitude`` are
    those of the city, in degrees north and east.
    """

    code: str
    city: str
    country: str
    latitude: float
    longitude: float
    aliases: tuple[str, ...] = ()

    def distance_km(self, other: Site) -> float:
        """Return the great-circle distance in kilometres (haversine formula, on a sphere)."""
        north, other_north = math.radians(self.latitude), math.radians(other.latitude)
        east = math.radians(other.longitude - self.longitude)
        chord = math.sin((other_north - north) / 2) ** 2
        chord += math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
        return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Round-trip times between two containers over one overlay: the least, the mean and the 99th percentile."""

    overlay: str
    min_ms: float
    mean_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Circuit:
    """The path between two sites.

    ``rtt_ms`` is the round-trip time of the path alone, without the delay that an overlay or a host adds. ``low_ms``
    and ``high_ms`` are the bounds of an estimate; otherwise they equal ``rtt_ms``. ``statistic`` names the figure,
    such as a minimum, and ``source`` its origin. ``measurements`` are those over overlays, if there are any. ``added``
    are random delays that a round trip has beside ``rtt_ms``; None if it has none.
    """

    sites: Pair
    rtt_ms: float
    low_ms: float
    high_ms: float
    estimated: bool
    statistic: str
    source: str
    measurements: tuple[Measurement, ...] = ()
    added: Distribution | None = None

    @property
    def one_way_us(self) -> float:
        """The one-way delay in microseconds: half the round-trip time."""
        return self.rtt_ms * 1000 / 2


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of an environment on all circuits, beside their own delays, losses and rates.

    ``added`` are random delays of a round trip; None adds none, and a circuit with its own keeps those. Each direction
    loses ``loss_percent`` of the packets, and keeps ``rate_share`` of its rate, which is above 0 and at most 1.
    """

    added: Distribution | None = None
    loss_percent: float = 0.0
    rate_share: float = 1.0


NO_EFFECT = Effect()


@dataclass(frozen=True)
class Circuits:
    """A user's own sites by code, and circuits by `Pair`; they take precedence over the shipped ones.

    ``one_way_us`` has the one-way delays in microseconds from one site to another, by their canonical codes. They take
    precedence over the circuits. A pair of sites has both directions, or none.

    ``mtu_bytes`` has the MTU of all circuits between two sites whose links state none. ``black_holes`` are the pairs of
    sites between which circuits are black holes, unless their links say otherwise.
    """

    sites: Mapping[str, Site] = field(default_factory=dict)
    circuits: Mapping[Pair, Circuit] = field(default_factory=dict)
    every: Effect = NO_EFFECT
    """The effect on all circuits of a topology, those without sites too."""
    description: str = ""
    sources: tuple[str, ...] = ()
    """The sources of the figures, with dates."""
    one_way_us: Mapping[tuple[str, str], int] = field(default_factory=dict)
    mtu_bytes: Mapping[Pair, int] = field(default_factory=dict)
    black_holes: frozenset[Pair] = frozenset()
    sampled: Mapping[tuple[str, str], MeasuredDelays] = field(default_factory=dict)
    """Measured delays from one site to another, by their canonical codes. A direction may have the other's."""
    every_sampled: MeasuredDelays | None = None
    """Measured delays of all circuits for which nothing else is given."""
    order: Order | None = None
    """The order of packets with random delays, on circuits whose link states none; None is the default of each."""

    @cached_property
    def named_sites(self) -> Mapping[str, Site]:
        """The sites by code and alias; of two sites with the same name, the first."""
        named: dict[str, Site] = {}
        for site in self.sites.values():
            for name in (site.code, *site.aliases):
                named.setdefault(name, site)
        return named
