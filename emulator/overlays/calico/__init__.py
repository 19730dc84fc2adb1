"""Calico: BIRD on each host, and a built-in control plane that does what Felix, confd and the CNI plugin do."""

from emulator.overlays.calico.overlay import Calico

OVERLAY = Calico
"""The class behind ``--overlay calico``."""
