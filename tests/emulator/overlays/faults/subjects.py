"""What the faults are tried on: each overlay with each variant, password and agent, and how long each may take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.overlays import names, overlay_class
from tests.emulator.overlays.faults.model import Fault

_WITHOUT_AGENT = {"none", "geneve"}
"""The overlays that have no process of their own after their start."""
_HUBS = {"calico:rr": "the route reflector", "nebula:tun": "the lighthouse", "libnetwork:swarm": "the manager"}
"""What the first host is to the others, in an overlay in which it is something."""
_ON_ONE_SWITCH = {"flannel:host-gw"}
"""The variants whose real agents run only where all hosts are on one switch, and so not in the mesh."""


@dataclass(frozen=True)
class Subject:
    """An overlay as `gtsdsl emulate` takes it: ``flannel:vxlan``, and further ``options``."""

    overlay: str
    variant: str
    options: tuple[str, ...] = ()

    @property
    def argument(self) -> str:
        """The value of ``--overlay``."""
        return f"{self.overlay}:{self.variant}"

    @property
    def name(self) -> str:
        """The name in the data and on the page."""
        return " ".join((self.argument, *self.options))

    @property
    def hub(self) -> str | None:
        """What the first host is to the others; None if nothing."""
        return _HUBS.get(self.argument)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that the overlay can have."""
        has = {
            Fault.STORE: overlay_class(self.overlay).needs_store(self.variant),
            Fault.HUB: self.hub is not None,
            Fault.AGENT: self.overlay not in _WITHOUT_AGENT,
        }
        return tuple(fault for fault in Fault if has.get(fault, True))


def subjects() -> Iterator[Subject]:
    """Yield each overlay that there is with each of its variants, without options and with those that it takes."""
    for overlay in names():
        kind = overlay_class(overlay)
        for variant in kind.variants:
            yield Subject(overlay, variant)
            if "password" in kind.options(variant):
                yield Subject(overlay, variant, ("--overlay-password", "secret"))
            if "agent" in kind.options(variant) and f"{overlay}:{variant}" not in _ON_ONE_SWITCH:
                yield Subject(overlay, variant, ("--agent", "real"))
