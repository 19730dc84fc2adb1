"""The ways of an overlay's packets through its hosts, and the processor time that they take there."""

from __future__ import annotations

from emulator.measure.echo import FRAME_BYTES, IPV6_FRAME_BYTES
from emulator.measure.probe import Family
from emulator.overlays import overlay_class
from emulator.overlays.model import OverlaySpec, PacketWay
from emulator.plan import Plan


def way_of(spec: OverlaySpec) -> PacketWay:
    """Return the way of a packet of the containers of an overlay."""
    return overlay_class(spec.name).way(spec.variant, is_encrypted=spec.password is not None)


def echo_work_us(
    plan: Plan, spec: OverlaySpec, hosts: tuple[str, str], overhead_bytes: int, family: Family = 4
) -> float:
    """Return the processor time in the round trip of an echo between containers of two hosts, in µs."""
    if plan.cpu is None:
        return 0.0
    stages = way_of(spec).stages
    frame_bytes = overhead_bytes + (IPV6_FRAME_BYTES if family == 6 else FRAME_BYTES)
    # each host works on the request and on the reply
    return sum(2 * plan.cpu.on(host, stages).of(frame_bytes) for host in hosts) / 1000
