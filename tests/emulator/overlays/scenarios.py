"""Scenarios of overlays, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import time
from dataclasses import asdict

from tests.emulator.overlays.inside import Stage, captured, cut


def measure_geneve_and_cut_a_host_off(stage: Stage) -> dict[str, object]:
    """Return the round trips and frames, and what becomes of them when hosts leave and come back."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay

    names = sorted(probe.addresses)
    rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
    interface = net["h1"].intfNames()[0]
    frames = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))

    def ping(size: int) -> str:
        return str(net["c1"].cmd("ping -c 1 -W 2 -M do -s", size, net["c2"].IP()))

    largest = captured(net, "h1", interface, lambda: ping(1422))
    state = asdict(overlay.state("h2"))
    overlay.stop("h2")
    left = [asdict(overlay.state(host)) for host in ("h1", "h2")]
    others = probe.reach("c1", "c3")
    overlay.start("h2")
    back = probe.seconds_until("c1", "c2")
    while_cut = _reach_while_cut(stage)
    return {
        "rtt_ms": rtt_ms,
        "frames": frames,
        "largest": largest,
        "refused": ping(1423),
        "state": state,
        "left": left,
        "others": others,
        "back": back,
        "while_cut": while_cut,
        "again": probe.seconds_until("c1", "c4"),
    }


def _reach_while_cut(stage: Stage) -> list[bool]:
    """Cut h4 off for a minute; return whether three pairs of containers reach each other meanwhile."""
    probe = stage.probe
    cut(stage.net, "h4", "down")
    time.sleep(60)
    reached: list[bool] = [probe.reach("c1", "c2"), probe.reach("c2", "c3"), probe.reach("c1", "c4")]
    cut(stage.net, "h4", "up")
    return reached


def measure_and_cut_a_host_off(stage: Stage) -> dict[str, object]:
    """Return the round trips, and who reaches whom while h4 is cut off."""
    probe = stage.probe
    names = sorted(probe.addresses)
    rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
    while_cut = _reach_while_cut(stage)
    return {
        "rtt_ms": rtt_ms,
        "while_cut": while_cut,
        "again": probe.seconds_until("c1", "c4"),
    }


def attach_a_container_again(stage: Stage) -> dict[str, object]:
    """Stop the Docker daemon of a host, and return the container that is attached to it afterwards."""
    overlay = stage.overlay
    container = overlay.spec.containers[0]
    overlay.stop(container.host)
    found = overlay.attach(container)
    return {
        "address": found.address,
        "runs": found.running.is_there,
    }
