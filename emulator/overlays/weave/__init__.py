"""Weave Net, by a built-in control plane that does what `weaver` does."""

from emulator.overlays.weave.overlay import Weave

OVERLAY = Weave
"""The class behind ``--overlay weave``."""
