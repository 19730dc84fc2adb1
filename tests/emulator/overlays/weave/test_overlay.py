"""The checks of the overlay weave before anything starts: what it takes, refuses and lacks."""

from __future__ import annotations

import sys

import pytest

from emulator.lab.containers import Container
from emulator.options import OverlayOptions
from emulator.overlays.model import OverlaySpec
from emulator.overlays.spec import make_spec
from emulator.overlays.weave.overlay import Weave, _networks
from emulator.overlays.weave.status import Share
from emulator.plan import plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined

TWO = plan(joined([("a", "b")]))
WORD = "correct horse"


def spec(pool: str = "10.244.0.0/16", containers: int = 1, word: str | None = None) -> OverlaySpec:
    found = tuple(Container(f"c{number}", "h1") for number in range(containers))
    return OverlaySpec("weave", "sleeve", ("h1", "h2"), found, pool, "process", password=word)


@pytest.mark.parametrize("name", ["weave", "weave:fastdp", "weave:sleeve"])
def test_both_variants_take_a_password_and_the_fast_datapath_is_the_default(name: str) -> None:
    made = make_spec(TWO, OverlayOptions(name, password=WORD))
    assert made.password == WORD
    assert made.variant == (name.partition(":")[2] or "fastdp")
    assert make_spec(TWO, OverlayOptions(name)).password is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (OverlayOptions("weave", password=""), "--overlay-password is empty: write --overlay-password PASSWORD"),
        (OverlayOptions("weave:sleve"), "weave has no variant sleve; did you mean `sleeve`?"),
        (OverlayOptions("weave", reflectors=("a",)), "weave takes no --reflectors: calico:rr does"),
        (
            OverlayOptions("weave", subnet_pool="10.9.0.0/30", containers=2),
            "the containers' network 10.9.0.0/30 is too small: 6 addresses are needed",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(options: OverlayOptions, said: str) -> None:
    with pytest.raises(EmulationError) as refused:
        make_spec(TWO, options)
    assert str(refused.value) == said


def test_a_pool_must_have_room_for_hosts_and_containers() -> None:
    assert list(Weave.refuses(spec(pool="10.9.0.0/30"))) == []
    assert list(Weave.refuses(spec(pool="10.9.0.0/30", containers=3)))
    assert list(Weave.refuses(spec(pool="10.9.0.0/31", containers=0)))


def test_a_password_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(Weave.lacks(spec())) == []
    assert list(Weave.lacks(spec(word=WORD))) == []
    monkeypatch.setitem(sys.modules, "nacl.bindings", None)
    assert list(Weave.lacks(spec())) == []
    assert list(Weave.lacks(spec(word=WORD))) == [
        "the Python package PyNaCl is missing: `pip install 'gtsdsl[emulation]'`"
    ]


def test_the_ranges_of_a_peer_are_shown_as_networks() -> None:
    share = Share("02:00:00:00:00:01", "h1", True, 192, ((0x0AF40000, 0x0AF40080), (0x0AF400C0, 0x0AF40100)))
    assert _networks(share) == "10.244.0.0/25, 10.244.0.192/26"
    assert _networks(None) == ""
