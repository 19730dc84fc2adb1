"""Each overlay with each variant, with and without a password, and with real agents: what common tests are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.overlays import names, overlay_class

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
        """All of it, as on a command line."""
        return " ".join((self.argument, *self.options))

    def __str__(self) -> str:
        return self.name.replace(" --", "-").replace(" ", "-")


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


SUBJECTS = tuple(subjects())
