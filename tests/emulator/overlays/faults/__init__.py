"""Faults of an overlay: the same ones for all overlays, and the figures of the page about them."""
