"""The catalog of overlays: its entries, and what is missing for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.overlays import catalog, names
from emulator.overlays.catalog import entries, survey, with_agents
from emulator.overlays.flannel.overlay import Flannel
from emulator.overlays.model import OverlaySpec
from emulator.system.errors import EmulationError

LONGEST_WAY = 40
"""The characters that a line of the table has room for."""


def test_it_has_each_variant_of_each_overlay_with_the_default_first() -> None:
    assert tuple(dict.fromkeys(entry.overlay for entry in entries())) == names()
    assert [entry.variant for entry in entries() if entry.overlay == "flannel"] == list(Flannel.variants)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_a_variant_describes_itself_in_a_few_words(entry: catalog.Entry) -> None:
    assert 0 < len(entry.about.forwards) <= LONGEST_WAY
    assert entry.about.agent
    assert not entry.about.forwards.endswith(".")


def test_the_flags_are_those_of_the_command_line() -> None:
    flags = {entry.name: entry.flags for entry in entries()}
    assert flags["calico:rr"][-1] == "--reflectors"
    assert flags["weave:sleeve"] == ("--overlay-mtu", "--overlay-password")
    assert flags["geneve:mesh"] == ("--overlay-ipv6", "--overlay-ipv6-network", "--overlay-mtu")
    assert flags["flannel:udp"] == ("--agent",)


def test_what_only_a_password_needs_does_not_keep_the_variant_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(spec: OverlaySpec) -> list[str]:
        return ["a kernel"] if spec.password is None else ["a kernel", "PyNaCl"]

    monkeypatch.setattr(catalog, "missing", missing)
    found = survey()
    assert found.lacks["weave:sleeve"] == ("a kernel",)
    assert found.option_lacks["weave:sleeve"] == {"--overlay-password": ("PyNaCl",)}
    assert found.option_lacks["geneve:mesh"] == {}


def test_each_engine_of_policies_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(spec: OverlaySpec) -> list[str]:
        return [] if spec.policy is None else [f"no {spec.policy.engine}"]

    monkeypatch.setattr(catalog, "missing", missing)
    assert survey().option_lacks["calico:bgp"] == {
        "--policy-engine nftables": ("no nftables",),
        "--policy-engine iptables": ("no iptables",),
    }


def test_an_error_is_a_missing_thing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(spec: OverlaySpec) -> list[str]:
        raise EmulationError(f"no namespaces for {spec.name}")

    monkeypatch.setattr(catalog, "missing", missing)
    assert survey().lacks["geneve:mesh"] == ("no namespaces for geneve",)


def test_an_agent_that_has_not_been_built_is_said_with_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def programs(spec: OverlaySpec) -> dict[str, object]:
        raise EmulationError(f"{spec.agent} flanneld: gtsdsl agents build flannel")

    monkeypatch.setattr(Flannel, "programs", programs)
    monkeypatch.setattr(catalog, "missing", lambda _: [])
    found = survey()
    assert found.option_lacks["flannel:vxlan"] == {}
    more = with_agents(found).option_lacks["flannel:vxlan"]
    assert more == {"--agent real": ("real flanneld: gtsdsl agents build flannel",)}
    assert with_agents(replace(found, option_lacks={"flannel:vxlan": {"--x": ()}})).option_lacks["flannel:vxlan"] == {
        "--x": (),
        **more,
    }
