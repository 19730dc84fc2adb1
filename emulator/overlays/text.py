"""The text that shows a person an overlay: the containers, peers, links and routes of each host, as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.netlink.state import KernelState
    from emulator.overlays.base import Overlay
    from emulator.overlays.deployment import Deployment

_ERROR_CHARACTERS = 100
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
        view = list(_view(deployment.overlay, host))
        yield from [""] if view else []
        yield from (f"{'':12} {line}".rstrip() for line in view)


def _rows(deployment: Deployment, host: str) -> Iterator[tuple[str, ...]]:
    for container in deployment.spec.containers:
        if container.host == host:
            for addresses in (deployment.addresses, deployment.ipv6_addresses):
                if container.name in addresses:
                    yield "container", container.name, addresses[container.name], ""
    for peer in deployment.overlay.peers(host):
        yield "peer", peer.host, peer.subnet, f"at {peer.address}"
    for item in deployment.overlay.connections():
        if host in (item.first, item.second):
            yield "connection", item.second if host == item.first else item.first, item.method, ""
    yield from _state_rows(deployment.overlay.state(host))


def _view(overlay: Overlay, host: str) -> Iterator[str]:
    """Yield the overlay's own view of a host; of a host whose agent has died, the error, because the others go on."""
    try:
        yield from overlay.view(host)
    except EmulationError as error:
        yield printable(str(error), _ERROR_CHARACTERS)


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


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of cells as lines in which the columns are aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _table(host: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for number, line in enumerate(columns(rows)):
        yield f"{host if number == 0 else '':12} {line}"
