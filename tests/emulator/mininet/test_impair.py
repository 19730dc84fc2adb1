"""The shell's ``link``: words that change a circuit.

A kernel without netem cannot delay packets, so interfaces here note an impairment that they get, and send none of it to
the kernel. `tests/emulator/session/test_emulate.py` measures impairments in a guest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.lab.lab import Lab
from emulator.mininet.impair import USAGE, impair, impairment_text
from emulator.mininet.interfaces import EmulatedIntf
from emulator.mininet.network import EmulatedNetwork
from emulator.plan import plan
from emulator.system.errors import EmulationError
from gtsdsl.model.jitter import Jitter
from gtsdsl.model.losses import Loss, parse_loss
from gtsdsl.model.shares import Reorder, Share
from gtsdsl.topology.changes import CHANGES
from gtsdsl.topology.impairments import Impairment
from tests.emulator.topologies import joined


class NotingIntf(EmulatedIntf):
    """An interface that notes an impairment instead of sending it to the kernel."""

    def impair(self, effect: Impairment) -> None:
        self._changed = effect


@pytest.fixture
def network() -> EmulatedNetwork:
    """Hosts a and b, joined by the circuit l1, whose delay is 20 ms one way."""
    lab = Lab(plan(joined([("a", "b", "20ms")])))
    (circuit,) = lab.plan.circuits
    first, second = (NotingIntf(lab, None, end, circuit) for end in circuit.ends)
    link = SimpleNamespace(id=circuit.id, intf1=first, intf2=second)
    return cast(EmulatedNetwork, SimpleNamespace(lab=lab, links=[link]))


def effects(network: EmulatedNetwork) -> list[Impairment]:
    """Return the impairments of both directions of the only circuit."""
    (link,) = network.links
    return [link.intf1.impairment, link.intf2.impairment]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("rtt 90ms", {"rtt_us": 90_000}),
        ("delay 90ms", {"rtt_us": 180_000}),
        ("jitter 250us", {"jitter": Jitter(250)}),
        (
            "jitter 1ms 25% normal loss gemodel 1% 100%",
            {"jitter": Jitter(1000, 25, "normal"), "loss": parse_loss("gemodel 1%")},
        ),
        ("order kept reorder 25% 50% gap 5", {"order": "kept", "reorder": Reorder(25, 50, 5)}),
        ("corrupt 1% 10% duplicate 2 % 20%", {"corrupt": Share(1, 10), "duplicate": Share(2, 20)}),
        ("loss 1.5%", {"loss": Loss(1.5)}),
        ("bandwidth 100", {"rate_bps": 100_000_000}),
        ("mtu 1400", {"mtu_bytes": 1400}),
        ("black_hole true", {"is_black_hole": True}),
        ("delay 1ms loss 2% delay 3ms", {"rtt_us": 6000, "loss": Loss(2.0)}),
    ],
)
def test_words_change_both_directions_and_the_rest_stays(
    network: EmulatedNetwork, words: str, changes: dict[str, object]
) -> None:
    before = Impairment(rtt_us=40_000)
    assert effects(network) == [before] * 2
    impair(network, "l1", words.split())
    assert effects(network) == [replace(before, **changes)] * 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("circuit", "words", "message"),
    [
        ("l9", "down", "unknown link l9"),
        ("l1", "", f"usage: {USAGE}"),
        ("l1", "loss", "`loss` has no value: write one, such as `loss 1%`"),
        ("l1", "delay 1ms order", "`order` has no value: write one, such as `order kept`"),
        ("l1", "down loss 1%", "`down` stands alone, without other words"),
        ("l1", "jitter loss 1%", "`jitter` has no value: write one, such as `jitter 1ms normal`"),
        ("l1", "delay 1ms los 2%", "a link has no los; did you mean `loss`"),
        ("l1", "delay 1ms colour red", f"a link has no colour; usage: {USAGE}"),
        ("l1", "mtu 67", "mtu: 67 is out of range"),
        ("l1", "mtu 1500/9000", "an MTU belongs to the whole circuit"),
        ("l1", "black_hole on", 'black_hole: "on" is neither true nor false'),
        ("l1", "delay 1ms loss 2", 'loss: "2" is not a share; write a percentage with its sign'),
    ],
)
def test_a_wrong_word_is_an_error_and_changes_nothing(
    network: EmulatedNetwork, circuit: str, words: str, message: str
) -> None:
    before = effects(network)
    with pytest.raises(EmulationError) as error:
        impair(network, circuit, words.split())
    assert message in str(error.value)
    assert effects(network) == before


def test_a_persons_text_names_only_what_the_interface_does(network: EmulatedNetwork) -> None:
    (link,) = network.links
    assert impairment_text(link) == "40 ms, 1000 Mbit/s"
    impair(network, "l1", ["jitter", "1.5ms", "loss", "0.1%", "bandwidth", "0.5"])
    assert impairment_text(link) == "40 ms, ± 1.5 ms, 0.1 % lost, 0.5 Mbit/s"
    impair(network, "l1", ["delay", "18ms/20ms", "loss", "0%/2%"])
    assert impairment_text(link) == "38 ms (18/20), ± 1.5 ms, 0/2 % lost, 0.5 Mbit/s"
    impair(network, "l1", ["mtu", "9000", "black_hole", "true"])
    assert impairment_text(link) == "38 ms (18/20), ± 1.5 ms, 0/2 % lost, 0.5 Mbit/s, MTU 9000, black hole"
    impair(network, "l1", ["mtu", "1500", "black_hole", "false"])
    impair(network, "l1", ["rtt", "40ms"])
    assert impairment_text(link) == "40 ms, ± 1.5 ms, 0/2 % lost, 0.5 Mbit/s"


@pytest.mark.parametrize("attribute", CHANGES)
def test_the_usage_has_a_value_of_each_attribute(network: EmulatedNetwork, attribute: str) -> None:
    (words,) = re.findall(rf"\[({attribute} [^]]+)\]", USAGE)
    impair(network, "l1", ["rtt", "1ms"])
    before = effects(network)
    impair(network, "l1", words.split())
    assert effects(network) != before


@pytest.mark.networks
def test_a_circuit_goes_down_and_up_at_both_ends(trio: EmulatedNetwork) -> None:
    link = trio.links[0]
    for word, is_up in (("down", False), ("up", True)):
        impair(trio, "l1", [word])
        assert [link.intf1.isUp(), link.intf2.isUp()] == [is_up, is_up]
