"""Scenarios of Docker's overlay, which run in a guest beside it; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import time
from dataclasses import asdict

from emulator.lab.containers import Container
from tests.emulator.overlays.inside import Stage, captured, cut, kill, seconds_until


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, names and tables of a variant."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay

    time.sleep(5)  # daemons that have just started have much to do, and the clock that they read takes its time
    names = sorted(probe.addresses)
    rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
    back = {f"{b} {a}": probe.reach(b, a) for a in names for b in names if a < b}
    interface = net["h1"].intfNames()[0]
    frames = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))
    ping = "ping -c 1 -W 2 -M do -s"
    largest = captured(net, "h1", interface, lambda: net["c1"].cmd(ping, 1450 - 28, probe.addresses["c2"]))
    mtu_bytes = [overlay.least_mtu_bytes]
    for narrow in 1400, 1500:
        net["h3"].cmd("ip link set mtu", narrow, "dev", net["h3"].intfNames()[0])
        mtu_bytes.append(overlay.least_mtu_bytes)
    return {
        "rtt_ms": rtt_ms,
        "back": back,
        "frames": frames,
        "largest": largest,
        "mtu_bytes": mtu_bytes,
        "addresses": dict(probe.addresses),
        "passes": net["c1"].cmd(ping, 1450 - 28, probe.addresses["c2"]),
        "refused": net["c1"].cmd(ping, 1450 - 27, probe.addresses["c2"]),
        "names": {name: net["c1"].cmd("ping -c 1 -W 2", name) for name in names},
        "host": net["c1"].cmd("ping -c 1 -W 2 h2"),
        "inside": net["c1"].cmd("hostname; cat /proc/1/comm; ls -d /home 2>&1; cat /etc/resolv.conf"),
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "state": {host: asdict(overlay.state(host)) for host in overlay.spec.hosts},
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "agent": overlay.agent,
    }


def measure_and_break(stage: Stage) -> dict[str, object]:
    """Measure a variant, then kill daemons, cut a host off and stop the store, and return what went on meanwhile."""
    net, probe, overlay, store = stage.net, stage.probe, stage.overlay, stage.store
    measured = measure(stage)

    def everybody() -> bool:
        return all(probe.reach(a, b) for a in sorted(probe.addresses) for b in sorted(probe.addresses) if a < b)

    def shown(host: str) -> list[str]:
        return sorted({link.name for link in overlay.state(host).links} & {"br0", "vxlan0"})

    def restart(host: str, name: str) -> float:
        began_s = time.monotonic()
        overlay.start(host)
        seconds_until(lambda: overlay.is_ready(host))
        net.reattach(name)
        seconds_until(everybody)
        return time.monotonic() - began_s

    everybody_at_first = everybody()
    restarts = {}
    for host, name in ("h2", "c2"), ("h1", "c1"):  # the first one's is a swarm's manager
        before = net[name].cmd("hostname").strip()
        kill(net, host)
        dead = everybody(), shown(host), sorted({peer.host for peer in overlay.peers(host)})
        restarts[host] = *dead, restart(host, name), before, net[name].cmd("hostname").strip(), shown(host)

    cut(net, "h4", "down")
    time.sleep(60)
    while_cut = {pair: probe.reach(*pair.split()) for pair in ("c1 c4", "c1 c2", "c2 c3")}
    cut(net, "h4", "up")
    back_s = seconds_until(everybody)

    without_store, new_s = None, None
    if store is not None:
        store.daemon.stop()
        time.sleep(5)
        without_store = everybody()
        store.start()
        seconds_until(store.is_ready)
        began_s = time.monotonic()
        new = Container("c9", "h3")
        attachment = overlay.attach(new)
        net.lab.add_container(new, attachment)
        probe.addresses["c9"] = attachment.address
        probe.seconds_until("c1", "c9")
        new_s = time.monotonic() - began_s
    return {
        **measured,
        "everybody_at_first": everybody_at_first,
        "restarts": restarts,
        "while_cut": while_cut,
        "back_s": back_s,
        "without_store": without_store,
        "new_s": new_s,
    }
