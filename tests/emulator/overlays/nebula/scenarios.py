"""Scenarios of Nebula, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict

from emulator.overlays.nebula import _address_in
from emulator.overlays.text import overlay_lines
from tests.emulator.overlays.inside import Stage, cut, kill, reached, seconds_until

_A_MINUTE_S = 60.0
_MTU_BYTES = 1440


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, tunnels, certificates and tables."""
    net, overlay = stage.net, stage.overlay
    found = reached(stage, _MTU_BYTES)
    indices = {
        host: {_address_in(tunnel): tunnel["localIndex"] for tunnel in overlay._ask(host, "list-hostmap")}
        for host in ("h1", "h2")
    }
    certificate = subprocess.run(
        ["nebula-cert", "print", "-json", "-path", overlay._file("h2", "crt")],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        **found,
        "indices": indices,
        "hop": net["c1"].cmd("ping -c 1", net["c2"].IP()),
        "state": asdict(overlay.state("h2")),
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "shown": list(overlay_lines(stage.deployment, ["h1", "h2"])),
        "certificate": certificate.stdout,
        "configuration": overlay._file("h2", "yml").read_text(),
    }


def cut_a_host_off(stage: Stage) -> dict[str, object]:
    """Cut h3 off for a minute; return whether it is gone, and the hosts that h1 has a tunnel to."""
    _shake_hands(stage)
    cut(stage.net, "h3", "down")
    time.sleep(_A_MINUTE_S / 2)
    gone = not stage.probe.reach("c1", "c3")  # a packet without an answer is what makes Nebula test a tunnel
    time.sleep(_A_MINUTE_S / 2)
    return {"gone": gone, "peers": [peer.host for peer in stage.overlay.peers("h1")]}


def cut_the_lighthouse_off(stage: Stage) -> dict[str, object]:
    """Cut the lighthouse off, and start another host again meanwhile; return who reached whom."""
    probe, overlay = stage.probe, stage.overlay
    _shake_hands(stage)
    cut(stage.net, "h1", "down")
    time.sleep(_A_MINUTE_S)
    others = [probe.reach(*pair) for pair in (("c2", "c3"), ("c2", "c4"), ("c4", "c5"))]
    overlay.stop("h5")
    overlay.start("h5")
    seconds_until(lambda: overlay.is_ready("h5"))
    time.sleep(_A_MINUTE_S)
    meanwhile = [probe.reach("c4", "c5"), probe.reach("c5", "c4")]
    cut(stage.net, "h1", "up")
    return {
        "others": others,
        "meanwhile": meanwhile,
        "there": probe.seconds_until("c4", "c5"),
        "back": probe.seconds_until("c1", "c2"),
    }


def kill_agents(stage: Stage) -> dict[str, object]:
    """Kill the `nebula` of h2, of the lighthouse, and stop that of h4; return what went on, and the seconds after."""
    probe, overlay = stage.probe, stage.overlay
    _shake_hands(stage)
    before = overlay.state("h2")
    kill(stage.net, "h2")
    time.sleep(_A_MINUTE_S / 2)
    dead = list(overlay_lines(stage.deployment, ["h2"]))
    overlay.start("h2")
    back = probe.seconds_until("c1", "c2")
    same = overlay.state("h2") == before
    kill(stage.net, "h2")
    overlay.start("h2")  # before the others notice
    at_once = [probe.seconds_until(*pair) for pair in (("c1", "c2"), ("c3", "c2"), ("c2", "c4"))]
    overlay.stop("h4")
    stopped = seconds_until(lambda: "h4" not in [peer.host for peer in overlay.peers("h1")])
    overlay.start("h4")
    returned = probe.seconds_until("c4", "c1")
    kill(stage.net, "h1")
    time.sleep(_A_MINUTE_S)
    overlay.start("h1")
    return {
        "dead": dead,
        "back": back,
        "same": same,
        "at_once": at_once,
        "stopped": stopped,
        "returned": returned,
        "lighthouse": [probe.seconds_until(*pair) for pair in (("c4", "c1"), ("c2", "c1"))],
    }


def _shake_hands(stage: Stage) -> None:
    """Send packets between all containers, so that each two hosts have a tunnel."""
    names = sorted(stage.probe.addresses)
    for near in names:
        for far in names:
            if near < far:
                stage.probe.steady_ms(near, far)
