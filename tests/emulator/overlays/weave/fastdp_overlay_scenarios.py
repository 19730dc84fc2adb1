"""Scenarios of `--overlay weave:fastdp`, which run in a guest; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import re
import time

from emulator.netlink import namespaces, xfrm
from emulator.netlink.connection import Netlink
from emulator.netlink.datapath import Datapath
from emulator.overlays.outcome import overlay_outcome
from emulator.overlays.weave import fastdp_links
from tests.emulator.overlays.inside import Stage, captured, kill, reached, seconds_until

_ALL_NODES = "ff02::1"
_MTU_BYTES = 1376


def method(stage: Stage, first: str, second: str) -> str:
    """Return how two hosts forward to each other."""
    found: str = next(it.method for it in stage.overlay.connections() if {it.first, it.second} == {first, second})
    return found


def await_method(stage: Stage, wanted: str) -> float:
    """Wait until all hosts forward to each other by a method, and return the seconds that it took."""
    return seconds_until(lambda: all(it.method == wanted for it in stage.overlay.connections()))


def measure(stage: Stage) -> dict[str, object]:
    """Return round trips, frames of an echo, and what becomes of the largest packet and of IPv6."""
    await_method(stage, "fastdp")
    return {
        **reached(stage, _MTU_BYTES),
        "ports": {host: _ports(stage, host) for host in stage.overlay.spec.hosts},
        "answers by IPv6": _answers(stage),
    }


def _ports(stage: Stage, host: str) -> list[str]:
    """Return the names of the ports of a host's datapath, by their numbers."""
    with namespaces.entered(stage.net.lab.namespace(host)), Datapath(fastdp_links.DATAPATH) as datapath:
        return [port.name for port in datapath.ports()]


def _answers(stage: Stage) -> list[str]:
    """Give all containers an address of IPv6; return which of them answer an echo of c1 to all nodes (``ff02::1``)."""
    names = sorted(stage.probe.addresses)
    for number, name in enumerate(names, 1):
        stage.net[name].cmd(f"ip -6 address add fd00::{number}/64 dev ethwe nodad")
    said = stage.net["c1"].cmd(f"ping -6 -c 2 -i 1 -W 2 -I fd00::1%ethwe {_ALL_NODES}%ethwe")
    answers = set(re.findall(r"bytes from fd00::(\d+)", said))
    return [name for number, name in enumerate(names, 1) if str(number) in answers]


def encrypt(stage: Stage) -> dict[str, object]:
    """Return the frames of an echo between c1 and c2, and what h1 needs to encrypt and decrypt them."""
    net, probe = stage.net, stage.probe
    await_method(stage, "fastdp")
    rtt_ms = probe.steady_ms("c1", "c2")
    interface = net["h1"].intfNames()[0]
    frames = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))
    with namespaces.entered(net.lab.namespace("h1")), Netlink(xfrm.NETLINK_XFRM) as netlink:
        keys = {f"{it.source} {it.destination} {it.spi}": it.key.hex() for it in xfrm.associations(netlink)}
        policies = [[it.source, it.destination, it.mark] for it in xfrm.policies(netlink)]
    rules = net["h1"].cmd("iptables-save").replace("\r", "")  # a terminal's
    # without the associations, nothing leaves in plain text
    net["h1"].cmd("ip xfrm policy flush")
    without = captured(net, "h1", interface, lambda: probe.rtt_ms("c1", "c2"))
    stage.overlay.stop("h1")
    left = net["h1"].cmd("iptables-save; ip xfrm state; ip xfrm policy")
    return {
        "rtt_ms": rtt_ms,
        "frames": frames,
        "keys": keys,
        "policies": policies,
        "rules": rules,
        "without policies": without,
        "left": left,
    }


def drop_the_tunnel(stage: Stage) -> dict[str, object]:
    """Drop UDP 6784 everywhere, and let it pass again; return by what and when the hosts forward."""
    net, probe, hosts = stage.net, stage.probe, stage.overlay.spec.hosts
    at_first = await_method(stage, "fastdp")
    fast_ms = probe.steady_ms("c1", "c2")
    for host in hosts:
        net[host].cmd("iptables -I INPUT -p udp --dport 6784 -j DROP")
    fell_back = await_method(stage, "sleeve")
    passes = probe.seconds_until("c1", "c2")
    sleeve_ms = probe.steady_ms("c1", "c2")
    text = "\n".join(stage.overlay.view("h1"))
    fails = overlay_outcome(stage.deployment, 0, lambda _: None).has_gaps
    for host in hosts:
        net[host].cmd("iptables -D INPUT -p udp --dport 6784 -j DROP")
    back = await_method(stage, "fastdp")
    return {
        "at first": at_first,
        "fast_ms": fast_ms,
        "fell back": fell_back,
        "passes": passes,
        "sleeve_ms": sleeve_ms,
        "view": text,
        "a probe fails": fails,
        "back": back,
        "fast again_ms": probe.steady_ms("c1", "c2"),
        "losses": sum(probe.rtt_ms("c1", "c3") is None for _ in range(20)),
    }


def cut_a_circuit(stage: Stage) -> dict[str, object]:
    """Bring the circuit between h1 and h2 down and up; return when containers reach each other, and by which way."""
    net, probe = stage.net, stage.probe
    await_method(stage, "fastdp")
    direct_ms = probe.steady_ms("c1", "c2")
    net.configLinkStatus("h1", "h2", "down")
    passes = probe.seconds_until("c1", "c2")
    relayed_ms = probe.steady_ms("c1", "c2")
    others_ms = probe.steady_ms("c1", "c3")
    net.configLinkStatus("h1", "h2", "up")
    limit_ms = (direct_ms or 0) + 1

    def is_direct() -> bool:
        found = probe.rtt_ms("c1", "c2")
        return found is not None and found < limit_ms

    back = seconds_until(is_direct)
    return {
        "direct_ms": direct_ms,
        "passes": passes,
        "relayed_ms": relayed_ms,
        "others_ms": others_ms,
        "back": back,
        "method": method(stage, "h1", "h2"),
    }


def kill_and_stop(stage: Stage) -> dict[str, object]:
    """Kill the agent of h1, and start it; stop it in order, and start it; return what passes meanwhile."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    await_method(stage, "fastdp")
    direct_ms = probe.steady_ms("c1", "c2")
    kill(net, "h1")
    # the datapath forwards by its flows without an agent
    while_dead_ms = probe.steady_ms("c1", "c2")
    time.sleep(5)
    overlay.start("h1")
    back = probe.seconds_until("c1", "c2")
    fast_again = await_method(stage, "fastdp")
    again_ms = probe.steady_ms("c1", "c2")
    overlay.stop("h1")
    links = net["h1"].cmd("ip -oneline link show").replace("\r", "")
    while_stopped = probe.reach("c1", "c2")
    others_ms = probe.steady_ms("c2", "c3")
    overlay.start("h1")
    back_after_stop = probe.seconds_until("c1", "c2")
    fast_after_stop = await_method(stage, "fastdp")
    return {
        "direct_ms": direct_ms,
        "while dead_ms": while_dead_ms,
        "back": back,
        "fast again": fast_again,
        "again_ms": again_ms,
        "links": re.findall(r"^\d+: ([\w-]+)", links, re.MULTILINE),
        "while stopped": while_stopped,
        "others_ms": others_ms,
        "back after stop": back_after_stop,
        "fast after stop": fast_after_stop,
        "at last_ms": probe.steady_ms("c1", "c2"),
        "associations": len(net["h2"].cmd("ip xfrm state").split("proto esp")) - 1,
    }
