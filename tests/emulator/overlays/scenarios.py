"""Scenarios of overlays, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

from dataclasses import asdict

from tests.emulator.overlays.inside import Stage, reached

_GENEVE_MTU_BYTES = 1450


def measure_geneve(stage: Stage) -> dict[str, object]:
    """Return the round trips and frames, and what is left when a host leaves, and how long its way back takes."""
    probe, overlay = stage.probe, stage.overlay
    found = reached(stage, _GENEVE_MTU_BYTES)
    before = [asdict(overlay.state(host)) for host in ("h1", "h2")]
    overlay.stop("h2")
    left = [asdict(overlay.state(host)) for host in ("h1", "h2")]
    others = probe.reach("c1", "c3")
    overlay.start("h2")
    back = probe.seconds_until("c1", "c2")
    return {
        **found,
        "before": before,
        "left": left,
        "others": others,
        "back": back,
    }


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips between all containers."""
    probe = stage.probe
    names = sorted(probe.addresses)
    return {"rtt_ms": {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}}


def attach_a_container_again(stage: Stage) -> dict[str, object]:
    """Stop the Docker daemon of a host, and return the container that is attached to it afterwards.

    ``copies`` is the number of daemons that have the image's shell, and of different files that these are.
    """
    overlay = stage.overlay
    container = overlay.spec.containers[0]
    overlay.stop(container.host)
    found = overlay.attach(container)
    shells = list((overlay.lab.run_folder / "docker").glob("*/data/overlay2/*/diff/bin/bash"))
    return {
        "address": found.address,
        "runs": found.running.is_there,
        "copies": [len(shells), len({path.stat().st_ino for path in shells})],
    }
