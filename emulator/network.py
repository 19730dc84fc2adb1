"""The place of `EmulatedNetwork` in version 0.1, until the next version: use `emulator.mininet.network`."""

import warnings

from emulator.mininet.network import EmulatedNetwork

__all__ = ["EmulatedNetwork"]

warnings.warn("emulator.network is emulator.mininet.network now", DeprecationWarning, stacklevel=2)
