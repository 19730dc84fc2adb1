"""The shell's ``link``: what a user's words change at a circuit, such as ``down`` or ``delay 40ms loss 1%``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.system.errors import EmulationError
from gtsdsl.model.units import parse_bandwidth, parse_duration_us, parse_loss
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.impairments import Impairment

if TYPE_CHECKING:
    from emulator.mininet.interfaces import EmulatedIntf, EmulatedLink
    from emulator.mininet.network import EmulatedNetwork

USAGE = "link ID up | down | [rtt 40ms] [delay 20ms] [jitter 1ms] [loss 1%] [bandwidth 100]"

_CHANGES: Mapping[str, Callable[[Impairment, str], Impairment]] = {
    "rtt": lambda effect, value: replace(effect, rtt_us=parse_duration_us(value)),
    "delay": lambda effect, value: replace(effect, rtt_us=2 * parse_duration_us(value)),
    "jitter": lambda effect, value: replace(effect, jitter_us=parse_duration_us(value)),
    "loss": lambda effect, value: replace(effect, loss_percent=parse_loss(value)),
    "bandwidth": lambda effect, value: replace(effect, rate_bps=parse_bandwidth(value)),
}
LINK_WORDS = ("up", "down", *_CHANGES)
"""The words that may follow a circuit's id in the shell's ``link``."""


def impair(network: EmulatedNetwork, circuit: str, words: Sequence[str]) -> None:
    """Set a circuit up or down, or change its delay, jitter, loss or rate in both directions; the rest stays as it is.

    Raises:
        EmulationError: there is no such circuit, or a word is wrong; the message shows the usage.
    """
    interfaces = _interfaces(network, circuit)
    if list(words) in (["up"], ["down"]):
        for interface in interfaces:
            interface.ifconfig(words[0])
        return
    if not words or len(words) % 2:
        raise EmulationError(f"usage: {USAGE}")
    for interface in interfaces:
        interface.impair(_changed(interface.impairment, words))


def impairment_text(interface: EmulatedIntf) -> str:
    """Return what an interface does to packets, for a person: ``40 ms, 1 % lost, 1000 Mbit/s``."""
    effect = interface.impairment
    parts = [f"{effect.rtt_ms:g} ms"]
    if effect.jitter_us:
        parts.append(f"± {effect.jitter_us / 1000:g} ms")
    if effect.loss_percent:
        parts.append(f"{effect.loss_percent:g} % lost")
    parts.append(f"{effect.rate_bps / 1e6:g} Mbit/s")
    return ", ".join(parts)


def _interfaces(network: EmulatedNetwork, circuit: str) -> tuple[EmulatedIntf, EmulatedIntf]:
    circuit_id = network.lab.circuit(circuit).id
    link: EmulatedLink = next(link for link in network.links if link.id == circuit_id)
    return link.intf1, link.intf2


def _changed(effect: Impairment, words: Sequence[str]) -> Impairment:
    """Return a changed copy of an impairment; ``words`` are pairs of a property and a value: ``delay``, ``40ms``."""
    for what, value in zip(words[::2], words[1::2], strict=True):
        if what not in _CHANGES:
            near = did_you_mean(what[:80], LINK_WORDS) or f"usage: {USAGE}"
            raise EmulationError(f"a link has no {printable(what, 40)}; {near}")
        try:
            effect = _CHANGES[what](effect, value)
        except ValueError as error:
            raise EmulationError(f"{what}: {error}") from None
    return effect
