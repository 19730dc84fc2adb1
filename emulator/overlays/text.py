"""The text that shows a person an overlay: the containers, peers, links and routes of each host, as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.netlink.state import KernelState
    from emulator.overlays.deployment import Deployment

_HIDDEN_KINDS = frozenset({"veth"})


def overlay_lines(deployment: Deployment, hosts: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the shell's ``overlay`` for some hosts."""
    spec = deployment.spec
    store = ""
    if deployment.store_version is not None and spec.store is not None:
        store = f"; {deployment.store_version} on {spec.store.host or spec.store.address}"
    yield f"{spec.name} {spec.variant}, {deployment.overlay.agent}{store}"
    for host in hosts:
        yield ""
        yield from _table(host, list(_rows(deployment, host)))
        for line in deployment.overlay.view(host):
            yield f"{'':12} {line}".rstrip()


def _rows(deployment: Deployment, host: str) -> Iterator[tuple[str, ...]]:
    for container in deployment.spec.containers:
        if container.host == host:
            yield "container", container.name, deployment.addresses[container.name], ""
    for peer in deployment.overlay.peers(host):
        yield "peer", peer.host, peer.subnet, f"at {peer.address}"
    for item in deployment.overlay.connections():
        if host in (item.first, item.second):
            yield "connection", item.second if host == item.first else item.first, item.method, ""
    yield from _state_rows(deployment.overlay.state(host))


def _state_rows(state: KernelState) -> Iterator[tuple[str, ...]]:
    for link in state.links:
        if link.kind not in _HIDDEN_KINDS:
            details = " ".join(_detail(name, value) for name, value in link.details if value is not None)
            yield "link", link.name, f"MTU {link.mtu_bytes}", f"{link.kind} {details}".rstrip()
    for route in state.routes:
        through = f"via {route.gateway}" if route.gateway else "on link" if route.type == "unicast" else route.type
        yield "route", route.interface or "", route.destination, " ".join((through, *route.flags))


def _detail(name: str, value: object) -> str:
    """Return an attribute of a link as `ip -details link` shows it: ``vni 1``, ``nolearning``."""
    if isinstance(value, bool):
        return name if value else f"no{name}"
    return f"{name} {value}"


def _table(host: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for number, row in enumerate(rows):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{host if number == 0 else '':12} {cells}".rstrip()
