"""What a user asks of an overlay, and a plan, to the overlay's specification; what cannot be is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from emulator.docker.containers import MEMORY_BYTES
from emulator.docker.image import built_in_image, find_image
from emulator.flavors import limits
from emulator.lab.containers import Container
from emulator.overlays import overlay
from emulator.overlays.model import OverlaySpec, Runtime
from emulator.plan import Plan
from emulator.stores.model import StoreLocation
from emulator.system.errors import OverlayError
from gtsdsl.text import did_you_mean, printable

NETWORK = "10.244.0.0/16"
"""Where containers get their addresses from if nothing is said; flannel's manifest has the same."""

_MAX_CONTAINERS = 200
"""What fits well into a host's subnet."""
_SPECIAL = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
"""This network, loopback, multicast and what is reserved (RFC 6890)."""
_PARTS_SHOWN, _HOSTS_SHOWN = 4, 8


def spec(
    plan: Plan,
    text: str,
    *,
    containers: int = 1,
    runtime: Runtime | None = None,
    store: StoreLocation | None = None,
    network: str = NETWORK,
    image_path: str | None = None,
    flavors: bool = False,
) -> OverlaySpec:
    """The specification of an overlay, ``flannel`` or ``flannel:udp``, on all hosts of a plan but the store's machine.

    ``containers`` is their number on each host. Without a ``store`` one is on the first host, where one is needed.
    Without an ``image_path``, containers of Docker get the one that is made here. With ``flavors``, each container may
    have as much as its host's flavor says, and no more.

    Raises:
        EmulationError: there is no such overlay or form, or it cannot be on this topology.
    """
    name, colon, form = text.partition(":")
    kind = overlay(name)
    form = form if colon else kind.forms[0]
    if form not in kind.forms:
        near = did_you_mean(form, list(kind.forms))
        raise OverlayError(f"{name} has no form {printable(form, 40)}; {near or 'there are ' + ', '.join(kind.forms)}")
    runtime = runtime or kind.runtimes[0]
    if runtime not in kind.runtimes:
        raise OverlayError(f"{name} has containers of the runtime {' or '.join(kind.runtimes)}, not {runtime}")
    if not kind.needs_store(form):
        if store is not None:
            raise OverlayError(f"{name} {form} keeps nothing in a store: leave --store out")
    elif store is None:
        store = StoreLocation(host=plan.hosts[0].name)
    if runtime != "docker" and image_path is not None:
        raise OverlayError("an image is for containers of Docker: add --runtime docker")
    if not 0 <= containers <= _MAX_CONTAINERS:
        raise OverlayError(f"{containers} containers a host: there can be 0 to {_MAX_CONTAINERS}")
    hosts = tuple(host.name for host in plan.hosts if not host.is_store)
    limits_of = {host.name: limits(host.flavor_id if flavors else None) for host in plan.hosts if not host.is_store}
    _check_joined(plan)
    pool = _network(network)
    _check_free(plan, pool)
    taken = _node_names(plan)
    free = (f"c{number}" for number in range(1, 10**9) if f"c{number}" not in taken)
    asked = OverlaySpec(
        name=name,
        form=form,
        hosts=hosts,
        containers=tuple(
            Container(next(free), host, *most) for host, most in limits_of.items() for _ in range(containers)
        ),
        network=str(pool),
        runtime=runtime,
        store=store,
    )
    for why in kind.refuses(asked):
        raise OverlayError(why)
    return replace(asked, image=_image(image_path)) if runtime == "docker" else asked


def memory_bytes(asked: OverlaySpec) -> int:
    """What a guest needs for an overlay and its containers, the largest of them as large as it may get."""
    needed = overlay(asked.name).memory_bytes
    largest = max((container.memory_bytes or 0 for container in asked.containers), default=0)
    return largest + (max(needed, MEMORY_BYTES) if asked.runtime == "docker" else needed)


def _image(path: str | None) -> str:
    """The path of an archive that is there, for wherever the network will run."""
    return str((built_in_image() if path is None else find_image(path)).path.resolve())


def _network(text: str) -> IPv4Network:
    try:
        pool = IPv4Network(text)
    except ValueError as error:
        raise OverlayError(f"the containers' network {printable(text, 40)}: {error}; write it as {NETWORK}") from None
    if any(pool.overlaps(special) for special in _SPECIAL):
        raise OverlayError(f"the containers' network {pool} has addresses that no host can have; take {NETWORK}")
    return pool


def _check_free(plan: Plan, pool: IPv4Network) -> None:
    for host in plan.hosts:
        if IPv4Network(host.loopback).overlaps(pool):
            raise OverlayError(f"the containers' network {pool} overlaps the address {host.loopback} of {host.name}")
    for circuit in plan.circuits:
        for end in circuit.ends:
            if end.address is not None and IPv4Network(end.address, strict=False).overlaps(pool):
                raise OverlayError(
                    f"the containers' network {pool} overlaps {end.address} of circuit {printable(circuit.id)}"
                )


def _check_joined(plan: Plan) -> None:
    parts = list(_parts(plan))
    if len(parts) > 1:
        listed = " | ".join(_listed(part) for part in parts[:_PARTS_SHOWN]) + (" | …" if parts[_PARTS_SHOWN:] else "")
        raise OverlayError(f"the topology is in {len(parts)} parts, which no overlay can join: {listed}")


def _listed(part: Sequence[str]) -> str:
    return ", ".join(part[:_HOSTS_SHOWN]) + (", …" if part[_HOSTS_SHOWN:] else "")


def _parts(plan: Plan) -> Iterator[list[str]]:
    """The hosts that reach each other, part by part."""
    near: dict[str, list[str]] = {name: [] for name in _node_names(plan)}
    switches = {switch.name for switch in plan.switches}
    for circuit in plan.circuits:
        # a switch's port with an address is its way to its controller, by which it passes nothing on
        if any(end.node in switches and end.address is not None for end in circuit.ends):
            continue
        first, second = circuit.first.node, circuit.second.node
        near[first].append(second)
        near[second].append(first)
    hosts = [host.name for host in plan.hosts]
    seen: set[str] = set()
    for host in hosts:
        if host not in seen:
            waiting, part = [host], {host}
            while waiting:
                for node in near[waiting.pop()]:
                    if node not in part:
                        part.add(node)
                        waiting.append(node)
            seen |= part
            yield [name for name in hosts if name in part]


def _node_names(plan: Plan) -> set[str]:
    return {host.name for host in plan.hosts} | {switch.name for switch in plan.switches}
