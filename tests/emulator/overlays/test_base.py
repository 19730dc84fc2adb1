"""The interface of all overlays: the answers of an overlay that defines only what it must."""

from __future__ import annotations

import os

import pytest

from emulator.lab.lab import Lab
from emulator.netlink.handle import ETHERNET_MTU_BYTES, Handle
from emulator.options import OverlayOptions
from emulator.overlays import names, overlay_class
from emulator.overlays.base import Overlay
from emulator.overlays.none import NoOverlay
from emulator.overlays.spec import make_spec
from emulator.plan import Options, plan
from tests.emulator.topologies import joined

PLAN = plan(joined([("a", "b"), ("b", "c")]), Options(impaired=False))
SPEC = make_spec(PLAN, OverlayOptions("none"))


def test_an_overlay_needs_no_store_and_refuses_nothing_unless_it_says_so() -> None:
    assert not Overlay.needs_store("host")
    assert list(Overlay.lacks(SPEC)) == []
    assert list(Overlay.refuses(SPEC)) == []


def test_an_overlay_must_define_each_abstract_part() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Overlay(SPEC, Lab(PLAN), None)  # type: ignore[abstract]


@pytest.mark.parametrize("name", names())
def test_each_overlay_has_a_default_variant_and_a_default_runtime(name: str) -> None:
    kind = overlay_class(name)
    assert len(set(kind.variants)) == len(kind.variants) > 0
    assert set(kind.runtimes) <= {"process", "docker"}
    assert len(kind.runtimes) > 0


def test_a_host_has_the_address_and_the_circuits_of_the_plan() -> None:
    overlay = NoOverlay(SPEC, Lab(PLAN), None)
    assert [overlay.loopback(host) for host in SPEC.hosts] == ["100.64.0.1", "100.64.0.2", "100.64.0.3"]
    assert [overlay.circuits(host) for host in SPEC.hosts] == [("a-eth0",), ("b-eth0", "b-eth1"), ("c-eth0",)]


@pytest.mark.networks
def test_the_largest_packet_is_that_of_a_hosts_narrowest_circuit() -> None:
    with Lab(PLAN) as lab:
        overlay = NoOverlay(SPEC, lab, None)
        assert os.path.sameopenfile(overlay.namespace("b"), lab.namespace("b"))
        with Handle(lab.namespace("b")) as kernel:
            kernel.set_up("b-eth1", mtu_bytes=1400)
        assert [overlay.circuit_mtu_bytes(host) for host in ("a", "b")] == [ETHERNET_MTU_BYTES, 1400]
