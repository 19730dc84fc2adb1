"""The options of `gtsdsl check` and `plan` for an overlay, and where its packets do not fit a circuit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import TYPE_CHECKING

from emulator.options import Flag, OverlayOptions
from gtsdsl.cli.errors import emulating
from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import Testbed
from gtsdsl.rules.index import place_of
from gtsdsl.source import Source
from gtsdsl.topology.model import Topology

if TYPE_CHECKING:
    from emulator.overlays.model import OverlaySpec
    from emulator.plan import Plan

_FLAGS = {item.name: Flag.of(item.metadata) for item in fields(OverlayOptions) if item.name != "_"}
_HELP = "Check, too, whether packets of this overlay's containers fit the circuits, such as flannel or flannel:udp."


@dataclass(frozen=True, slots=True)
class OverlayFit:
    """The overlay whose packets are to fit; the fields are those of `OverlayOptions`."""

    name: str = field(metadata=replace(_FLAGS["name"], help=_HELP).metadata)
    _: KW_ONLY
    ipv6: bool = field(default=False, metadata=_FLAGS["ipv6"].metadata)
    mtu_bytes: int | None = field(default=None, metadata=_FLAGS["mtu_bytes"].metadata)


def require_known(overlay: OverlayFit) -> None:
    """End the command with an error if no overlay or no variant has the name."""
    from emulator.overlays.spec import find_variant

    with emulating():
        find_variant(overlay.name)


def fit_findings(source: Source, testbed: Testbed, overlay: OverlayFit) -> Iterator[Diagnostic]:
    """Yield a finding for each link which packets of the overlay's containers are too large for when wrapped.

    The network is that of `gtsdsl emulate` without options. If the overlay cannot run in it, the command ends with an
    error.
    """
    from emulator.overlays.mtu import misfits
    from emulator.plan import Options, plan

    with emulating():
        network = plan(testbed, Options())
    links = {wire.link.id: wire.link for wire in Topology.of(testbed).wires}
    for misfit in misfits(spec_of(overlay, network), network):
        place = place_of(links[misfit.circuit.id], "mtu")
        yield Diagnostic("GTS054", misfit.message, source, place, hint=misfit.hint)


def spec_of(overlay: OverlayFit, network: Plan) -> OverlaySpec:
    """Return the specification of the overlay on a network's hosts, with a container on each.

    If the overlay cannot run in the network, the command ends with an error.
    """
    from emulator.overlays.spec import plan_spec

    with emulating():
        return plan_spec(network, OverlayOptions(overlay.name, ipv6=overlay.ipv6, mtu_bytes=overlay.mtu_bytes))
