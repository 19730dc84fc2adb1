"""Docker's own overlay networks, by the real thing: a `dockerd` on each host."""

from emulator.overlays.libnetwork.overlay import Libnetwork

OVERLAY = Libnetwork
