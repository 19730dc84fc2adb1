"""The delays of the study for each overlay of a benchmark, in place of the path's: ``--as-measured``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emulator.options import OverlayOptions
from emulator.plan import Options
from gtsdsl.circuits import Circuits, as_measured, canonical, measured
from gtsdsl.model.testbed import Testbed
from gtsdsl.topology.model import Topology


def plan_options(options: Options, overlay: OverlayOptions) -> Options:
    """Return the options of an overlay's plan; an overlay that the study did not measure keeps the path's delays.

    A user's own circuits take precedence over the study's.
    """
    found = as_measured(_name(overlay))
    if found is None:
        return options
    own = options.circuits or Circuits()
    return replace(options, circuits=replace(own, circuits={**found.circuits, **own.circuits}))


def misfit(testbed: Testbed, overlays: Sequence[OverlayOptions]) -> str | None:
    """Return why the study says nothing of these overlays on a topology; None if it does."""
    if not any(as_measured(_name(overlay)) for overlay in overlays):
        return "the study measured libnetwork, weave and flannel; none of them is here"
    topology = Topology.of(testbed)
    sites = {topology.nodes[end.resource].location for wire in topology.wires for end in wire.ends}
    codes = {canonical(site) for site in sites if site}
    if not any({*pair} <= codes for pair in measured()):
        return "the study measured no circuit between two sites of this topology"
    return None


def _name(overlay: OverlayOptions) -> str:
    return overlay.name.partition(":")[0]
