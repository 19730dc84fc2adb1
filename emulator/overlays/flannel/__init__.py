"""Flannel, by a built-in control plane that does what `flanneld` does."""

from emulator.overlays.flannel.overlay import Flannel

OVERLAY = Flannel
"""The class behind ``--overlay flannel``."""
