"""Circuits that the packets of an overlay's containers do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from emulator.overlays import overlay_class
from emulator.overlays.model import OverlaySpec
from emulator.plan import Circuit, Plan
from emulator.plan.path_mtu import least_mtu_bytes, narrowest
from gtsdsl.model.units import LEAST_IPV6_MTU_BYTES, LEAST_MTU_BYTES
from gtsdsl.text import printable


@dataclass(frozen=True, slots=True)
class Misfit:
    """A circuit that packets of containers pass which are too large for it when wrapped."""

    circuit: Circuit
    message: str
    """A sentence that names the circuit, its MTU and the size of the packets."""
    hint: str
    """Advice for the user."""


def container_mtus(spec: OverlaySpec, plan: Plan) -> dict[str, int]:
    """Return the MTU of the containers of each host of an overlay, in bytes, by the host's name."""
    kind = overlay_class(spec.name)
    least = cache(lambda host: least_mtu_bytes(plan, host))
    return {host: kind.container_mtu_bytes(spec, host, least) for host in spec.hosts}


def too_small(spec: OverlaySpec, plan: Plan) -> Iterator[str]:
    """Yield a sentence if containers would have less than the least MTU of their families of addresses."""
    family, least_bytes = (4, LEAST_MTU_BYTES) if spec.ipv6_pool is None else (6, LEAST_IPV6_MTU_BYTES)
    for host, mtu_bytes in container_mtus(spec, plan).items():
        if mtu_bytes < least_bytes:
            yield (
                f"the containers of {host} would have an MTU of {max(mtu_bytes, 0)} bytes, on circuits of "
                f"{least_mtu_bytes(plan, host)}, and IPv{family} needs {least_bytes}"
            )
            return


def misfits(spec: OverlaySpec, plan: Plan) -> Iterator[Misfit]:
    """Yield each circuit that packets of containers pass which are too large for it when wrapped."""
    kind = overlay_class(spec.name)
    least = cache(lambda host: least_mtu_bytes(plan, host))
    sizes = {host: kind.wrapped_bytes(spec, host, least) for host in spec.hosts}
    largest: dict[str, tuple[Circuit, int]] = {}
    for host, circuit in narrowest(plan):
        sent_bytes = sizes.get(host, 0)
        if sent_bytes > circuit.mtu_bytes:
            before = largest.get(circuit.id, (circuit, 0))[1]
            largest[circuit.id] = circuit, max(before, sent_bytes)
    for circuit, sent_bytes in largest.values():
        fits = circuit.mtu_bytes - kind.most_added_bytes(spec)
        yield Misfit(
            circuit,
            f"circuit {printable(circuit.id, 40)} has an MTU of {circuit.mtu_bytes} bytes, and packets of "
            f"{spec.name}'s containers have up to {sent_bytes}: they are fragmented or lost",
            f"use --overlay-mtu {fits}" if "mtu_bytes" in kind.options(spec.variant) else "give all circuits one MTU",
        )
