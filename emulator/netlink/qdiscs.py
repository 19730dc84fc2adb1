"""Egress of an interface: netem with delay, jitter, loss, rate and seed; servers; the count of dropped packets."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from emulator.netlink.connection import Netlink
from emulator.netlink.messages import PUT, KernelRequest, attribute, attributes, nested, s64, text
from emulator.netlink.tables import drawn, shape_table
from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import Jitter, Order, Shape
from gtsdsl.model.losses import NO_LOSS, Bursts, Loss
from gtsdsl.model.shares import NO_REORDER, NO_SHARE, Reorder, Share
from gtsdsl.model.units import MAX_RATE_BPS, MTU_BYTES
from gtsdsl.topology.impairments import MIN_QUEUE_PACKETS

_RTM_NEWQDISC, _RTM_DELQDISC, _RTM_GETQDISC = 36, 37, 38
_TCA_KIND, _TCA_OPTIONS, _TCA_STATS = 1, 2, 3
_TCA_NETEM_RATE, _TCA_NETEM_RATE64, _TCA_NETEM_LATENCY64, _TCA_NETEM_JITTER64 = 6, 8, 10, 11
_TCA_NETEM_DELAY_DIST, _TCA_NETEM_SLOT, _TCA_NETEM_PRNG_SEED = 2, 12, 14
_TCA_NETEM_CORR, _TCA_NETEM_REORDER, _TCA_NETEM_CORRUPT, _TCA_NETEM_LOSS = 1, 3, 4, 5
_NETEM_LOSS_GE = 2
_TC_H_ROOT = 0xFFFFFFFF
_TCMSG = struct.Struct("=BxxxiIII")
_QOPT = struct.Struct("=IIIIII")
_RATE = struct.Struct("=IiIi")
_SLOT = struct.Struct("=qqiiqq")
_DROPS = struct.Struct("=12xI")
"""The count of drops in ``struct tc_stats``, which follows the bytes and packets that were sent."""
_ETHERNET_BYTES = 14
_U32_MAX, _U64_MAX = 2**32 - 1, 2**64 - 1
_MANY = 2**31 - 1

_LEAST_BYTE_NS = 1e-4
"""The least time that a server takes for a byte: 7 ns for 64 KB."""
_TCA_STAB, _TCA_STAB_BASE, _TCA_STAB_DATA, _SIZES = 8, 1, 2, struct.Struct("=BBhiIIII")
_TCA_TBF_PARMS, _TCA_TBF_RATE64, _TCA_TBF_BURST = 1, 4, 6
_RATE_SPEC = struct.Struct("=BBHhHI")
_LINKLAYER_ETHERNET = 1
_LARGEST_PACKET_BYTES = 2**16 + _ETHERNET_BYTES
"""A packet with many segments of TCP, as large as IP allows, in its frame."""
_CELL_BITS, _LARGEST_SIZE = 4, 2**16 - 1
"""An entry of a size table is for packets of 16 sizes, and is at most this."""

_ONE_STAGE, _RATE_STAGE, _DELAY_STAGE, _WITH_TABLE = 1 << 16, 2 << 16, 4 << 16, 8 << 16
"""Handles of qdiscs: the root of one stage and that of two differ, so that the kernel replaces one by the other.

A qdisc with a table has another handle than one without, because a change of a qdisc cannot take its table away.
"""
_BELOW_RATE_STAGE = _RATE_STAGE | 1


@dataclass(frozen=True, slots=True)
class Netem:
    """Netem's parameters: what an interface does to the packets that leave it.

    ``delay_ns`` is the delay of each packet. ``jitter_ns`` is how much a delay differs from it, to either side: the
    most that it differs if ``jitter_shape`` is uniform, and the scale of the other shapes. The random number of a
    packet depends by ``jitter_correlation_percent`` on that of the packet before.
    A share of the packets gets a wrong bit (``corrupt``), goes twice (``duplicate``), or leaves at once (``reorder``),
    before those that wait for their delay.
    ``queue_packets`` is the most packets that netem holds: those in flight and those that wait for the rate
    (`Impairment.queue_packets`). A ``rate_bps`` of 0 is no limit. The ``seed`` makes jitter and loss the same in every
    run; kernels before 6.6 ignore it.

    ``added`` are random delays that are added to ``delay_ns``, in place of ``jitter_ns``; None adds nothing.
    ``order`` is that of packets with random delays: if it is kept, a packet that would overtake leaves behind the one
    before. None keeps it for ``added``, and not for ``jitter_ns``.
    """

    delay_ns: int
    jitter_ns: int
    loss: Loss
    rate_bps: int
    queue_packets: int
    seed: int
    added: Distribution | None = None
    corrupt: Share = NO_SHARE
    duplicate: Share = NO_SHARE
    reorder: Reorder = NO_REORDER
    jitter_shape: Shape = "uniform"
    jitter_correlation_percent: float = 0.0
    order: Order | None = None
    packet_bytes: int = MTU_BYTES
    """The size of the packets in flight (`Impairment.packet_bytes`)."""

    @property
    def jitter(self) -> Jitter:
        """The jitter, in microseconds."""
        return Jitter(self.jitter_ns // 1000, self.jitter_correlation_percent, self.jitter_shape)

    @property
    def longest_ns(self) -> int:
        """The longest delay of a packet."""
        most_us = self.jitter.most_us if self.added is None else self.added.most_us
        return self.delay_ns + round(1000 * most_us)

    @property
    def overtakes(self) -> bool:
        """True if delays are random and a packet may overtake another."""
        if self.added is not None:
            return self.order == "free"
        return self.jitter_ns > 0 and self.order != "kept"


def set_netem(index: int, name: str, netem: Netem) -> list[KernelRequest]:
    """Return the requests that put netem at an interface's egress, or change it.

    netem with a rate keeps packets in order (``netem_enqueue`` counts each delay from the packet before), so that
    jitter would only ever add delay. With a rate and packets that may overtake, there are therefore two stages: the
    first loses packets and sends at the rate, the second delays each packet by itself, and packets overtake each other
    there.
    """
    if not netem.overtakes or not netem.rate_bps:
        return [_netem(index, name, netem, _ONE_STAGE, _TC_H_ROOT)]
    waiting = _waiting_packets(netem)
    first = replace(netem, delay_ns=0, jitter_ns=0, added=None, reorder=NO_REORDER, queue_packets=waiting)
    # the second stage drops nothing, because its packets are on their way. The seeds differ, so that a packet's jitter
    # does not follow from the random number that decided about another packet's loss
    second = replace(netem, loss=NO_LOSS, corrupt=NO_SHARE, rate_bps=0, queue_packets=_MANY, seed=netem.seed ^ _U64_MAX)
    return [
        _netem(index, name, first, _RATE_STAGE, _TC_H_ROOT),
        _netem(index, name, second, _DELAY_STAGE, _BELOW_RATE_STAGE),
    ]


@dataclass(frozen=True, slots=True)
class Slot:
    """An opportunity to deliver packets: ``packets`` full ones leave at once, and the next ones ``interval_ns`` later.

    Smaller packets count by their bytes.
    """

    interval_ns: int
    packets: int


_NO_RATE = attribute(_TCA_NETEM_RATE, _RATE.pack(0, 0, 0, 0))
_NO_SLOT = Slot(0, 0)


def set_netem_for_trace(index: int, name: str, netem: Netem, slot: Slot | None) -> list[KernelRequest]:
    """Return the requests that put netem in two stages at an interface's egress, or change both.

    The first stage holds the packets that wait, and sends them at the rate or, with a ``slot``, by slots: each request
    of `set_slot` opens one. A packet that waits obeys a slot when it leaves; netem's rate would have decided on its
    time when it came. The second stage delays and loses.
    """
    # with a rate, netem keeps the order of packets when the delay becomes shorter; this rate delays nothing
    rate_bps = 0 if netem.overtakes else MAX_RATE_BPS
    second = replace(netem, rate_bps=rate_bps, queue_packets=_MANY)
    return [
        set_slot(index, name, netem, slot),
        _netem(index, name, second, _DELAY_STAGE, _BELOW_RATE_STAGE),
    ]


def set_slot(index: int, name: str, netem: Netem, slot: Slot | None) -> KernelRequest:
    """Return the request that opens a slot now in the first stage of `set_netem_for_trace`; None is the rate again."""
    first = Netem(0, 0, Loss(), 0 if slot is not None else netem.rate_bps, _waiting_packets(netem), netem.seed)
    slot = slot or _NO_SLOT
    payload_bytes = slot.packets * (MTU_BYTES + _ETHERNET_BYTES)
    packed = _SLOT.pack(slot.interval_ns, slot.interval_ns, 0, min(payload_bytes, _MANY), 0, 0)
    return _netem(index, name, first, _RATE_STAGE, _TC_H_ROOT, _NO_RATE, attribute(_TCA_NETEM_SLOT, packed))


def _waiting_packets(netem: Netem) -> int:
    """Return how many of the packets of netem's queue wait for the rate; the others are in flight."""
    in_flight = -(-netem.rate_bps * netem.longest_ns // (8 * netem.packet_bytes * 10**9))
    return max(netem.queue_packets - in_flight, min(netem.queue_packets, MIN_QUEUE_PACKETS))


def _netem(index: int, name: str, netem: Netem, handle: int, parent: int, *more: bytes) -> KernelRequest:
    """Return the request that sets a qdisc; ``more`` are attributes that come before those of ``netem``."""
    delay_ns, jitter_ns, table = netem.delay_ns, netem.jitter_ns, b""
    if netem.added is not None:
        delay_ns, jitter_ns, table = drawn(netem.delay_ns, netem.added)
    elif jitter_ns:
        table = shape_table(netem.jitter_shape)
    loss, correlation, bursts = netem.loss.percent, netem.loss.correlation_percent, netem.loss.bursts
    rate_bytes = netem.rate_bps // 8
    # the 64-bit attributes override the old fields for delay and jitter, which count ticks of 64 ns and end at 275 s
    options = [
        _QOPT.pack(
            0,
            netem.queue_packets,
            0 if bursts is not None else _share(loss),
            netem.reorder.gap if netem.reorder.percent else 0,
            _share(netem.duplicate.percent),
            0,
        ),
        *more,
        s64(_TCA_NETEM_LATENCY64, delay_ns),
        s64(_TCA_NETEM_JITTER64, jitter_ns),
        attribute(_TCA_NETEM_PRNG_SEED, struct.pack("=Q", netem.seed)),
    ]
    if rate_bytes:
        options.append(attribute(_TCA_NETEM_RATE, _RATE.pack(min(rate_bytes, _U32_MAX), 0, 0, 0)))
        if rate_bytes > _U32_MAX:
            options.append(attribute(_TCA_NETEM_RATE64, struct.pack("=Q", rate_bytes)))
    # these three are sent even if they are 0, because a change of a qdisc leaves what it does not name
    correlations = (netem.jitter_correlation_percent, correlation, netem.duplicate.correlation_percent)
    options.append(attribute(_TCA_NETEM_CORR, struct.pack("=III", *map(_share, correlations))))
    options.append(attribute(_TCA_NETEM_CORRUPT, _correlated(netem.corrupt)))
    options.append(attribute(_TCA_NETEM_REORDER, _correlated(netem.reorder)))
    if bursts is not None:
        options.append(attribute(_TCA_NETEM_LOSS, attribute(_NETEM_LOSS_GE, _gilbert_elliott(bursts))))
    if table:
        options.append(attribute(_TCA_NETEM_DELAY_DIST, table))
        handle |= _WITH_TABLE
    body = _TCMSG.pack(0, index, handle, parent, 0) + text(_TCA_KIND, "netem")
    return KernelRequest(_RTM_NEWQDISC, PUT, body + attribute(_TCA_OPTIONS, b"".join(options)), f"{name}, netem")


def serve(index: int, name: str, queues: int, packet_ns: float, byte_ns: float, limit: int) -> list[KernelRequest]:
    """Return the requests that make each queue of an interface a server, for which ``limit`` packets can wait.

    A packet takes ``packet_ns``, and ``byte_ns`` for each of its bytes: netem's rate with its overhead for each packet.
    The interface spreads flows over its ``queues`` by their hash. Queues that there are change, and lose no packet.
    """
    # netem has no cost for a packet alone: its overhead is in bytes, up to 2^31
    byte_ns = max(byte_ns, packet_ns / 2**30, _LEAST_BYTE_NS)
    rate, overhead = round(1e9 / byte_ns), round(packet_ns / byte_ns)
    options = _QOPT.pack(0, limit, 0, 0, 0, 0)
    options += attribute(_TCA_NETEM_RATE, _RATE.pack(min(rate, _U32_MAX), overhead, 0, 0))
    if rate > _U32_MAX:
        options += attribute(_TCA_NETEM_RATE64, struct.pack("=Q", rate))
    netem = attribute(_TCA_OPTIONS, options)
    if queues == 1:
        return [_qdisc(index, name, _ONE_STAGE, _TC_H_ROOT, "netem", netem)]
    each = [
        _qdisc(index, name, number + 1 << 16, _ONE_STAGE | number, "netem", netem) for number in range(1, queues + 1)
    ]
    return [_qdisc(index, name, _ONE_STAGE, _TC_H_ROOT, "mq", b""), *each]


def regulate(index: int, name: str, packet_ns: float, byte_ns: float, limit: int) -> list[KernelRequest]:
    """Return the requests that let an interface send a packet each ``packet_ns`` and ``byte_ns`` for each byte.

    A packet after a pause leaves at once, and the time that it takes is gone for the next: a token bucket, which holds
    the time of two of the largest packets, so that none is lost when a timer is late. ``limit`` packets can wait.
    """
    # what counts as a byte is a part of the time of the largest packet: a size table says how many a packet has
    cells = range(-(-_LARGEST_PACKET_BYTES >> _CELL_BITS) + 1)
    times_ns = [packet_ns + byte_ns * ((cell + 0.5) * 2**_CELL_BITS) for cell in cells]
    unit_ns = max(times_ns[-1] / _LARGEST_SIZE, _LEAST_BYTE_NS)
    sizes = (max(1, round(time_ns / unit_ns)) for time_ns in times_ns)
    size_table = attribute(_TCA_STAB_BASE, _SIZES.pack(_CELL_BITS, 0, 0, 0, _LINKLAYER_ETHERNET, 0, 0, len(times_ns)))
    size_table += attribute(_TCA_STAB_DATA, struct.pack(f"={len(times_ns)}H", *sizes))
    rate = round(1e9 / unit_ns)
    rates = _RATE_SPEC.pack(0, _LINKLAYER_ETHERNET, 0, 0, 0, min(rate, _U32_MAX)) + _RATE_SPEC.pack(0, 0, 0, 0, 0, 0)
    options = attribute(_TCA_TBF_PARMS, rates + struct.pack("=III", 0, 0, 0))
    options += attribute(_TCA_TBF_BURST, struct.pack("=I", 2 * _LARGEST_SIZE))
    if rate > _U32_MAX:
        options += attribute(_TCA_TBF_RATE64, struct.pack("=Q", rate))
    body = nested(_TCA_OPTIONS, options) + nested(_TCA_STAB, size_table)
    waiting = attribute(_TCA_OPTIONS, struct.pack("=I", limit))
    return [
        _qdisc(index, name, _ONE_STAGE, _TC_H_ROOT, "tbf", body),
        _qdisc(index, name, _RATE_STAGE, _ONE_STAGE | 1, "pfifo", waiting),
    ]


def _qdisc(index: int, name: str, handle: int, parent: int, kind: str, body: bytes) -> KernelRequest:
    head = _TCMSG.pack(0, index, handle, parent, 0) + text(_TCA_KIND, kind)
    return KernelRequest(_RTM_NEWQDISC, PUT, head + body, f"{name}, {kind}")


def _share(percent: float) -> int:
    """Return a share of packets as the kernel compares it with random numbers of 32 bits."""
    return min(_U32_MAX, round(percent / 100 * 2**32))


def _correlated(share: Share) -> bytes:
    """Return ``struct tc_netem_corrupt``, which is ``struct tc_netem_reorder`` too: a share and its correlation."""
    return struct.pack("=II", _share(share.percent), _share(share.correlation_percent))


def _gilbert_elliott(bursts: Bursts) -> bytes:
    """Return ``struct tc_netem_gemodel``, whose third number is the chance that the bad state loses no packet."""
    return struct.pack(
        "=IIII",
        _share(bursts.to_bad_percent),
        _share(bursts.to_good_percent),
        _share(100 - bursts.bad_percent),
        _share(bursts.good_percent),
    )


def remove(index: int, name: str) -> KernelRequest:
    """Return the request that removes the qdisc at an interface's egress."""
    return KernelRequest(_RTM_DELQDISC, 0, _TCMSG.pack(0, index, 0, _TC_H_ROOT, 0), f"{name}, qdisc")


def dropped() -> dict[int, int]:
    """Return how many packets each interface of this namespace has dropped at its egress, by the interface's index.

    With two stages, both may count a packet that the inner one drops, so the larger count is returned.

    Raises:
        NetlinkError: the kernel refuses to answer.
    """
    found: dict[int, int] = {}
    with Netlink() as netlink:
        answers = netlink.get(KernelRequest(_RTM_GETQDISC, 0, _TCMSG.pack(0, 0, 0, 0, 0), "the list of qdiscs"))
    for _, body in answers:
        _, index, *_ = _TCMSG.unpack_from(body)
        if (stats := dict(attributes(body, _TCMSG.size)).get(_TCA_STATS)) is not None:
            found[index] = max(found.get(index, 0), *_DROPS.unpack_from(stats))
    return found
