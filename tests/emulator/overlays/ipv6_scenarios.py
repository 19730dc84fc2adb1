"""Scenarios of overlays with IPv6, which run in a guest beside the overlay."""

from __future__ import annotations

import socket
from dataclasses import asdict

from emulator.measure.echo import Echo
from emulator.netlink import namespaces
from tests.emulator.overlays.inside import Stage, captured

_ECHOES = 9
_PATIENCE_S = 0.5
_DATABASE_PORT, _WEB_PORT = 5432, 80


def measure(stage: Stage) -> dict[str, object]:
    """Return the round trips over IPv6, the names' addresses, the frames of an echo, and what the overlay wrote."""
    net, overlay = stage.net, stage.overlay
    names = sorted(stage.deployment.ipv6_addresses)
    rtt_ms = {f"{a} {b}": _steady_ms(stage, a, b) for a in names for b in names if a < b}
    interface = net["h1"].intfNames()[0]
    mtu_bytes = overlay.mtu_bytes("h1")

    def ping(size: int) -> str:
        return str(net["c1"].cmd("ping -6 -c 1 -W 2 -M do -s", size, "c2"))

    return {
        "rtt_ms": rtt_ms,
        "reach": stage.probe.reach("c1", "c2"),
        "frames": captured(net, "h1", interface, lambda: _rtt_ms(stage, "c1", "c2")),
        "resolved": sorted({line.split()[0] for line in net["c2"].cmd("getent ahosts c1").splitlines()}),
        "first": [(item.family, item.after_ns is not None) for item in stage.deployment.first_packets],
        "mtu_bytes": mtu_bytes,
        "passes": ping(mtu_bytes - 48),
        "refused": ping(mtu_bytes - 47),
        "peers": [asdict(peer) for peer in overlay.peers("h1")],
        "state": asdict(overlay.state("h1")),
    }


def reach_with_policies(stage: Stage) -> dict[str, object]:
    """Return what reaches c3 from the other containers in each family, and what the policies are computed to allow."""
    others = sorted(set(stage.probe.addresses) - {"c3"})
    found: dict[str, object] = {}
    for family in (4, 6):
        found[f"database {family}"] = [name for name in others if _connects(stage, name, "c3", _DATABASE_PORT, family)]
        found[f"web {family}"] = [name for name in others if _connects(stage, name, "c3", _WEB_PORT, family)]
        found[f"echo {family}"] = [name for name in others if _rtt_ms(stage, name, "c3", family) is not None]
        found[f"expected {family}"] = [name for name in others if stage.overlay.lets_through(name, "c3", family)]
    found["others"] = _steady_ms(stage, "c1", "c4")
    found["peers"] = sorted(peer.subnet for peer in stage.overlay.peers("h1"))
    found["containers"] = dict(stage.deployment.ipv6_addresses)
    with stage.store.client() as client:
        items = client.list_keys("/calico/").items
    found["keys"] = [item.key for item in items if "ipv6" in item.key]
    found["node"] = next(item.value for item in items if item.key.endswith("/nodes/h1"))
    found["handle"] = next(item.value for item in items if item.key.endswith("/handle/gtsdsl.c1"))
    for host in stage.overlay.spec.hosts:
        stage.overlay.stop(host)
    left = [asdict(stage.overlay.state(host)) for host in stage.overlay.spec.hosts]
    found["left"] = [route for state in left for route in state["routes"] if "cali" not in str(route["interface"])]
    programs = ("nft list ruleset", "iptables-save", "ip6tables-save")
    found["rules"] = [stage.net["h1"].cmd(f"{program} | grep -c cali").strip() for program in programs]
    return found


def _rtt_ms(stage: Stage, near: str, far: str, family: int = 6) -> float | None:
    addresses = stage.deployment.addresses_of(6 if family == 6 else 4)
    with Echo(stage.net.lab.namespace(near), addresses[near]) as echo:
        found = echo.round_trip_ns(addresses[far], 1, _PATIENCE_S)
    return None if found is None else found / 1e6


def _steady_ms(stage: Stage, near: str, far: str) -> float | None:
    """Return the median round trip over IPv6 in ms, after echoes that find the neighbours."""
    for _ in range(3):
        _rtt_ms(stage, near, far)
    found = [_rtt_ms(stage, near, far) for _ in range(_ECHOES)]
    return None if None in found else sorted(filter(None, found))[_ECHOES // 2]


def _connects(stage: Stage, near: str, far: str, port: int, family: int) -> bool:
    lab, address = stage.net.lab, stage.deployment.addresses_of(6 if family == 6 else 4)[far]
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    with namespaces.entered(lab.namespace(far)):
        server = socket.create_server((address, port), family=kind)
    with namespaces.entered(lab.namespace(near)):
        client = socket.socket(kind)
    with server, client:
        client.settimeout(_PATIENCE_S)
        return client.connect_ex((address, port)) == 0
