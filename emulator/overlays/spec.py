"""Overlay specifications: a user's request and a plan, checked against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from emulator.docker import reexec
from emulator.docker.containers import MEMORY_BYTES
from emulator.docker.image import built_in_image, find_image
from emulator.flavors import flavor_limits
from emulator.lab.containers import Container
from emulator.options import IPV6_POOL, SUBNET_POOL, Flag, OverlayOptions
from emulator.overlays import names, overlay_class
from emulator.overlays.base import IPV6_OPTIONS, Overlay
from emulator.overlays.model import OverlaySpec
from emulator.overlays.mtu import too_small
from emulator.overlays.policy.model import PolicySpec
from emulator.overlays.ways import way_of
from emulator.plan import Plan
from emulator.plan.cpu import require_stages
from emulator.stores.model import StoreLocation
from emulator.system.errors import OverlayError
from gtsdsl.text import did_you_mean, nearest_or_all, printable

_MAX_CONTAINERS = 200
"""The limit of containers on a host, which a host's subnet of 254 addresses has room for."""
_SPECIAL = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
"""The networks that no host has addresses in: "this network", loopback, multicast, and reserved (RFC 6890)."""
_IPV6_SPECIAL = tuple(map(IPv6Network, ("::/3", "fe80::/10", "ff00::/8")))
"""The same of IPv6: unspecified, loopback, mapped and reserved, link-local, and multicast (RFC 4291, section 2.4)."""
_SOME_TAKE = IPV6_OPTIONS | {"agent", "password", "reflectors", "policy", "policy_engine", "labels", "mtu_bytes"}
"""The fields of `OverlayOptions` that an overlay takes only if `Overlay.options` names them."""
_MAX_PARTS_SHOWN, _MAX_HOSTS_SHOWN = 4, 8
_Pool = TypeVar("_Pool", IPv4Network, IPv6Network)


def make_spec(
    plan: Plan, options: OverlayOptions, *, store: StoreLocation | None = None, flavors: bool = False
) -> OverlaySpec:
    """Return the specification of an overlay on all hosts of a plan, with the image of its Docker containers.

    The arguments are those of `plan_spec`.

    Raises:
        EmulationError: the overlay or the variant is unknown, the overlay cannot run on this topology, or the image
            cannot be found or made.
    """
    spec = plan_spec(plan, options, store=store, flavors=flavors)
    if spec.runtime != "docker":
        return spec
    reexec.build()
    return replace(spec, image=_image(options.image))


def plan_spec(
    plan: Plan, options: OverlayOptions, *, store: StoreLocation | None = None, flavors: bool = False
) -> OverlaySpec:
    """Return the specification of an overlay on all hosts of a plan except the store's additional host.

    It has no image of Docker containers yet. ``store`` is None for a store on the first host, if the variant needs one.
    With ``flavors``, the flavor of a host limits each of its containers.

    Raises:
        EmulationError: the overlay or the variant is unknown, or the overlay cannot run on this topology.
    """
    name, variant = find_variant(options.name)
    kind = overlay_class(name)
    _check_options(options, kind, variant)
    runtime = options.runtime or kind.runtimes[0]
    if runtime not in kind.runtimes:
        choices = " or ".join(kind.runtimes)
        raise OverlayError(f"{name} has no containers of the runtime {runtime}: use --runtime {choices}")
    if not kind.needs_store(variant):
        if store is not None:
            raise OverlayError(f"{name} {variant} keeps nothing in a store: omit --store")
    elif store is None:
        store = StoreLocation(host=plan.hosts[0].name)
    if runtime != "docker" and options.image is not None:
        raise OverlayError("--image is for Docker containers: add --runtime docker")
    if not 0 <= options.containers <= _MAX_CONTAINERS:
        raise OverlayError(f"{options.containers} containers on each host: the number must be 0 to {_MAX_CONTAINERS}")
    hosts = tuple(host.name for host in plan.hosts if not host.is_store)
    limits_of = {
        host.name: flavor_limits(host.flavor_id if flavors else None) for host in plan.hosts if not host.is_store
    }
    _check_joined(plan)
    pool = _ipv4_pool(plan, options.subnet_pool)
    ipv6_pool = _ipv6_pool(plan, options)
    used_names = _node_names(plan)
    free_names = (f"c{number}" for number in range(1, 10**9) if f"c{number}" not in used_names)
    containers = tuple(
        Container(next(free_names), host, *limits)
        for host, limits in limits_of.items()
        for _ in range(options.containers)
    )
    spec = OverlaySpec(
        name=name,
        variant=variant,
        hosts=hosts,
        containers=containers,
        subnet_pool=str(pool),
        runtime=runtime,
        store=store,
        agent=options.agent,
        password=options.password,
        reflectors=_find_hosts(options.reflectors, hosts),
        policy=_policy(plan, options, containers),
        ipv6_pool=None if ipv6_pool is None else str(ipv6_pool),
        mtu_bytes=options.mtu_bytes,
    )
    for reason in (*kind.refuses(spec), *too_small(spec, plan)):
        raise OverlayError(reason)
    spec = replace(spec, programs=kind.programs(spec))
    for reason in kind.misfits(spec, plan):
        raise OverlayError(f"{name} {variant}: {reason}")
    if plan.cpu is not None:
        require_stages(plan.cpu, way_of(spec).stages, f"{name} {variant}")
    return spec


def find_variant(text: str) -> tuple[str, str]:
    """Return the overlay and the variant that ``flannel:udp`` names; without a variant, the overlay's default.

    Raises:
        OverlayError: the overlay or the variant is unknown.
    """
    name, colon, variant = text.partition(":")
    kind = overlay_class(name)
    variants = kind.variants
    variant = variant if colon else kind.default_variant()
    if variant not in variants:
        near = nearest_or_all(variant, list(variants))
        said = f"has no variant {printable(variant, 40)}" if variant else "has a colon, but no variant"
        raise OverlayError(f"{name} {said}; {near}")
    return name, variant


def _check_options(options: OverlayOptions, kind: type[Overlay], variant: str) -> None:
    """Refuse an option that only other overlays take, and an empty value."""
    for field in fields(options):
        flag, value = Flag.of(field.metadata), getattr(options, field.name)
        if field.name not in _SOME_TAKE or value in (None, (), False):
            continue
        if field.name not in kind.options(variant):
            takers = ", ".join(_takers(field.name))
            # the reason against IPv6 is one for both of its options
            reason = kind.reasons.get("ipv6" if field.name in IPV6_OPTIONS else field.name) or (
                f"{takers} does" if takers else ""
            )
            raise OverlayError(f"{options.name} takes no {flag.name}" + (f": {reason}" if reason else ""))
        if value == "":
            raise OverlayError(f"{flag.name} is empty: write {flag.name} {flag.metavar}")


def _takers(field: str) -> Iterator[str]:
    """Yield the overlays that take an option, each with its variant if others of its variants do not."""
    for name in names():
        kind = overlay_class(name)
        takers = [variant for variant in kind.variants if field in kind.options(variant)]
        yield from [name] if len(takers) == len(kind.variants) else [f"{name}:{variant}" for variant in takers]


def _policy(plan: Plan, options: OverlayOptions, containers: Sequence[Container]) -> PolicySpec | None:
    """Return the network policies of the user's file, with the labels of the containers; None without a file."""
    if options.policy is None:
        for name, value in (("--policy-engine", options.policy_engine), ("--label", options.labels)):
            if value:
                raise OverlayError(f"{name} is for network policies: add --policy FILE")
        return None
    from emulator.overlays.policy.labels import container_labels
    from emulator.overlays.policy.reader import read_policy_file

    resources = read_policy_file(options.policy)
    labels = container_labels(plan, containers, options.labels)
    return PolicySpec(resources.policies, resources.network_sets, labels, options.policy_engine or "nftables")


def _find_hosts(wanted: Sequence[str], hosts: Sequence[str]) -> tuple[str, ...]:
    for name in wanted:
        if name not in hosts:
            near = did_you_mean(name, list(hosts)) or f"the hosts are {_listed(hosts)}"
            raise OverlayError(f"--reflectors: the topology has no host {printable(name, 40)}; {near}")
        if wanted.count(name) > 1:
            raise OverlayError(f"--reflectors names the host {name} twice: name it once")
    return tuple(wanted)


def memory_bytes(spec: OverlaySpec) -> int:
    """Return the memory of a guest for an overlay and its containers, of which the largest uses all that it may."""
    needed = overlay_class(spec.name).memory_bytes
    largest = max((container.memory_bytes or 0 for container in spec.containers), default=0)
    return largest + (max(needed, MEMORY_BYTES) if spec.runtime == "docker" else needed)


def _image(path: str | None) -> str:
    """Return the absolute path of an image's archive, so that it is valid wherever the overlay will run."""
    return str((built_in_image() if path is None else find_image(path)).path.resolve())


def _ipv4_pool(plan: Plan, text: str) -> IPv4Network:
    """Return the network of the containers' addresses."""
    taken = [(host.loopback, host.name) for host in plan.hosts]
    taken += [
        (end.address, f"circuit {printable(circuit.id)}")
        for circuit in plan.circuits
        for end in circuit.ends
        if end.address is not None
    ]
    return _checked(IPv4Network, text, SUBNET_POOL, _SPECIAL, taken)


def _ipv6_pool(plan: Plan, options: OverlayOptions) -> IPv6Network | None:
    """Return the network of the containers' IPv6 addresses; None without IPv6."""
    if not options.ipv6 and options.ipv6_pool is None:
        return None
    if not plan.has_ipv6:
        raise OverlayError("--overlay-ipv6 needs hosts with IPv6: omit --ipv4-only")
    taken = [(host.ipv6_loopback, host.name) for host in plan.hosts if host.ipv6_loopback is not None]
    taken += [(end.ipv6_address, end.name) for end in plan.ends if end.ipv6_address is not None]
    return _checked(IPv6Network, options.ipv6_pool or IPV6_POOL, IPV6_POOL, _IPV6_SPECIAL, taken)


def _checked(
    kind: type[_Pool], text: str, usual: str, special: Sequence[_Pool], taken: Sequence[tuple[str, str]]
) -> _Pool:
    """Return the containers' network of a text, which may not overlap the addresses that others have taken.

    ``usual`` is a network to name in an error. No host can have an address of the networks ``special``.
    """
    noun = "the containers' network" if kind is IPv4Network else "the containers' IPv6 network"
    try:
        pool = kind(text)
    except ValueError as error:
        raise OverlayError(f"{noun} {printable(text, 60)}: {error}; write it as {usual}") from None
    if any(pool.overlaps(it) for it in special):
        raise OverlayError(f"{noun} {pool} has addresses that no host can have; use {usual}")
    for address, owner in taken:
        if kind(address, strict=False).overlaps(pool):
            raise OverlayError(f"{noun} {pool} overlaps {address} of {owner}")
    return pool


def _check_joined(plan: Plan) -> None:
    parts = list(_parts(plan))
    if len(parts) > 1:
        listed = " | ".join(_listed(part) for part in parts[:_MAX_PARTS_SHOWN])
        listed += " | …" if parts[_MAX_PARTS_SHOWN:] else ""
        raise OverlayError(f"no overlay can join the {len(parts)} unconnected parts of the topology: {listed}")


def _listed(part: Sequence[str]) -> str:
    return ", ".join(part[:_MAX_HOSTS_SHOWN]) + (", …" if part[_MAX_HOSTS_SHOWN:] else "")


def _parts(plan: Plan) -> Iterator[list[str]]:
    """Yield the connected parts of a plan, each as the names of its hosts."""
    near: dict[str, list[str]] = {name: [] for name in _node_names(plan)}
    switches = {switch.name for switch in plan.switches}
    for circuit in plan.circuits:
        # a switch's port with an address leads to its controller, and the switch forwards nothing through it
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
