"""Scenarios of Flannel, which run in a guest beside the overlay; `tests.emulator.overlays.guest.run` starts them."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from dataclasses import asdict, replace

from emulator.lab.daemons import DaemonError
from emulator.netlink import namespaces
from emulator.overlays.flannel.overlay import Flannel
from emulator.overlays.probe import probe_overlay
from emulator.overlays.text import overlay_lines
from emulator.stores.client import Client
from emulator.system.errors import EmulationError
from tests.emulator.overlays.inside import Stage, captured, cut, kill, reached, seconds_until


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips, frames, tables and addresses of a backend."""
    net, overlay = stage.net, stage.overlay
    mtu_bytes = overlay.mtu_bytes("h1")
    return {
        **reached(stage, mtu_bytes),
        "mtu_bytes": mtu_bytes,
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "state": {host: asdict(overlay.state(host)) for host in overlay.spec.hosts},
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in overlay.spec.hosts},
        "hop": net["c1"].cmd("ping -c 1", net["c2"].IP()),
        "subnet": (overlay._folder("h1") / "subnet.env").read_text(),
        "accept_ra": net["h1"].cmd("cat /proc/sys/net/ipv6/conf/flannel.1/accept_ra"),
    }


def send_much(stage: Stage, megabytes: int) -> dict[str, object]:
    """Send random data by TCP from c1 to c2, and return what arrived, what went wrong, and the frames of a circuit."""
    net, data = stage.net, hashlib.shake_256(b"data").digest(megabytes * 2**20)
    near, far = (net.lab.namespace(name) for name in ("c1", "c2"))
    arrived = hashlib.sha256()
    with namespaces.entered(far):
        server = socket.create_server(("", 5201))

    def receive() -> None:
        with server, server.accept()[0] as connection:
            while part := connection.recv(2**20):
                arrived.update(part)

    def send() -> None:
        thread = threading.Thread(target=receive)
        thread.start()
        with namespaces.entered(near):
            client = socket.create_connection((net["c2"].IP(), 5201))
        with client:
            client.sendall(data)
        thread.join()

    frames = captured(net, "h1", net["h1"].intfNames()[0], send)
    counters = {name: net[name].cmd("grep ^Tcp: /proc/net/snmp").split("\n") for name in ("c1", "c2")}
    found = {name: dict(zip(*(line.split() for line in lines[:2]), strict=True)) for name, lines in counters.items()}
    return {
        "is_whole": arrived.digest() == hashlib.sha256(data).digest(),
        "bytes": len(data),
        "wrong": {name: [it["RetransSegs"], it["InErrs"], it["InCsumErrors"]] for name, it in found.items()},
        "log": stage.overlay.agents["h1"].log.read_text(),
        "frames": frames,
    }


def kill_an_agent(stage: Stage) -> dict[str, object]:
    """Kill the agent of h2, start another, and return what it has, compared with that before."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    before = overlay.state("h2")
    kill(net, "h2")
    time.sleep(30)
    overlay.start("h2")
    probe.seconds_until("c2", "c1")
    time.sleep(15)
    return {
        "subnet": str(overlay.subnet("h2")),
        "same": overlay.state("h2") == before,
        "peers": [peer.host for peer in overlay.peers("h1")],
        "log": overlay.agents["h2"].log.read_text(),
    }


def kill_an_agent_while_another_leaves(stage: Stage) -> dict[str, object]:
    """Stop the agent of h5 while that of h2 is dead, and return the tables of h2 before and after its start."""
    net, overlay = stage.net, stage.overlay
    kill(net, "h2")
    overlay.stop("h5")
    others = seconds_until(lambda: len(overlay.peers("h1")) == 3)
    stale = [route.destination for route in overlay.state("h2").routes]
    overlay.start("h2")
    seconds_until(lambda: len(overlay.peers("h2")) == 3)
    state = overlay.state("h2")
    return {
        "others": others,
        "stale": stale,
        "routes": [it.destination for it in state.routes],
        "fdb": [it.destination for it in state.fdb],
        "neighbours": [it.address for it in state.neighbours],
    }


def let_a_lease_end(stage: Stage) -> dict[str, object]:
    """Cut h5 off until its short lease ends, join it again, and return how long each took, in seconds."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    kill(net, "h5")
    overlay.lease_s = 20
    overlay.start("h5")
    seconds_until(lambda: overlay.agents["h5"].log.read_text().count("leased") == 2)
    time.sleep(60)
    renewed = [peer.host for peer in overlay.peers("h1")]
    cut(net, "h5", "down")
    out = seconds_until(lambda: "h5" not in [peer.host for peer in overlay.peers("h1")])
    state = repr(overlay.state("h1"))
    others = probe.steady_ms("c1", "c4") is not None
    cut(net, "h5", "up")
    back = seconds_until(lambda: "h5" in [peer.host for peer in overlay.peers("h1")])
    there = probe.seconds_until("c1", "c5")
    return {
        "renewed": renewed,
        "out": out,
        "left": "10.244.5." in state,
        "others": others,
        "back": back,
        "there": there,
        "subnet": str(overlay.subnet("h5")),
    }


def cut_the_store_off(stage: Stage) -> dict[str, object]:
    """Cut off h4, which has the store, for two minutes, and return what went on meanwhile."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    cut(net, "h4", "down")
    time.sleep(120)
    pairs = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))]
    kill(net, "h2")
    overlay.start("h2")
    time.sleep(30)
    waits = overlay.agents["h2"].log.read_text()
    meanwhile = probe.reach("c1", "c2")
    cut(net, "h4", "up")
    back = seconds_until(lambda: overlay.agents["h2"].log.read_text().count("leased") == 2)
    overlay.stop("h3")
    told = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h5")))
    return {
        "pairs": pairs,
        "waits": waits,
        "meanwhile": meanwhile,
        "back": back,
        "told": told,
        "there": probe.seconds_until("c1", "c4"),
    }


def kill_the_store(stage: Stage, loses: bool) -> dict[str, object]:
    """Kill the store, with its data if ``loses``, start it again, and return what it holds."""
    net, probe, overlay, store = stage.net, stage.probe, stage.overlay, stage.store
    store.daemon.stop(9)
    if loses:
        net["h1"].cmd("rm -rf", net.lab.processes.folder / "etcd")
    time.sleep(20)
    pairs = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c5"))]

    shown = list(overlay_lines(stage.deployment, ["h1"]))
    store.start()
    seconds_until(store.is_ready)

    def leases() -> list[str]:
        with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
            return [item.key for item in client.list_keys("/coreos.com/network/subnets/").items]

    from emulator.stores.client import Client

    all_back = seconds_until(lambda: len(leases()) == 5)
    time.sleep(10)
    overlay.stop("h5")
    told = seconds_until(lambda: len(overlay.peers("h2")) == 3)
    return {
        "pairs": pairs,
        "leases": leases(),
        "all_back": all_back,
        "told": told,
        "after": probe.reach("c1", "c3"),
        "shown": shown,
    }


def damage_tables(stage: Stage, damages: list[str]) -> dict[str, object]:
    """Run each command of ``damages`` on h1 and return what it printed, broke, and how long the repair took."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay
    probe.steady_ms("c1", "c2")
    before = overlay.state("h1")
    results = {}
    for damage in damages:
        said = net["h1"].cmd(damage)
        broken = overlay.state("h1") != before
        time.sleep(10.5)
        mended = overlay.state("h1") == before
        results[damage] = said, broken, mended, probe.seconds_until("c1", "c2")
    return {
        "results": results,
    }


def add_addresses(stage: Stage) -> dict[str, object]:
    """Add two addresses to the tunnel of h1 and return those that are left at the next check."""
    net, overlay = stage.net, stage.overlay
    for address in ("10.244.9.0/32", "192.0.2.9/32"):
        net["h1"].cmd("ip address add", address, "dev flannel.1")
    time.sleep(10.5)
    return {
        "left": [it.address for it in overlay.state("h1").addresses if it.interface == "flannel.1"],
    }


def leave_and_return(stage: Stage) -> dict[str, object]:
    """Stop the agent of h5, start it again, and return what was left and how long each took, in seconds."""
    probe, overlay = stage.probe, stage.overlay
    overlay.stop("h5")
    gone = seconds_until(lambda: all(len(overlay.peers(host)) == 3 for host in ("h1", "h2", "h3", "h4")))
    left = [link.name for link in overlay.state("h5").links]
    overlay.start("h5")
    return {
        "gone": gone,
        "left": left,
        "back": probe.seconds_until("c1", "c5"),
        "subnet": str(overlay.subnet("h5")),
    }


def ask_a_dead_agent_and_a_foreign_store(stage: Stage) -> dict[str, object]:
    """Return the errors of a dead agent, and of an overlay whose store holds another configuration."""
    net, overlay, store = stage.net, stage.overlay, stage.store

    kill(net, "h2")
    said = []
    other = Flannel(replace(overlay.spec, variant="udp"), net.lab, store)
    for attempt in (lambda: overlay.is_ready("h2"), other.prepare):
        try:
            attempt()
        except EmulationError as error:
            said.append(str(error))
    return {
        "said": said,
    }


def delete_the_device_of_udp(stage: Stage) -> dict[str, object]:
    """Delete the TUN device of h1, start the agent again, and return its error and the time until it forwards."""
    net, probe, overlay = stage.net, stage.probe, stage.overlay

    probe.steady_ms("c1", "c2")
    net["h1"].cmd("ip link delete flannel0")
    time.sleep(1)
    try:
        overlay.is_ready("h1")
        said = ""
    except DaemonError as error:
        said = str(error)
    overlay.start("h1")
    return {
        "said": said,
        "back": probe.seconds_until("c1", "c2"),
    }


def lease_of_another_backend(stage: Stage) -> dict[str, object]:
    """Put a lease of host-gw into the store and return the routes of h1 that follow from it.

    The lease has the address of h2's end of the circuit to h1, as a `flanneld` would write it.
    """
    net, overlay, store = stage.net, stage.overlay, stage.store

    with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
        client.put("/coreos.com/network/subnets/10.244.77.0-24", '{"PublicIP":"10.0.0.1","BackendType":"host-gw"}')
    time.sleep(1)
    return {
        "seen": "10.244.77.0/24" in [it.subnet for it in overlay.peers("h1")],
        "routes": [
            (it.interface, it.gateway) for it in overlay.state("h1").routes if it.destination == "10.244.77.0/24"
        ],
    }


def probe_pairs(stage: Stage) -> dict[str, object]:
    """Return the median round trips between hosts and between their containers, in µs, of each pair."""
    pairs = probe_overlay(stage.deployment, count=15)
    return {"pairs": [(it.machine_us, it.container_us) for it in pairs]}
