"""The specification of an overlay: the first container of each host."""

from __future__ import annotations

from emulator.lab.containers import Container
from emulator.overlays.model import OverlaySpec, first_containers


def test_the_first_container_of_each_host() -> None:
    containers = (Container("c1", "h1"), Container("c2", "h2"), Container("c3", "h1"))
    spec = OverlaySpec("none", "none", ("h1", "h2", "h3"), containers, "10.244.0.0/16", "process")
    assert first_containers(spec) == {"h1": "c1", "h2": "c2"}
