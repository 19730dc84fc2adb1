"""Scenarios of Calico, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict, replace

from emulator.lab.containers import Container
from emulator.netlink.handle import Handle
from emulator.netlink.state import read
from emulator.overlays.calico.overlay import Calico
from emulator.overlays.calico.resources import ROOT
from emulator.system.errors import EmulationError
from gtsdsl.model.losses import Loss
from tests.emulator.overlays.inside import Stage, cut, kill, reached, seconds_until

CIRCUIT = ("h1", "h2")
"""The hosts whose circuit is cut in a full mesh, and their containers are c1 and c2."""


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, tables and addresses of a variant."""
    net, overlay = stage.net, stage.overlay
    mtu_bytes = overlay.mtu_bytes("h1")
    return {
        **reached(stage, mtu_bytes),
        "addresses": stage.probe.addresses,
        "mtu_bytes": mtu_bytes,
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "state": {host: asdict(overlay.state(host)) for host in overlay.spec.hosts},
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "view": {host: overlay.view(host) for host in overlay.spec.hosts},
        "container": asdict(read(net.lab.namespace("c1"))),
        "sysctls": net["h1"].cmd(
            "cat /proc/sys/net/ipv4/conf/calic1/proxy_arp /proc/sys/net/ipv4/neigh/calic1/proxy_delay"
        ),
        "hop": net["c1"].cmd("ping -c 1", net["c2"].IP()),
        "keys": _values(stage),
    }


def cut_a_host_off(stage: Stage, for_s: float) -> dict[str, object]:
    """Cut h3 off for some time and return who reached whom, and how long the way back took, in seconds."""
    net, probe = stage.net, stage.probe
    for far in ("c2", "c3", "c5"):
        probe.steady_ms("c1", far)
    cut(net, "h3", "down")
    time.sleep(for_s)
    gone = not probe.reach("c1", "c3")
    others = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c4"), ("c4", "c5"), ("c5", "c1"))]
    cut(net, "h3", "up")
    there, back = probe.seconds_until("c1", "c3"), probe.seconds_until("c3", "c5")
    return {"gone": gone, "others": others, "there": there, "back": back}


def cut_a_circuit(stage: Stage, for_s: float) -> dict[str, object]:
    """Cut the circuit between h1 and h2 for some time; return who reached whom, and how long the way back took."""
    net, probe = stage.net, stage.probe
    probe.steady_ms("c1", "c2")
    net.configLinkStatus(*CIRCUIT, "down")
    time.sleep(for_s)
    gone, others = not probe.reach("c1", "c2"), [probe.reach("c1", "c3"), probe.reach("c2", "c3")]
    net.configLinkStatus(*CIRCUIT, "up")
    return {"gone": gone, "others": others, "there": probe.seconds_until("c1", "c2")}


def lose_all_packets_of_a_circuit(stage: Stage, for_s: float) -> dict[str, object]:
    """Let the circuit between h1 and h2 lose all packets without a word; return when that was noticed, and ended."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    probe.steady_ms("c1", "c2")
    (link,) = net.linksBetween(*(net[host] for host in CIRCUIT))
    before = [(it, it.impairment) for it in (link.intf1, link.intf2)]
    for interface, effect in before:
        interface.impair(replace(effect, loss=Loss(100)))
    began_s = time.monotonic()
    gone, others = not probe.reach("c1", "c2"), probe.reach("c1", "c3")

    def has_route() -> bool:
        return any(peer.host == "h2" for peer in overlay.peers("h1"))

    seconds = {"protocol": 0.0, "route": 0.0}
    while time.monotonic() - began_s < for_s:
        time.sleep(1)
        if not seconds["protocol"] and _state_of(stage, "h1", "100_64_0_2") != "Established":
            seconds["protocol"] = time.monotonic() - began_s
        if not seconds["route"] and not has_route():
            seconds["route"] = time.monotonic() - began_s
    for interface, effect in before:
        interface.impair(effect)
    there = probe.seconds_until("c1", "c2")
    # the session is younger than the guest
    return {"gone": gone, "others": others, "noticed": seconds, "age": began_s, "there": there}


def kill_a_bird(stage: Stage, host: str, for_s: float) -> dict[str, object]:
    """Kill the BIRD of a host, start it again, and return who reached whom meanwhile and how long the way back took."""
    probe, overlay = stage.probe, stage.overlay
    pairs = [("c1", "c2"), ("c2", "c3"), ("c3", "c5")]
    for pair in pairs:
        probe.steady_ms(*pair)
    before = overlay.state("h2")
    overlay.birds[host].stop(signal.SIGKILL)
    time.sleep(for_s)
    meanwhile = [probe.reach(*pair) for pair in pairs]
    overlay.start(host)
    began_s = time.monotonic()
    back = [probe.seconds_until(*pair) for pair in pairs]
    time.sleep(20)
    return {
        "meanwhile": meanwhile,
        "back": max(back),
        "took": time.monotonic() - began_s,
        "same": overlay.state("h2") == before,
        "established": [_state_of(stage, host, name) for name in _sessions(stage, host)],
    }


def kill_an_agent_while_another_leaves(stage: Stage) -> dict[str, object]:
    """Kill the agent of h2, attach a container to h2 and stop h5 meanwhile; start the agent of h2 again."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    for far in ("c1", "c3", "c5"):
        probe.steady_ms("c2", far)
    kill(net, "h2")
    time.sleep(30)
    meanwhile = [probe.reach("c2", "c1"), probe.reach("c1", "c3")]
    container = Container("late", "h2")
    attachment = overlay.attach(container)
    net.lab.add_container(container, attachment)
    probe.addresses["late"] = attachment.address
    late = probe.seconds_until("c1", "late")
    before = [route.destination for route in overlay.state("h2").routes]
    overlay.stop("h5")
    time.sleep(5)
    stale = [route.destination for route in overlay.state("h2").routes]
    overlay.start("h2")
    routes = [it for it in before if not it.endswith(".5.0/26")]
    mended = seconds_until(lambda: [it.destination for it in overlay.state("h2").routes] == routes)
    return {"meanwhile": meanwhile, "late": late, "stale": stale == before, "mended": mended}


def kill_the_store(stage: Stage, loses: bool) -> dict[str, object]:
    """Kill the store, with its data if ``loses``, start it again, and return who reached whom, and what it holds."""
    net, probe, overlay, store = stage.net, stage.probe, stage.overlay, stage.store
    before = overlay.state("h2")
    store.daemon.stop(signal.SIGKILL)
    if loses:
        net["h1"].cmd("rm -rf", net.lab.processes.folder / "etcd")
    time.sleep(20)
    pairs = (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))
    meanwhile = [probe.reach(*pair) for pair in pairs]
    store.start()
    seconds_until(store.is_ready)
    time.sleep(20)
    same = overlay.state("h2") == before
    after = [probe.reach(*pair) for pair in pairs]
    if loses:
        return {"meanwhile": meanwhile, "after": after, "same": same, "log": overlay.agents["h2"].log.read_text()}
    overlay.stop("h5")
    told = seconds_until(lambda: len(overlay.peers("h2")) == 3)
    return {"meanwhile": meanwhile, "after": after, "same": same, "told": told}


def cut_the_store_off(stage: Stage) -> dict[str, object]:
    """Cut off h4, which has the store, for two minutes; return who reached whom, and when an agent followed again."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    cut(net, "h4", "down")
    time.sleep(120)
    meanwhile = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))]
    kill(net, "h2")
    overlay.start("h2")
    time.sleep(30)
    waits = overlay.agents["h2"].log.read_text()
    cut(net, "h4", "up")
    there = probe.seconds_until("c1", "c4")
    # the agent of h3 deletes its node within a second, in which h3 might still wait for an answer to ARP
    probe.seconds_until("c3", "c4")
    overlay.stop("h3")
    told = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h5")))
    return {"meanwhile": meanwhile, "waits": waits, "there": there, "told": told}


def leave_and_return(stage: Stage) -> dict[str, object]:
    """Stop h5, start it again, and return what was left and how long each took, in seconds."""
    probe, overlay = stage.probe, stage.overlay
    before = overlay.state("h5")
    overlay.stop("h5")
    gone = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h3", "h4")))
    left = asdict(overlay.state("h5"))
    keys = [key for key in _values(stage) if "h5" in key]
    began_s = time.monotonic()
    overlay.start("h5")
    back = probe.seconds_until("c1", "c5")
    seconds_until(lambda: overlay.state("h5") == before)
    return {"gone": gone, "left": left, "keys": keys, "back": back, "same": time.monotonic() - began_s}


def damage_tables(stage: Stage, damages: list[str]) -> dict[str, object]:
    """Run each command of ``damages`` on h1 and return what it printed, broke, and whether it was repaired."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    probe.steady_ms("c1", "c2")
    before = overlay.state("h1")
    results = {}
    for damage in damages:
        said = net["h1"].cmd(damage)
        broken = overlay.state("h1") != before
        time.sleep(91)
        results[damage] = said, broken, overlay.state("h1") == before, probe.reach("c1", "c2")
    return {"results": results}


def fill_blocks(stage: Stage, count: int) -> dict[str, object]:
    """Attach many containers to h1, and return their addresses, the blocks of h1, and a ping of the last one."""
    net, overlay, probe = stage.net, stage.overlay, stage.probe
    addresses = []
    for number in range(count):
        container = Container(f"x{number}", "h1")
        attachment = overlay.attach(container)
        net.lab.add_container(container, attachment)
        probe.addresses[container.name] = attachment.address
        addresses.append(attachment.address)
    return {
        "addresses": addresses,
        "there": probe.seconds_until("c2", f"x{count - 1}"),
        "blocks": [key for key in _values(stage) if "/host/h1/ipv4/block/" in key],
        "peers": [peer.subnet for peer in overlay.peers("h2") if peer.host == "h1"],
    }


def attach_a_container_again(stage: Stage) -> dict[str, object]:
    """Attach a container of h1 a second time, and return its addresses and the addresses in use."""
    overlay = stage.overlay
    container = overlay.spec.containers[0]
    attachment = overlay.attach(container)
    stage.net.lab.replace_container(container, attachment)
    there = stage.probe.seconds_until("c2", container.name)
    return {"first": stage.probe.addresses[container.name], "second": attachment.address, "there": there}


def ask_a_dead_bird_and_a_foreign_store(stage: Stage) -> dict[str, object]:
    """Return the errors of a dead BIRD, and of an overlay whose store has another Calico."""
    overlay = stage.overlay
    overlay.birds["h2"].stop(signal.SIGKILL)
    said = []
    other = Calico(replace(overlay.spec, variant="vxlan"), stage.net.lab, stage.store)
    for attempt in (lambda: overlay.is_ready("h2"), other.prepare):
        try:
            attempt()
        except EmulationError as error:
            said.append(str(error))
    return {"said": said, "view": overlay.view("h2")}


def drop_to_a_free_address(stage: Stage) -> dict[str, object]:
    """Return what a ping to an address says that the block of h2 has and no container, and whether h1 routes it."""
    net = stage.net
    with Handle(net.lab.namespace("h1")) as kernel:
        route = kernel.route_to("10.244.2.63")
    return {"said": net["c1"].cmd("ping -c 1 -W 1 10.244.2.63"), "route": asdict(route)}


def leave(stage: Stage) -> dict[str, object]:
    """Remove the overlay from the store, and return the keys that are left."""
    stage.overlay.leave()
    return {"keys": list(_values(stage))}


def _values(stage: Stage) -> dict[str, str]:
    with stage.store.client() as client:
        return {item.key: item.value for item in client.list_keys(ROOT).items}


def _sessions(stage: Stage, host: str) -> list[str]:
    return [line.split()[0] for line in stage.overlay.view(host) if " BGP " in line and "---" in line]


def _state_of(stage: Stage, host: str, session: str) -> str:
    """Return the state of a BGP session by a part of its name, such as ``Established``."""
    (line,) = (it for it in stage.overlay.view(host) if session in it.partition(" ")[0] and " BGP " in it)
    return str(line).split()[-1]
