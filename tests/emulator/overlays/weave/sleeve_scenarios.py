"""Scenarios of Weave's sleeve in a guest, started by `tests.emulator.overlays.guest.run`."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
import time
from array import array
from dataclasses import asdict

from emulator.mininet.impair import impair
from emulator.netlink import namespaces
from emulator.overlays.text import overlay_lines
from tests.emulator.overlays.inside import Stage, cut, kill, ping, reached

_SETTLE_S = 3.0
"""Peers announce their connections a second after a change."""
_SIOCETHTOOL, _ETHTOOL_GTXCSUM = 0x8946, 0x16
_IFREQ = struct.Struct("16sP16x")
"""The name of an interface, and the address of a question."""


def measure(stage: Stage) -> dict[str, object]:
    """Return round trips, frames, sizes, tables and what the routers know."""
    net, overlay = stage.net, stage.overlay
    mtu_bytes = overlay.mtu_bytes("h1")
    return {
        **reached(stage, mtu_bytes),
        "fragmented": ping(stage, 4000, "-M dont"),
        "addresses": stage.probe.addresses,
        "mtu_bytes": mtu_bytes,
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "state": asdict(overlay.state("h1")),
        "connections": [asdict(item) for item in overlay.connections()],
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "view": list(overlay.view("h2")),
        "shown": list(overlay_lines(stage.deployment, ["h1"])),
        "parameters": net["c1"].cmd(
            "cat /proc/sys/net/ipv4/neigh/ethwe/{base_reachable_time,delay_first_probe_time,ucast_solicit}"
        ),
        "multicast": net["c1"].cmd("ip route show 224.0.0.0/4"),
        "macs": {name: _mac(stage, name) for name in ("c1", "c2")},
        "leaves_checksums": _leaves_checksums(stage, "c1"),
    }


def _mac(stage: Stage, container: str) -> str:
    found = re.search(r"link/ether (\S+)", stage.net[container].cmd("ip link show ethwe"))
    assert found is not None
    return str(found[1])


def _leaves_checksums(stage: Stage, container: str) -> bool:
    """Return whether a container's interface leaves checksums to the receiver, as a veth pair does by default."""
    question = array("I", [_ETHTOOL_GTXCSUM, 2])
    with namespaces.entered(stage.net.lab.namespace(container)):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with end:
        fcntl.ioctl(end.fileno(), _SIOCETHTOOL, _IFREQ.pack(b"ethwe", question.buffer_info()[0]))
    return bool(question[1])


def _steady(stage: Stage, *far: str) -> None:
    for name in far:
        stage.probe.steady_ms("c1", name)


def _methods(stage: Stage) -> dict[str, str]:
    return {f"{it.first} {it.second}": it.method for it in stage.overlay.connections()}


def _until(stage: Stage, near: str, far: str, most_ms: float, step_s: float = 0.25) -> float | None:
    """Return the seconds until a round trip takes at most ``most_ms``; None if that does not happen in five minutes."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < 300:
        sent_s = time.monotonic()
        rtt_ms = stage.probe.rtt_ms(near, far, patience_s=step_s)
        if rtt_ms is not None and rtt_ms <= most_ms:
            return round(sent_s - began_s, 3)
        time.sleep(max(0.0, step_s - (time.monotonic() - sent_s)))
    return None


def cut_a_circuit(stage: Stage) -> dict[str, object]:
    """Cut the circuit between h1 and h2, and mend it; return how long packets took another way, and what is said."""
    _steady(stage, "c2", "c3")
    impair(stage.net, "l1", ["down"])
    relayed_s = _until(stage, "c1", "c2", 100)
    time.sleep(_SETTLE_S)
    relayed_ms = stage.probe.steady_ms("c1", "c2")
    methods = _methods(stage)
    others = stage.probe.reach("c1", "c3")
    impair(stage.net, "l1", ["up"])
    direct_s = _until(stage, "c1", "c2", 40)
    time.sleep(_SETTLE_S)
    return {
        "relayed_s": relayed_s,
        "relayed_ms": relayed_ms,
        "methods": methods,
        "others": others,
        "direct_s": direct_s,
        "direct_ms": stage.probe.steady_ms("c1", "c2"),
        "methods_after": _methods(stage),
    }


def cut_a_host_off(stage: Stage) -> dict[str, object]:
    """Cut h3 off for a minute; return who reached whom, and the seconds until it is back."""
    probe, overlay = stage.probe, stage.overlay
    _steady(stage, "c2", "c3")
    cut(stage.net, "h3", "down")
    gone = not probe.reach("c1", "c3")
    time.sleep(60)
    others = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c4"), ("c4", "c5"))]
    methods = _methods(stage)
    known = [peer.host for peer in overlay.peers("h1")]
    shares = [line for line in overlay.view("h1") if "(h3)" in line and "IPs" in line]
    cut(stage.net, "h3", "up")
    return {
        "gone": gone,
        "others": others,
        "methods": methods,
        "known": known,
        "shares": shares,
        "back_s": _until(stage, "c1", "c3", 40),
    }


def kill_and_stop_a_router(stage: Stage) -> dict[str, object]:
    """Kill the router of h4, start it, stop it in order, and start it again."""
    probe, overlay = stage.probe, stage.overlay
    _steady(stage, "c4", "c5")
    address = probe.addresses["c4"]
    kill(stage.net, "h4")
    time.sleep(10)
    without = probe.reach("c1", "c4")
    others = [probe.reach("c1", "c5"), probe.reach("c2", "c3")]
    overlay.start("h4")
    killed_s = _until(stage, "c1", "c4", 20)
    again = overlay._clients["h4"].allocate("c4", 5.0)
    time.sleep(_SETTLE_S)
    overlay.stop("h4")
    time.sleep(_SETTLE_S)
    left = [link.name for link in overlay.state("h4").links]
    known = [peer.host for peer in overlay.peers("h1")]
    overlay.start("h4")
    stopped_s = _until(stage, "c1", "c4", 20)
    time.sleep(_SETTLE_S)
    return {
        "without": without,
        "others": others,
        "killed_s": killed_s,
        "address": [address, again],
        "left": left,
        "known": known,
        "stopped_s": stopped_s,
        "known_after": [peer.host for peer in overlay.peers("h1")],
        "log": overlay.agents["h4"].log.read_text(),
    }


def fill_a_connection(stage: Stage) -> dict[str, object]:
    """Send TCP and small UDP packets between two containers, and return what arrived."""
    net = stage.net
    net["c2"].cmd("iperf3 --server --daemon")
    tcp = net["c1"].cmd("iperf3 --json --time 2 -c", net["c2"].IP())
    small = net["c1"].cmd("iperf3 --json --udp --length 100 --bandwidth 8M --time 1 -c", net["c2"].IP())
    large = net["c1"].cmd("iperf3 --json --udp --length 3000 --bandwidth 8M --time 1 -c", net["c2"].IP())
    return {"tcp": tcp, "small": small, "large": large}
