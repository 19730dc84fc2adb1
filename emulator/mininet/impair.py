"""The shell's ``link``: what a user's words change at a circuit, such as ``down`` or ``delay 40ms loss 1%``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.system.errors import EmulationError
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.changes import CHANGES, changed
from gtsdsl.topology.impairments import Directions

if TYPE_CHECKING:
    from emulator.mininet.interfaces import EmulatedIntf, EmulatedLink
    from emulator.mininet.network import EmulatedNetwork

USAGE = "link ID up | down | [rtt 40ms] [delay 20ms or 18ms/20ms] [jitter 1ms] [loss 1%] [bandwidth 100]"


LINK_WORDS = ("up", "down", *CHANGES)
"""The words that may follow a circuit's id in the shell's ``link``."""


def impair(network: EmulatedNetwork, circuit: str, words: Sequence[str]) -> None:
    """Set a circuit up or down, or change its delay, jitter, loss or rate; the rest stays as it is.

    A value is for both directions, or has a part for each: ``18ms/20ms``.

    Raises:
        EmulationError: there is no such circuit, or a word is wrong; the message shows the usage.
    """
    interfaces = interfaces_of(network, circuit)
    if list(words) in (["up"], ["down"]):
        for interface in interfaces:
            interface.ifconfig(words[0])
        return
    if not words or len(words) % 2:
        raise EmulationError(f"usage: {USAGE}")
    effects = _changed((interfaces[0].impairment, interfaces[1].impairment), words)
    for interface, effect in zip(interfaces, effects, strict=True):
        interface.impair(effect)


def impairment_text(link: EmulatedLink) -> str:
    """Return what a circuit does to packets, for a person: ``40 ms, 1 % lost, 1000 Mbit/s``.

    Where the directions differ, both values are there: ``38 ms (18/20), 0/1 % lost, 1000 Mbit/s``.
    """
    there, back = link.intf1.impairment, link.intf2.impairment
    delays = _both(there.delay_ns / 1e6, back.delay_ns / 1e6)
    parts = [f"{(there.delay_ns + back.delay_ns) / 1e6:g} ms" + (f" ({delays})" if "/" in delays else "")]
    if there.jitter_us or back.jitter_us:
        parts.append(f"± {_both(there.jitter_us / 1000, back.jitter_us / 1000)} ms")
    for share, word in (
        ((there.loss.percent, back.loss.percent), "lost"),
        ((there.corrupt_percent, back.corrupt_percent), "corrupted"),
        ((there.duplicate_percent, back.duplicate_percent), "duplicated"),
        ((there.reorder_percent, back.reorder_percent), "reordered"),
    ):
        if any(share):
            parts.append(f"{_both(*share)} % {word}")
    parts.append(f"{_both(there.rate_bps / 1e6, back.rate_bps / 1e6)} Mbit/s")
    return ", ".join(parts)


def _both(there: float, back: float) -> str:
    return f"{there:g}" if there == back else f"{there:g}/{back:g}"


def interfaces_of(network: EmulatedNetwork, circuit: str) -> tuple[EmulatedIntf, EmulatedIntf]:
    """Return both interfaces of a circuit, the one at its first end first.

    Raises:
        EmulationError: there is no such circuit.
    """
    circuit_id = network.lab.circuit(circuit).id
    link: EmulatedLink = next(link for link in network.links if link.id == circuit_id)
    return link.intf1, link.intf2


def _changed(directions: Directions, words: Sequence[str]) -> Directions:
    """Return changed copies of both directions. ``words`` are pairs, such as ``delay`` and ``40ms``."""
    for what, value in zip(words[::2], words[1::2], strict=True):
        if what not in CHANGES:
            near = did_you_mean(what[:80], LINK_WORDS) or f"usage: {USAGE}"
            raise EmulationError(f"a link has no {printable(what, 40)}; {near}")
        try:
            directions = changed(directions, what, value)
        except ValueError as error:
            raise EmulationError(f"{what}: {error}") from None
    return directions
