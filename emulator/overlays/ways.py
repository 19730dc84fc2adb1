"""The ways of an overlay's packets through its hosts, and the processor time that they take there."""

from __future__ import annotations

from emulator.measure.echo import FRAME_BYTES, IPV6_FRAME_BYTES
from emulator.measure.probe import Family
from emulator.overlays import overlay_class
from emulator.overlays.model import OverlaySpec, PacketWay
from emulator.plan import Plan
from emulator.plan.cpu import CpuChoice, CpuError, with_limits


def way_of(spec: OverlaySpec) -> PacketWay:
    """Return the way of a packet of the containers of an overlay."""
    return overlay_class(spec.name).way(spec.variant, is_encrypted=spec.password is not None)


def limited(plan: Plan, spec: OverlaySpec, choice: CpuChoice | None) -> Plan:
    """Return a plan in which the containers of an overlay have the limits of a user's choice.

    Raises:
        CpuError: a limit is above the processors of the container's host, or the containers have no packets of their
            own.
    """
    found = with_limits(plan, choice, {container.name: container.host for container in spec.containers})
    if found.cpu is not None and found.cpu.limits and way_of(spec).is_own:
        name = next(iter(found.cpu.limits))
        raise CpuError(
            f"{name} cannot have processors of its own, because a container of {spec.name} sends its host's packets: "
            f"give them to its host, or omit {spec.name}"
        )
    return found


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
