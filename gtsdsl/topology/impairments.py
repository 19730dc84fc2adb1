"""Testbed to what each circuit does to packets: delay, jitter, loss and rate, the same in both directions."""

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
"""The rate of a link that states no bandwidth: every interface has a finite one, or no queue would ever build up."""

PACKET_BYTES = 1500
MIN_QUEUE_PACKETS = 100
_MAX_QUEUE_PACKETS = 2**31 - 1

DelaySource: TypeAlias = Literal["link", "given", "measured", "estimated", "unknown"]
"""Where a delay comes from: the link's attribute, the user's, a known or an estimated circuit, or nowhere."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What one direction of a circuit does to packets; the other direction does the same.

    ``rtt_us`` is the round trip, of which each direction takes half; 0 where ``delay_source`` is ``unknown``.
    ``jitter_us`` is what netem takes as jitter. ``loss_percent`` goes from 0 to 100. ``rate_bps`` is in bits a second.
    """

    rtt_us: int = 0
    delay_source: DelaySource = "unknown"
    jitter_us: int = 0
    loss_percent: float = 0.0
    rate_bps: int = DEFAULT_RATE_BPS

    @property
    def delay_us(self) -> int:
        """One way, half the round trip, to the microsecond below."""
        return self.rtt_us // 2

    @property
    def delay_ns(self) -> int:
        """One way, half the round trip, exactly."""
        return self.rtt_us * 500

    @property
    def rtt_ms(self) -> float:
        """The round trip over the circuit in milliseconds, without the time to send the bits."""
        return self.rtt_us / 1000

    @property
    def queue_packets(self) -> int:
        """How many packets an interface must hold so that the queue is the circuit's and not the emulator's.

        netem keeps packets in flight in the same queue as those that wait, and drops at ``limit``; so it counts both:

        - in flight: what the rate puts on the way within the delay of one direction and the jitter, in full-sized
          packets: ``rate * (rtt / 2 + jitter) / (8 * 1500)``;
        - waiting: one delay-bandwidth product, ``rate * rtt / (8 * 1500)``, the buffer with which a single TCP flow
          that halves its window after a loss keeps the circuit full (Villamizar and Song, 1994). More would only add
          delay; a circuit of 10 Mbit/s with netem's default of 1,000 packets holds 1.2 s of them. It is never under
          `MIN_QUEUE_PACKETS`, a few of TCP's initial windows (10 packets, RFC 6928), as every real interface has.
        """
        bits_per_packet = 8 * PACKET_BYTES * 1_000_000
        in_flight = -(-self.rate_bps * (self.rtt_us + 2 * self.jitter_us) // (2 * bits_per_packet))
        waiting = -(-self.rate_bps * self.rtt_us // bits_per_packet)
        return min(in_flight + max(waiting, MIN_QUEUE_PACKETS), _MAX_QUEUE_PACKETS)


def impairments(topology: Topology, own: Circuits | None = None) -> dict[str, Impairment]:
    """The impairment of each link that joins two resources, by the link's (flattened) id, in the order of the file.

    The delay is the link's own ``delay``, or else half the round trip of the circuit between the sites of its ends;
    ``own`` are the user's circuits, which go before the known ones.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth is wrong; the sentence names the link.
    """
    found = {}
    for wire in topology.wires:
        sites = topology.nodes[wire.first.resource].location, topology.nodes[wire.second.resource].location
        try:
            found[wire.link.id] = _impairment(wire.link.attributes, sites, own)
        except ValueError as error:
            raise ValueError(f"link `{printable(wire.link.id)}`: {error}") from None
    return found


def _impairment(
    attributes: Mapping[str, Value], sites: tuple[str | None, str | None], own: Circuits | None
) -> Impairment:
    source: DelaySource = "link"
    if "delay" in attributes:
        rtt_us = 2 * parse_duration_us(attributes["delay"])
    else:
        rtt_us, source = _circuit_rtt(*sites, own)
    return Impairment(
        rtt_us=rtt_us,
        delay_source=source,
        jitter_us=parse_duration_us(attributes["jitter"]) if "jitter" in attributes else 0,
        loss_percent=parse_loss(attributes["loss"]) if "loss" in attributes else 0.0,
        rate_bps=parse_bandwidth(attributes["bandwidth"]) if "bandwidth" in attributes else DEFAULT_RATE_BPS,
    )


def _circuit_rtt(site_a: str | None, site_b: str | None, own: Circuits | None) -> tuple[int, DelaySource]:
    from gtsdsl.circuits import find

    circuit = find(site_a, site_b, own) if site_a and site_b else None
    if circuit is None:
        return 0, "unknown"
    known: DelaySource = "measured" if circuit.measurements else "given"
    return round(circuit.rtt_ms * 1000), "estimated" if circuit.estimated else known
