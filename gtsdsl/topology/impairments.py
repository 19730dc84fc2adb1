"""Topology to impairments: the delay, jitter, loss and rate of each circuit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gtsdsl.model.units import parse_bandwidth, parse_duration_us, parse_loss
from gtsdsl.model.values import Value
from gtsdsl.text import printable
from gtsdsl.topology.model import Topology

if TYPE_CHECKING:
    from gtsdsl.circuits import Circuits

DEFAULT_RATE_BPS = 10**9
"""The rate of a link without a bandwidth. It is finite, because no queue would build up at an infinite rate."""

PACKET_BYTES = 1500
MIN_QUEUE_PACKETS = 100
_MAX_QUEUE_PACKETS = 2**31 - 1

DelaySource: TypeAlias = Literal["link", "given", "measured", "estimated", "unknown"]
"""The origin of a delay: the link's attribute, the user's own circuit, a measured or an estimated one, or none."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """The effect of one direction of a circuit on packets; both directions have the same effect.

    ``rtt_us`` is the round-trip time in microseconds, of which each direction takes half; it is 0 if ``delay_source``
    is ``unknown``. ``jitter_us`` is netem's jitter. ``loss_percent`` is from 0 to 100. ``rate_bps`` is in bits per
    second.
    """

    rtt_us: int = 0
    delay_source: DelaySource = "unknown"
    jitter_us: int = 0
    loss_percent: float = 0.0
    rate_bps: int = DEFAULT_RATE_BPS

    @property
    def delay_us(self) -> int:
        """The one-way delay in microseconds, rounded down: half the round-trip time."""
        return self.rtt_us // 2

    @property
    def delay_ns(self) -> int:
        """The one-way delay in nanoseconds: exactly half the round-trip time."""
        return self.rtt_us * 500

    @property
    def rtt_ms(self) -> float:
        """The round-trip time in milliseconds, without the time to send the bits."""
        return self.rtt_us / 1000

    @property
    def queue_packets(self) -> int:
        """The length of netem's queue, in packets, with which only the circuit's own queue drops packets.

        netem keeps packets in flight and waiting packets in one queue, and drops packets above its ``limit``. So the
        length is the sum of both:

        - in flight: the full-sized packets that are sent at the rate within the one-way delay and the jitter,
          ``rate * (rtt / 2 + jitter) / (8 * 1500)``;
        - waiting: one delay-bandwidth product, ``rate * rtt / (8 * 1500)``. With this buffer, a single TCP flow that
          halves its window after a loss keeps the circuit full (Villamizar and Song, 1994). A longer queue would only
          add delay: netem's default of 1,000 packets holds 1.2 s of traffic at 10 Mbit/s. The least is
          `MIN_QUEUE_PACKETS`, a few of TCP's initial windows (10 packets, RFC 6928), as in each real interface.
        """
        bits_per_packet = 8 * PACKET_BYTES * 1_000_000
        in_flight = -(-self.rate_bps * (self.rtt_us + 2 * self.jitter_us) // (2 * bits_per_packet))
        waiting = -(-self.rate_bps * self.rtt_us // bits_per_packet)
        return min(in_flight + max(waiting, MIN_QUEUE_PACKETS), _MAX_QUEUE_PACKETS)


def impairments(topology: Topology, custom: Circuits | None = None) -> dict[str, Impairment]:
    """Return the impairment of each wire, by the link's id, in the order of the file.

    The delay is the link's ``delay``, else half the round-trip time of the circuit between the sites of its ends.
    ``custom`` are the user's own circuits, which take precedence over the known ones.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth is wrong; the message names the link.
    """
    found = {}
    for wire in topology.wires:
        sites = topology.nodes[wire.first.resource].location, topology.nodes[wire.second.resource].location
        try:
            found[wire.link.id] = _impairment(wire.link.attributes, sites, custom)
        except ValueError as error:
            raise ValueError(f"link `{printable(wire.link.id)}`: {error}") from None
    return found


def _impairment(
    attributes: Mapping[str, Value], sites: tuple[str | None, str | None], custom: Circuits | None
) -> Impairment:
    source: DelaySource = "link"
    if "delay" in attributes:
        rtt_us = 2 * parse_duration_us(attributes["delay"])
    else:
        rtt_us, source = _circuit_rtt(*sites, custom)
    return Impairment(
        rtt_us=rtt_us,
        delay_source=source,
        jitter_us=parse_duration_us(attributes["jitter"]) if "jitter" in attributes else 0,
        loss_percent=parse_loss(attributes["loss"]) if "loss" in attributes else 0.0,
        rate_bps=parse_bandwidth(attributes["bandwidth"]) if "bandwidth" in attributes else DEFAULT_RATE_BPS,
    )


def _circuit_rtt(site_a: str | None, site_b: str | None, custom: Circuits | None) -> tuple[int, DelaySource]:
    from gtsdsl.circuits import find

    circuit = find(site_a, site_b, custom) if site_a and site_b else None
    if circuit is None:
        return 0, "unknown"
    known: DelaySource = "measured" if circuit.measurements else "given"
    return round(circuit.rtt_ms * 1000), "estimated" if circuit.estimated else known
