"""What an interface does to the packets that leave it: netem with delay, jitter, loss, rate, queue and seed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.netlink.messages import PUT, Request, attribute, s64, text

_RTM_NEWQDISC, _RTM_DELQDISC = 36, 37
_TCA_KIND, _TCA_OPTIONS = 1, 2
_TCA_NETEM_RATE, _TCA_NETEM_RATE64, _TCA_NETEM_LATENCY64, _TCA_NETEM_JITTER64 = 6, 8, 10, 11
_TCA_NETEM_PRNG_SEED = 14
_TC_H_ROOT = 0xFFFFFFFF
_TCMSG = struct.Struct("=BxxxiIII")
_QOPT = struct.Struct("=IIIIII")
_RATE = struct.Struct("=IiIi")
_U32_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Netem:
    """What netem is to do. ``delay_ns`` and ``jitter_ns`` one way; ``queue_packets`` holds those in flight too.

    Without a rate (0) packets leave at once. The ``seed`` makes jitter and loss the same in every run; kernels before
    6.6 do not know it and pass over it.
    """

    delay_ns: int
    jitter_ns: int
    loss_percent: float
    rate_bps: int
    queue_packets: int
    seed: int


def set_netem(index: int, name: str, netem: Netem) -> Request:
    """Put netem at an interface's egress, or change it."""
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
    body = _TCMSG.pack(0, index, 0, _TC_H_ROOT, 0) + text(_TCA_KIND, "netem")
    return Request(_RTM_NEWQDISC, PUT, body + attribute(_TCA_OPTIONS, b"".join(options)), f"{name}, netem")


def remove(index: int, name: str) -> Request:
    """Take away what stands at an interface's egress."""
    return Request(_RTM_DELQDISC, 0, _TCMSG.pack(0, index, 0, _TC_H_ROOT, 0), f"{name}, qdisc")
