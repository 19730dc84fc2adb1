"""Changes of a running circuit: up or down, its MTU, and what its interfaces do to packets."""

from __future__ import annotations

from emulator.lab.lab import Lab
from emulator.netlink import filters, links, qdiscs
from emulator.plan import Interface


def set_state(lab: Lab, end: Interface, *, is_up: bool) -> None:
    """Set an interface of a circuit up or down. The plan's routes and neighbours come back when it goes up."""
    with lab.netlink(end.node) as netlink:
        netlink.send([(links.up if is_up else links.down)(end.index, end.name)])
    if is_up:
        lab.underlay.restore(end)


def set_egress(
    lab: Lab, end: Interface, egress: qdiscs.Netem, *, for_trace: bool = False, slot: qdiscs.Slot | None = None
) -> None:
    """Replace what an interface of a circuit does to the packets that leave it.

    ``for_trace`` and ``slot`` are for an interface whose bandwidth follows a trace (`qdiscs.set_netem_for_trace`).

    Raises:
        EmulationError: the kernel has no netem.
    """
    with lab.netlink(end.node) as netlink:
        if for_trace:
            netlink.send(qdiscs.set_netem_for_trace(end.index, end.name, egress, slot))
        else:
            netlink.send(qdiscs.set_netem(end.index, end.name, egress))


def set_mtu(lab: Lab, end: Interface, mtu_bytes: int) -> None:
    """Replace the MTU of an interface of a circuit. An overlay keeps the MTU that it has taken from the circuit."""
    with lab.netlink(end.node) as netlink:
        netlink.send([links.set_mtu(end.index, end.name, mtu_bytes)])
    if any(switch.name == end.node for switch in lab.plan.switches):  # it may now be between circuits of different MTU
        lab.underlay.finish_checksums()


def set_black_hole(lab: Lab, end: Interface, *, is_on: bool) -> None:
    """Let an interface of a circuit drop "fragmentation needed" and "packet too big", or no longer.

    Raises:
        EmulationError: the kernel has no such filters.
    """
    filters.require()
    with lab.netlink(end.node) as netlink:
        netlink.send((filters.drop_too_big if is_on else filters.let_through)(end.index, end.name))
