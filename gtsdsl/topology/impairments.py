"""Topology to impairments: the delay, jitter, loss, rate and MTU of each circuit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import NO_JITTER, Jitter, Order, parse_jitter, parse_order
from gtsdsl.model.losses import NO_LOSS, Loss, parse_loss
from gtsdsl.model.shares import NO_REORDER, NO_SHARE, Reorder, Share, parse_reorder, parse_share
from gtsdsl.model.units import MTU_BYTES, each_direction, parse_bandwidth, parse_mtu_bytes, parse_switch
from gtsdsl.model.values import Value
from gtsdsl.text import printable
from gtsdsl.topology.delays import DelaySource, delays
from gtsdsl.topology.model import Topology

if TYPE_CHECKING:
    from gtsdsl.circuits import Circuits

DEFAULT_RATE_BPS = 10**9
"""The rate of a link without a bandwidth. It is finite, because no queue would build up at an infinite rate."""

MIN_QUEUE_PACKETS = 100
_MAX_QUEUE_PACKETS = 2**31 - 1

JITTERED_DUPLICATES = (
    "packets cannot both vary in delay (`jitter`) and come twice (`duplicate`) in one direction, unless they keep "
    'their order: `order = "kept"`'
)
"""Packets that overtake take two queues of netem, and the kernel lets none of several queues duplicate packets."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """The effect of one direction of a circuit on packets.

    ``rtt_us`` is the round-trip time of the circuit in microseconds; it is 0 if ``delay_source`` is ``unknown``.
    ``one_way_us`` is the delay of this direction; None is half of the round-trip time. ``order`` is that of packets
    with random delays; None lets them overtake if ``jitter`` varies the delay, and keeps it if ``added`` does.
    ``rate_bps`` is in bits per second. The shares are of all packets: those with a wrong bit (``corrupt``), those that
    come twice (``duplicate``), and those that leave at once, before those that wait for their delay (``reorder``).
    ``added`` are random delays beside the delay, in place of jitter; None adds nothing.

    ``mtu_bytes`` is the largest packet. With ``is_black_hole``, the messages are lost that tell a sender that a packet
    is too large for a later circuit. Both are the same in both directions.
    """

    rtt_us: int = 0
    delay_source: DelaySource = "unknown"
    jitter: Jitter = NO_JITTER
    loss: Loss = NO_LOSS
    rate_bps: int = DEFAULT_RATE_BPS
    one_way_us: int | None = None
    corrupt: Share = NO_SHARE
    duplicate: Share = NO_SHARE
    reorder: Reorder = NO_REORDER
    order: Order | None = None
    added: Distribution | None = None
    mtu_bytes: int = MTU_BYTES
    is_black_hole: bool = False

    @property
    def delay_us(self) -> int:
        """The one-way delay in microseconds, rounded down."""
        return self.delay_ns // 1000

    @property
    def delay_ns(self) -> int:
        """The one-way delay in nanoseconds."""
        return self.rtt_us * 500 if self.one_way_us is None else self.one_way_us * 1000

    @property
    def rtt_ms(self) -> float:
        """The round-trip time in milliseconds, without the time to send the bits."""
        return self.rtt_us / 1000

    @property
    def duplicates_jittered(self) -> bool:
        """True if packets with varying delays would come twice, which netem cannot do (`JITTERED_DUPLICATES`)."""
        overtakes = self.order == "free" if self.added is not None else self.jitter.us > 0 and self.order != "kept"
        return overtakes and self.duplicate.percent > 0

    @property
    def packet_bytes(self) -> int:
        """The size of the packets in flight, for which netem's queue has room: the MTU, but at most Ethernet's.

        Many packets are smaller than a large MTU, such as those of an overlay that does not use it.
        """
        return min(self.mtu_bytes, MTU_BYTES)

    @property
    def queue_packets(self) -> int:
        """The length of netem's queue, in packets, with which only the circuit's own queue drops packets.

        netem keeps packets in flight and waiting packets in one queue, and drops packets above its ``limit``. So the
        length is the sum of both:

        - in flight: the packets of `packet_bytes` that are sent at the rate within the longest one-way delay,
          ``rate * delay / (8 * packet)``;
        - waiting: one delay-bandwidth product, ``rate * rtt / (8 * MTU)``. With this buffer, a single TCP flow that
          halves its window after a loss keeps the circuit full (Villamizar and Song, 1994). A longer queue would only
          add delay: netem's default of 1,000 packets holds 1.2 s of traffic at 10 Mbit/s. The least is
          `MIN_QUEUE_PACKETS`, a few of TCP's initial windows (10 packets, RFC 6928), as in each real interface.
        """
        most_us = self.jitter.most_us if self.added is None else self.added.most_us
        in_flight = -(-self.rate_bps * (self.delay_ns + round(1000 * most_us)) // (8 * self.packet_bytes * 10**9))
        waiting = -(-self.rate_bps * self.rtt_us // (8 * self.mtu_bytes * 10**6))
        return min(in_flight + max(waiting, MIN_QUEUE_PACKETS), _MAX_QUEUE_PACKETS)


Directions: TypeAlias = tuple[Impairment, Impairment]
"""The impairment from a wire's first end to its second, and that of the way back."""


def size_text(effect: Impairment) -> str:
    """Return a circuit's MTU and whether it is a black hole, for a person; empty for an ordinary circuit."""
    parts = [f"MTU {effect.mtu_bytes}"] if effect.mtu_bytes != MTU_BYTES else []
    return ", ".join([*parts, "black hole"] if effect.is_black_hole else parts)


def impairments(topology: Topology, custom: Circuits | None = None) -> dict[str, Directions]:
    """Return the impairments of both directions of each wire, by the link's id, in the order of the file.

    The delay is the link's ``delay``, else half the round-trip time of the circuit between the sites of its ends.
    ``custom`` are the user's own circuits, which take precedence over the known ones.

    Raises:
        ValueError: a link's delay, jitter, loss, bandwidth or MTU is wrong; the message names the link.
    """
    found = {}
    for wire in topology.wires:
        sites = topology.nodes[wire.first.resource].location, topology.nodes[wire.second.resource].location
        try:
            found[wire.link.id] = _directions(wire.link.attributes, sites, custom)
        except ValueError as error:
            raise ValueError(f"link `{printable(wire.link.id)}`: {error}") from None
    return found


def _directions(
    attributes: Mapping[str, Value], sites: tuple[str | None, str | None], custom: Circuits | None
) -> Directions:
    delay = delays(attributes, sites, custom)
    jitters = each_direction(parse_jitter, attributes.get("jitter", "0us"))
    losses = each_direction(parse_loss, attributes.get("loss", "0%"))
    corrupt, duplicate = (each_direction(parse_share, attributes.get(name, "0%")) for name in ("corrupt", "duplicate"))
    reorder = each_direction(parse_reorder, attributes.get("reorder", "0%"))
    usual = None if custom is None else custom.order
    orders = each_direction(parse_order, attributes["order"]) if "order" in attributes else (usual, usual)
    rates_bps = each_direction(parse_bandwidth, attributes.get("bandwidth", DEFAULT_RATE_BPS // 10**6))
    mtu_bytes, is_black_hole = _sizes(attributes, sites, custom)
    there, back = (
        Impairment(
            rtt_us=delay.rtt_us,
            delay_source=delay.source,
            jitter=jitters[way] if delay.added[way] is None else NO_JITTER,
            loss=losses[way],
            rate_bps=rates_bps[way],
            one_way_us=delay.of(way),
            corrupt=corrupt[way],
            duplicate=duplicate[way],
            reorder=reorder[way],
            order=orders[way],
            mtu_bytes=mtu_bytes,
            is_black_hole=is_black_hole,
            added=delay.added[way],
        )
        for way in (0, 1)
    )
    if there.duplicates_jittered or back.duplicates_jittered:
        raise ValueError(JITTERED_DUPLICATES)
    return there, back


def _sizes(
    attributes: Mapping[str, Value], sites: tuple[str | None, str | None], custom: Circuits | None
) -> tuple[int, bool]:
    """Return the MTU of a circuit, and whether it is a black hole: the link's own, else those between its sites."""
    from gtsdsl.circuits import pair

    mtu_bytes, is_black_hole = MTU_BYTES, False
    if custom is not None and (custom.mtu_bytes or custom.black_holes) and all(sites):
        between = pair(sites[0] or "", sites[1] or "", custom)
        mtu_bytes = custom.mtu_bytes.get(between, MTU_BYTES)
        is_black_hole = between in custom.black_holes
    return (
        parse_mtu_bytes(attributes["mtu"]) if "mtu" in attributes else mtu_bytes,
        parse_switch(attributes["black_hole"]) if "black_hole" in attributes else is_black_hole,
    )
