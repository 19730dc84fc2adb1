"""The longest round trips that tests of weave accept, from the bytes of an echo and the programs on its way."""

from __future__ import annotations

from emulator.overlays.weave import sleeve

ECHO_BYTES = 98
"""An echo with its Ethernet header."""
FAST_BYTES = 50
"""The bytes that the fast datapath adds to a frame: Ethernet, IP, UDP and VXLAN."""
ESP_BYTES = 8 + 8 + 3 + 2 + 16
"""The bytes that encryption adds to a packet of the fast datapath, at most: header, IV, padding, trailer, check."""
SLEEVE_BYTES = sleeve.overhead_bytes(is_encrypted=False)
READING_MS = 256e-6
"""A reading of the virtual clock takes 256 ns."""

_RATE_BITS_PER_MS = 1e6
_READINGS_MS = 0.01
"""The most that the reading of clocks adds on the way through kernels, or through the router of one host."""


def most_ms(delays_ms: float, overhead_bytes: int, *, circuits: int = 1, routers: int = 1) -> float:
    """Return the longest round trip over circuits with some delays.

    ``overhead_bytes`` is what the overlay adds to an echo. ``circuits`` is the number of circuits of 1 Gbit/s each way.
    ``routers`` is the number of hosts whose router handles the frame itself; 1 is also right for kernels alone.
    """
    bits_ms = 2 * circuits * (ECHO_BYTES + overhead_bytes) * 8 / _RATE_BITS_PER_MS
    return delays_ms + bits_ms + routers * _READINGS_MS
