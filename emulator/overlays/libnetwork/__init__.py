"""Docker's own overlay networks, by a `dockerd` on each host."""

from emulator.overlays.libnetwork.overlay import Libnetwork

OVERLAY = Libnetwork
"""The class behind ``--overlay libnetwork``."""
