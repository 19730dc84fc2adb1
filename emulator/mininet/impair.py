"""Words of a person about a circuit (`down`, `delay 40ms loss 1%`) to what its two ends do from now on."""

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


def find_link(network: EmulatedNetwork, circuit: str) -> EmulatedLink:
    """The link with a circuit's id.

    Raises:
        EmulationError: there is none.
    """
    found: dict[str, EmulatedLink] = {link.id: link for link in network.links}
    if circuit not in found:
        near = did_you_mean(circuit[:80], list(found))
        raise EmulationError(f"there is no link {printable(circuit, 80)}{f'; {near}' if near else ''}")
    return found[circuit]


def impair(network: EmulatedNetwork, circuit: str, words: Sequence[str]) -> None:
    """Take a circuit up or down, or change what is named of its delay, jitter, loss and rate, in both directions.

    Raises:
        EmulationError: there is no such circuit, or the words make no sense; the message says how they are to be.
    """
    link = find_link(network, circuit)
    if list(words) in (["up"], ["down"]):
        for interface in (link.intf1, link.intf2):
            interface.ifconfig(words[0])
        return
    if not words or len(words) % 2:
        raise EmulationError(f"usage: {USAGE}")
    for interface in (link.intf1, link.intf2):
        interface.impair(_changed(interface.impairment, words))


def _changed(effect: Impairment, words: Sequence[str]) -> Impairment:
    for what, value in zip(words[::2], words[1::2], strict=True):
        if what not in _CHANGES:
            near = did_you_mean(what[:80], LINK_WORDS) or f"usage: {USAGE}"
            raise EmulationError(f"a link has no {printable(what, 40)}; {near}")
        try:
            effect = _CHANGES[what](effect, value)
        except ValueError as error:
            raise EmulationError(f"{what}: {error}") from None
    return effect


def described(interface: EmulatedIntf) -> str:
    """What an interface does to packets, for a person."""
    effect = interface.impairment
    parts = [f"{effect.rtt_ms:g} ms"]
    if effect.jitter_us:
        parts.append(f"± {effect.jitter_us / 1000:g} ms")
    if effect.loss_percent:
        parts.append(f"{effect.loss_percent:g} % lost")
    parts.append(f"{effect.rate_bps / 1e6:g} Mbit/s")
    return ", ".join(parts)
