"""Scenarios beside Flannel's built-in and real agents; `tests.emulator.overlays.guest.run` starts them in a guest."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import asdict
from ipaddress import IPv4Network

from emulator.lab.daemons import DaemonError
from emulator.netlink.state import KernelState
from emulator.overlays.flannel.leases import key_of
from tests.emulator.overlays.inside import Stage, kill, seconds_until


def everything(stage: Stage) -> dict[str, object]:
    """Return the round trips, and everything that the agents have in the kernel, in the store and in files."""
    probe, overlay = stage.probe, stage.overlay
    names = sorted(probe.addresses)
    rtt_ms = {f"{a} {b}": probe.steady_ms(a, b) for a in names for b in names if a < b}
    hosts = overlay.spec.hosts
    with stage.store.client() as client:
        leases = {item.key: json.loads(item.value) for item in client.list_keys("/coreos.com/network/subnets/").items}
    return {
        "agent": overlay.agent,
        "rtt_ms": rtt_ms,
        "first": [item.after_ns for item in stage.deployment.first_packets],
        "peers": {host: [asdict(peer) for peer in overlay.peers(host)] for host in hosts},
        "leases": {str(overlay.subnet(host)): host for host in hosts},
        "hosts": {host: {**_host(stage, host), "leases": leases[key_of(*overlay.subnets(host))]} for host in hosts},
    }


def _host(stage: Stage, host: str) -> dict[str, object]:
    node, overlay = stage.net[host], stage.overlay

    def lines(command: str) -> list[str]:
        return [line.strip() for line in str(node.cmd(command)).splitlines()]

    return {
        **asdict(overlay.state(host)),
        "file": (overlay._folder(host) / "subnet.env").read_text().splitlines(),
        "filters": lines("iptables -S; iptables -t nat -S"),
        "ipv6_filters": lines("ip6tables -S; ip6tables -t nat -S"),
        "accept_ra": lines("grep . /proc/sys/net/ipv6/conf/flannel*.1/accept_ra 2>/dev/null"),
        "ports": lines("ss -Hlun | awk '{print $4}' | sort"),
    }


SUBJECT, LEAVER = "h2", "h4"
_DEVICES = {"vxlan": "flannel.1", "udp": "flannel0", "wireguard": "flannel-wg"}
_ROUTES = {"vxlan": "10.244.3.0/24", "host-gw": "10.244.3.0/24", "udp": "10.244.0.0/16", "wireguard": "10.244.0.0/16"}
_CHECK_S = 10.5
"""A little more than the interval at which agents check the kernel's tables."""


def behaviours(stage: Stage) -> dict[str, str]:
    """Return what the agent of `SUBJECT` does on each event, in words."""
    variant = stage.overlay.spec.variant
    found = {
        "asks the store how long other leases last": _asks_for_terms(stage),
        "a route is deleted": _delete_a_route(stage, _ROUTES[variant]),
    }
    if variant in _DEVICES and not (variant == "udp" and SUBJECT in stage.overlay.spec.programs):
        found["the device is deleted"] = _delete_the_device(stage, _DEVICES[variant])
    return {
        **found,
        "another host leaves while the agent is dead": _miss_a_host_that_leaves(stage),
        "the lease is deleted": _delete_the_lease(stage),
        "SIGTERM": _end_in_order(stage, _DEVICES.get(variant)),
    }


def _asks_for_terms(stage: Stage) -> str:
    text = str(stage.net["h1"].cmd("curl -s http://127.0.0.1:2379/metrics || wget -qO- http://127.0.0.1:2379/metrics"))
    counts = [line for line in text.splitlines() if line.startswith("grpc_server_started_total")]
    assert counts
    return "yes" if any("LeaseTimeToLive" in line and not line.endswith(" 0") for line in counts) else "no"


def _is_running(stage: Stage) -> bool:
    try:
        stage.overlay.agents[SUBJECT].check()
    except DaemonError:
        return False
    return True


def _restart(stage: Stage, before: KernelState) -> None:
    """Start the agent of `SUBJECT` again, and wait until the kernel has the links and the routes that it had."""
    kill(stage.net, SUBJECT)
    stage.overlay.start(SUBJECT)
    seconds_until(lambda: _outline(stage.overlay.state(SUBJECT)) == _outline(before))


def _outline(state: KernelState) -> tuple[list[str], list[str]]:
    return [link.name for link in state.links], [route.destination for route in state.routes]


def _delete_a_route(stage: Stage, destination: str) -> str:
    overlay = stage.overlay
    before = overlay.state(SUBJECT)
    stage.net[SUBJECT].cmd(f"ip route del {destination}")
    time.sleep(_CHECK_S)
    if overlay.state(SUBJECT) == before:
        return "is written again within 10 s"
    _restart(stage, before)
    return "stays away until the agent starts again"


def _delete_the_device(stage: Stage, device: str) -> str:
    overlay = stage.overlay
    before = overlay.state(SUBJECT)
    stage.net[SUBJECT].cmd(f"ip link del {device}")
    time.sleep(_CHECK_S)
    if overlay.state(SUBJECT) == before:
        return "is made again within 10 s"
    ended = not _is_running(stage)
    is_back = device in [link.name for link in overlay.state(SUBJECT).links]
    _restart(stage, before)
    if ended:
        return "the agent ends"
    return "is made again without its routes" if is_back else "stays away until the agent starts again"


def _miss_a_host_that_leaves(stage: Stage) -> str:
    overlay = stage.overlay
    subnet = str(overlay.subnet(LEAVER))
    before = overlay.state(SUBJECT)
    kill(stage.net, SUBJECT)
    overlay.stop(LEAVER)
    overlay.start(SUBJECT)
    time.sleep(_CHECK_S)
    is_stale = subnet in repr(overlay.state(SUBJECT))
    overlay.start(LEAVER)
    seconds_until(lambda: LEAVER in [peer.host for peer in overlay.peers(SUBJECT)])
    assert len(overlay.state(SUBJECT).routes) == len(before.routes)
    return "its entries stay" if is_stale else "its entries are removed at the start"


def _delete_the_lease(stage: Stage) -> str:
    overlay = stage.overlay
    subnet = overlay.subnet(SUBJECT)
    with stage.store.client() as client:
        client.delete(key_of(subnet))
    time.sleep(_CHECK_S)
    if not _is_running(stage):
        overlay.start(SUBJECT)
        time.sleep(_CHECK_S)
        return "the agent ends"
    assert _leased(stage, subnet)
    return "the agent takes it again"


def _leased(stage: Stage, subnet: IPv4Network) -> bool:
    with stage.store.client() as client:
        return client.get(key_of(subnet)) is not None


def _end_in_order(stage: Stage, device: str | None) -> str:
    """Send the agent SIGTERM, and return what stays: the lease, the device, the routes."""
    overlay = stage.overlay
    subnet = overlay.subnet(SUBJECT)
    overlay.agents[SUBJECT].stop()
    state = overlay.state(SUBJECT)
    stays = ["the lease"] if _leased(stage, subnet) else []
    stays += ["the device"] if device in [link.name for link in state.links] else []
    stays += ["the routes"] if any(route.protocol != "kernel" for route in state.routes) else []
    return f"leaves {' and '.join(stays) or 'nothing'}"


def delete_the_device_of_udp(stage: Stage) -> None:
    """Delete the TUN device of `SUBJECT`, whose `flanneld` then computes without end."""
    stage.net[SUBJECT].cmd(f"ip link del {_DEVICES['udp']}")
    time.sleep(_CHECK_S)


def lose_the_data_of_the_store(stage: Stage) -> dict[str, object]:
    """Kill the store for 30 s, and with it its data; return what goes on, and what the store has a minute later."""
    net, probe, overlay, store = stage.net, stage.probe, stage.overlay, stage.store
    store.daemon.stop(signal.SIGKILL)
    net["h1"].cmd("rm -rf", net.lab.processes.folder / "etcd")
    time.sleep(30)
    pairs = [probe.reach(*pair) for pair in (("c1", "c2"), ("c2", "c3"), ("c3", "c4"))]
    store.start()
    seconds_until(store.is_ready)
    time.sleep(60)
    with store.client() as client:
        leases = [item.key for item in client.list_keys("/coreos.com/network/subnets/").items]
    found = {"pairs": pairs, "has_all": len(leases) == len(overlay.spec.hosts), "leases": len(leases)}
    subnet = str(overlay.subnet(LEAVER))
    overlay.stop(LEAVER)
    time.sleep(_CHECK_S)
    return {**found, "told": subnet not in repr(overlay.state(SUBJECT)), "running": _is_running(stage)}
