"""Changes of a running circuit: up or down, and its interfaces' netem."""

from __future__ import annotations

from emulator.lab.lab import Lab
from emulator.netlink import links, qdiscs
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
