"""Scenarios of Docker's overlay, which run in a guest beside it; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import time
from dataclasses import asdict

from emulator.lab.containers import Container
from emulator.netlink.state import read
from tests.emulator.overlays.inside import Stage, kill, reached, seconds_until

_MTU_BYTES = 1450


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, names and tables of a variant."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay

    time.sleep(5)  # daemons that have just started have much to do, and the clock that they read takes its time
    found = reached(stage, _MTU_BYTES)
    container_mtu_bytes = [_mtu_bytes(stage, "c3")]
    for narrow in 1400, 1500:
        net["h3"].cmd("ip link set mtu", narrow, "dev", net["h3"].intfNames()[0])
        container_mtu_bytes.append(_mtu_bytes(stage, "c3"))
    return {
        **found,
        "mtu_bytes": overlay.mtu_bytes("h3"),
        "container_mtu_bytes": container_mtu_bytes,
        "addresses": dict(probe.addresses),
        "names": {name: net["c1"].cmd("ping -c 1 -W 2", name) for name in sorted(probe.addresses)},
        "host": net["c1"].cmd("ping -c 1 -W 2 h2"),
        "inside": net["c1"].cmd("hostname; cat /proc/1/comm; ls -d /home 2>&1; cat /etc/resolv.conf"),
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "state": {host: asdict(overlay.state(host)) for host in overlay.spec.hosts},
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "agent": overlay.agent,
    }


def _mtu_bytes(stage: Stage, container: str) -> int:
    """Return the MTU of the interface with a container's address in the overlay, as the kernel has it."""
    found = read(stage.net.lab.namespace(container))
    address = stage.probe.addresses[container]
    (interface,) = (it.interface for it in found.addresses if it.address.partition("/")[0] == address)
    (link,) = (it for it in found.links if it.name == interface)
    return link.mtu_bytes


def measure_and_break(stage: Stage) -> dict[str, object]:
    """Measure a variant, then kill a daemon and the store, and return what is left and what is there again."""
    net, probe, overlay, store = stage.net, stage.probe, stage.overlay, stage.store
    measured = measure(stage)

    def shown(host: str) -> list[str]:
        return sorted({link.name for link in overlay.state(host).links} & {"br0", "vxlan0"})

    before = net["c2"].cmd("hostname").strip()
    kill(net, "h2")
    left = shown("h2"), sorted({peer.host for peer in overlay.peers("h2")})
    overlay.start("h2")
    seconds_until(lambda: overlay.is_ready("h2"))
    net.reattach("c2")
    again = before, net["c2"].cmd("hostname").strip(), shown("h2")

    new_s = None
    if store is not None:
        store.daemon.stop()
        time.sleep(5)
        store.start()
        seconds_until(store.is_ready)
        began_s = time.monotonic()
        new = Container("c9", "h3")
        attachment = overlay.attach(new)
        net.lab.add_container(new, attachment)
        probe.addresses["c9"] = attachment.address
        probe.seconds_until("c1", "c9")
        new_s = time.monotonic() - began_s
    return {**measured, "left": left, "again": again, "new_s": new_s}
