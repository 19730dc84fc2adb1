"""Policies on Calico's containers, in a guest: the packets that pass, and the rules when agents stop and come back."""

from __future__ import annotations

import signal
import socket
import subprocess

from emulator.netlink import namespaces
from tests.emulator.overlays.inside import Stage, kill

_PATIENCE_S = 0.5


def reach_between_segments(stage: Stage) -> dict[str, object]:
    """Return what passes between all containers and to h1, what is logged, and the views of the hosts."""
    names = sorted(stage.probe.addresses)
    pairs = [(near, far) for near in names for far in names if near != far]
    subprocess.run(["dmesg", "--clear"], check=True)
    found: dict[str, object] = {
        f"tcp {port}": [f"{near} {far}" for near, far in pairs if _connects(stage, near, far, port)]
        for port in (5432, 80)
    }
    lines = subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout.splitlines()
    sources = {word.removeprefix("SRC=") for line in lines if "calico-packet" in line for word in line.split()}
    host = stage.net.plan.loopback("h1")
    return {
        **found,
        "icmp": [f"{near} {far}" for near, far in pairs if stage.probe.reach(near, far)],
        "expected": [f"{near} {far}" for near, far in pairs if stage.overlay.lets_through(near, far)],
        "to h1": [name for name in names if " 1 received" in stage.net[name].cmd(f"ping -c 1 -W 1 {host}")],
        "logged": sorted(name for name, address in stage.probe.addresses.items() if address in sources),
        "views": {host: stage.overlay.view(host)[0] for host in stage.overlay.spec.hosts},
    }


def stop_and_start_the_agent_of_a_host(stage: Stage, engine: str) -> dict[str, object]:
    """Return what passes while the agent of h3 is dead, after it is back, and when it was stopped in order."""
    found: dict[str, object] = {"before": _what_passes(stage)}
    kill(stage.net, "h3")
    found["agent dead"] = _what_passes(stage)
    stage.overlay.start("h3")
    stage.net["h1"].cmd("sleep 2")
    found["agent back"] = _what_passes(stage)
    rules = _rules(stage, engine)
    found["hooks"] = sum("cali-FORWARD" in line and ("jump" in line or "-A FORWARD" in line) for line in rules)
    stage.overlay.agents["h3"].stop(signal.SIGTERM)
    found["left"] = _rules(stage, engine)
    return found


def _what_passes(stage: Stage) -> list[bool]:
    """Return whether c1 reaches c3 by an echo, and c4 by TCP and by an echo."""
    echo, database = stage.probe.reach("c1", "c3"), _connects(stage, "c4", "c3", 5432)
    return [echo, database, stage.probe.reach("c4", "c3")]


def _connects(stage: Stage, near: str, far: str, port: int) -> bool:
    lab, address = stage.net.lab, stage.probe.addresses[far]
    with namespaces.entered(lab.namespace(far)):
        server = socket.create_server((address, port))
    with namespaces.entered(lab.namespace(near)):
        client = socket.socket()
    with server, client:
        client.settimeout(_PATIENCE_S)
        return client.connect_ex((address, port)) == 0


def _rules(stage: Stage, engine: str) -> list[str]:
    program = ["nft", "list", "ruleset"] if engine == "nftables" else ["iptables-save"]
    with namespaces.entered(stage.net.lab.namespace("h3")):
        text = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "cali" in line]
