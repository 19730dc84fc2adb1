"""Scenarios of Nebula, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import subprocess
from dataclasses import asdict

from emulator.overlays.text import overlay_lines
from tests.emulator.overlays.inside import Stage, captured


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, tunnels, certificates and tables."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    names = sorted(probe.addresses)
    rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
    back = {f"{b} {a}": probe.reach(b, a) for a in names for b in names if a < b}
    interface = net["h1"].intfNames()[0]
    frames = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))
    indices = {
        host: {tunnel["vpnIp"]: tunnel["localIndex"] for tunnel in overlay._ask(host, "list-hostmap")}
        for host in ("h1", "h2")
    }

    def ping(size: int) -> str:
        return str(net["c1"].cmd("ping -c 1 -W 2 -M do -s", size, net["c2"].IP()))

    largest = captured(net, "h1", interface, lambda: ping(1440 - 28))
    certificate = subprocess.run(
        ["nebula-cert", "print", "-json", "-path", overlay._file("h2", "crt")],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "rtt_ms": rtt_ms,
        "back": back,
        "frames": frames,
        "indices": indices,
        "largest": largest,
        "passes": ping(1440 - 28),
        "refused": ping(1440 - 27),
        "hop": net["c1"].cmd("ping -c 1", net["c2"].IP()),
        "state": asdict(overlay.state("h2")),
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "shown": list(overlay_lines(stage.deployment, ["h1", "h2"])),
        "certificate": certificate.stdout,
        "configuration": overlay._file("h2", "yml").read_text(),
    }
