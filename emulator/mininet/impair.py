"""The shell's ``link``: what a user's words change at a circuit, such as ``down`` or ``delay 40ms loss 1%``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.system.errors import EmulationError
from gtsdsl.model.jitter import SHAPES
from gtsdsl.model.units import UNIT_US
from gtsdsl.text import both, did_you_mean, printable
from gtsdsl.topology.changes import CHANGES, changed
from gtsdsl.topology.effect_texts import EffectText, effect_texts
from gtsdsl.topology.impairments import JITTERED_DUPLICATES, Directions, size_text

if TYPE_CHECKING:
    from emulator.mininet.interfaces import EmulatedIntf, EmulatedLink
    from emulator.mininet.network import EmulatedNetwork

_EXAMPLES = {
    "rtt": "40ms",
    "delay": "18ms/20ms",
    "jitter": "1ms normal",
    "order": "kept",
    "loss": "1%",
    "corrupt": "1%",
    "duplicate": "1%",
    "reorder": "25%",
    "mtu": "1400",
    "black_hole": "true",
    "bandwidth": "100",
}
"""A value of each of `CHANGES`."""
USAGE = " ".join(["link ID up | down |", *(f"[{name} {value}]" for name, value in _EXAMPLES.items())])
_VALUE_WORDS = frozenset({*SHAPES, "kept", "free", "gap", "gemodel", *UNIT_US})
"""The words that a value may have beside numbers."""

_STATES = ("up", "down")
LINK_WORDS = (*_STATES, *CHANGES)
"""The words that may follow a circuit's id in the shell's ``link``."""


def impair(network: EmulatedNetwork, circuit: str, words: Sequence[str]) -> None:
    """Set a circuit up or down, or change its delay, jitter, loss, rate or MTU; the rest stays as it is.

    A value is for both directions, or has a part for each: ``18ms/20ms``. It may have several words: ``1ms normal``.
    An MTU is for both directions.

    Raises:
        EmulationError: there is no such circuit, or a word is wrong or missing; the message says what to write.
    """
    interfaces = interfaces_of(network, circuit)
    if len(words) == 1 and words[0] in _STATES:
        for interface in interfaces:
            interface.ifconfig(words[0])
        return
    effects = _changed((interfaces[0].impairment, interfaces[1].impairment), _changes(words))
    for interface, effect in zip(interfaces, effects, strict=True):
        interface.impair(effect)


def impairment_text(link: EmulatedLink) -> str:
    """Return what a circuit does to packets, for a person: ``40 ms, 1 % lost, 1000 Mbit/s``.

    Where the directions differ, both values are there: ``38 ms (18/20), 0/1 % lost, 1000 Mbit/s``.
    """
    there, back = link.intf1.impairment, link.intf2.impairment
    delays = both(there.delay_ns / 1e6, back.delay_ns / 1e6)
    parts = [f"{(there.delay_ns + back.delay_ns) / 1e6:g} ms" + (f" ({delays})" if "/" in delays else "")]
    parts += [_done(text) for text in effect_texts(there, back)]
    parts.append(both(there.rate_bps / 1e6, back.rate_bps / 1e6, "Mbit/s"))
    if size := size_text(there):
        parts.append(size)
    return ", ".join(parts)


_DONE = {"loss": "lost", "corrupt": "corrupted", "duplicate": "duplicated", "reorder": "reordered"}


def _done(text: EffectText) -> str:
    if text.name == "jitter":
        return f"± {text}"
    return f"{text.figure} {_DONE[text.name]} {text.detail}".rstrip()


def interfaces_of(network: EmulatedNetwork, circuit: str) -> tuple[EmulatedIntf, EmulatedIntf]:
    """Return both interfaces of a circuit, the one at its first end first.

    Raises:
        EmulationError: there is no such circuit.
    """
    circuit_id = network.lab.circuit(circuit).id
    link: EmulatedLink = next(link for link in network.links if link.id == circuit_id)
    return link.intf1, link.intf2


def _changes(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return each attribute with its value: ``delay 40ms loss gemodel 1% 10%`` has two.

    Raises:
        EmulationError: an attribute is unknown, or has no value.
    """
    found: list[tuple[str, list[str]]] = []
    for word in " ".join(words).split():
        if word in CHANGES:
            found.append((word, []))
        elif not found or (found[-1][1] and word.isalpha() and word not in _VALUE_WORDS):
            if word in _STATES:
                raise EmulationError(f"`{word}` stands alone, without other words")
            near = did_you_mean(word[:80], LINK_WORDS) or f"usage: {USAGE}"
            raise EmulationError(f"a link has no {printable(word, 40)}; {near}")
        else:
            found[-1][1].append(word)
    if not found:
        raise EmulationError(f"usage: {USAGE}")
    for what, value in found:
        if not value:
            raise EmulationError(f"`{what}` has no value: write one, such as `{what} {_EXAMPLES[what]}`")
    return [(what, " ".join(value)) for what, value in found]


def _changed(directions: Directions, changes: Sequence[tuple[str, str]]) -> Directions:
    """Return changed copies of both directions."""
    for what, value in changes:
        try:
            directions = changed(directions, what, value)
        except ValueError as error:
            raise EmulationError(f"{what}: {error}") from None
    if any(direction.duplicates_jittered for direction in directions):
        raise EmulationError(JITTERED_DUPLICATES)
    return directions
