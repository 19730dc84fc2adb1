"""What an interface does to the packets that leave it: netem with delay, jitter, loss, rate, queue and seed; drops."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from emulator.netlink.connection import Netlink
from emulator.netlink.messages import PUT, Request, attribute, attributes, s64, text
from gtsdsl.topology.impairments import MIN_QUEUE_PACKETS, PACKET_BYTES

_RTM_NEWQDISC, _RTM_DELQDISC, _RTM_GETQDISC = 36, 37, 38
_TCA_KIND, _TCA_OPTIONS, _TCA_STATS = 1, 2, 3
_TCA_NETEM_RATE, _TCA_NETEM_RATE64, _TCA_NETEM_LATENCY64, _TCA_NETEM_JITTER64 = 6, 8, 10, 11
_TCA_NETEM_PRNG_SEED = 14
_TC_H_ROOT = 0xFFFFFFFF
_TCMSG = struct.Struct("=BxxxiIII")
_QOPT = struct.Struct("=IIIIII")
_RATE = struct.Struct("=IiIi")
_DROPS = struct.Struct("=12xI")
"""In ``struct tc_stats``, behind the bytes and packets that were sent."""
_U32_MAX, _U64_MAX = 2**32 - 1, 2**64 - 1
_MANY = 2**31 - 1

_ONE_STAGE, _RATE_STAGE, _DELAY_STAGE = 1 << 16, 2 << 16, 3 << 16
"""Handles. One stage and two stages differ in the root's handle, so that the kernel replaces one by the other whole."""
_BELOW_RATE_STAGE = _RATE_STAGE | 1


@dataclass(frozen=True, slots=True)
class Netem:
    """Netem's parameters: what an interface does to the packets that leave it.

    ``delay_ns`` is the delay of each packet. ``jitter_ns`` is the most that a delay differs from it,
    to either side, evenly spread.
    ``queue_packets`` is the most packets that netem holds: those in flight and those that wait for the rate
    (`Impairment.queue_packets`). A ``rate_bps`` of 0 is no limit. The ``seed`` makes jitter and loss the same in every
    run; kernels before 6.6 ignore it.
    """

    delay_ns: int
    jitter_ns: int
    loss_percent: float
    rate_bps: int
    queue_packets: int
    seed: int


def set_netem(index: int, name: str, netem: Netem) -> list[Request]:
    """Return the requests that put netem at an interface's egress, or change it.

    netem with a rate keeps packets in order (``netem_enqueue`` counts each delay from the packet before), so that
    jitter would only ever add delay. With a rate and jitter there are therefore two stages: the first loses packets and
    sends at the rate, the second delays each packet by itself, and packets overtake each other there.
    """
    if not netem.jitter_ns or not netem.rate_bps:
        return [_netem(index, name, netem, _ONE_STAGE, _TC_H_ROOT)]
    bits_per_packet = 8 * PACKET_BYTES
    in_flight = -(-netem.rate_bps * (netem.delay_ns + netem.jitter_ns) // (bits_per_packet * 10**9))
    waiting = max(netem.queue_packets - in_flight, min(netem.queue_packets, MIN_QUEUE_PACKETS))
    first = replace(netem, delay_ns=0, jitter_ns=0, queue_packets=waiting)
    # what the first stage lets through is on its way: nothing of it is dropped. The seeds differ, because a packet's
    # jitter must not follow from the number that decided on the loss of another
    second = replace(netem, loss_percent=0.0, rate_bps=0, queue_packets=_MANY, seed=netem.seed ^ _U64_MAX)
    return [
        _netem(index, name, first, _RATE_STAGE, _TC_H_ROOT),
        _netem(index, name, second, _DELAY_STAGE, _BELOW_RATE_STAGE),
    ]


def _netem(index: int, name: str, netem: Netem, handle: int, parent: int) -> Request:
    loss = min(_U32_MAX, round(netem.loss_percent / 100 * 2**32))
    rate_bytes = netem.rate_bps // 8
    # the old fields for delay and jitter are in ticks of 64 ns, and end at 275 s: the 64-bit attributes overrule them
    options = [
        _QOPT.pack(0, netem.queue_packets, loss, 0, 0, 0),
        s64(_TCA_NETEM_LATENCY64, netem.delay_ns),
        s64(_TCA_NETEM_JITTER64, netem.jitter_ns),
        attribute(_TCA_NETEM_PRNG_SEED, struct.pack("=Q", netem.seed)),
    ]
    if rate_bytes:
        options.append(attribute(_TCA_NETEM_RATE, _RATE.pack(min(rate_bytes, _U32_MAX), 0, 0, 0)))
        if rate_bytes > _U32_MAX:
            options.append(attribute(_TCA_NETEM_RATE64, struct.pack("=Q", rate_bytes)))
    body = _TCMSG.pack(0, index, handle, parent, 0) + text(_TCA_KIND, "netem")
    return Request(_RTM_NEWQDISC, PUT, body + attribute(_TCA_OPTIONS, b"".join(options)), f"{name}, netem")


def remove(index: int, name: str) -> Request:
    """Take away what stands at an interface's egress."""
    return Request(_RTM_DELQDISC, 0, _TCMSG.pack(0, index, 0, _TC_H_ROOT, 0), f"{name}, qdisc")


def dropped() -> dict[int, int]:
    """Return how many packets each interface of this namespace has dropped at its egress, by the interface's index.

    Of several qdiscs in a row, a packet that an inner one drops may be counted by each: the largest count holds.

    Raises:
        NetlinkError: the kernel refuses to answer.
    """
    found: dict[int, int] = {}
    with Netlink() as netlink:
        answers = netlink.get(Request(_RTM_GETQDISC, 0, _TCMSG.pack(0, 0, 0, 0, 0), "the list of qdiscs"))
    for _, body in answers:
        _, index, *_ = _TCMSG.unpack_from(body)
        if (stats := dict(attributes(body, _TCMSG.size)).get(_TCA_STATS)) is not None:
            found[index] = max(found.get(index, 0), *_DROPS.unpack_from(stats))
    return found
