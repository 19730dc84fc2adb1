"""Specifications of overlays: names, variants, stores, subnet pools, and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gtsdsl
from emulator.docker import programs
from emulator.lab.containers import Container
from emulator.options import OverlayOptions
from emulator.overlays import names, overlay_class
from emulator.overlays.base import Overlay
from emulator.overlays.model import OverlaySpec
from emulator.overlays.pairs import joined as joined_pairs
from emulator.overlays.spec import find_variant, make_spec
from emulator.plan import Plan, plan
from emulator.plan.build import Options
from emulator.stores.model import StoreLocation
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from tests.emulator.samples import ROOT
from tests.emulator.topologies import joined, mesh, ring

TWO = plan(joined([("a", "b")]))


def test_the_overlays_are_the_modules_of_the_package() -> None:
    assert {"flannel", "geneve", "libnetwork", "none"} <= set(names())
    assert overlay_class("none").variants == ("host",)
    assert all(issubclass(overlay_class(name), Overlay) for name in names())


@pytest.mark.parametrize(
    ("version", "variant"), [("", "kv"), ("20.10.24", "kv"), ("23.0.0", "swarm"), ("28.2.2", "swarm")]
)
def test_dockers_overlay_without_a_variant_is_one_that_the_docker_has(
    monkeypatch: pytest.MonkeyPatch, version: str, variant: str
) -> None:
    monkeypatch.setattr(programs, "version", lambda: version)
    assert find_variant("libnetwork") == ("libnetwork", variant)
    lacks = overlay_class("libnetwork").lacks
    assert not list(lacks(_libnetwork(variant)))
    assert bool(list(lacks(_libnetwork("kv")))) is (variant == "swarm")


def _libnetwork(variant: str) -> OverlaySpec:
    return OverlaySpec("libnetwork", variant, ("h1",), (), "10.244.0.0/16", "docker", None)


def test_a_container_a_host_unless_more_are_asked_for() -> None:
    assert make_spec(TWO, OverlayOptions("none")).containers == (Container("c1", "a"), Container("c2", "b"))
    assert [it.host for it in make_spec(TWO, OverlayOptions("none", containers=2)).containers] == ["a", "a", "b", "b"]
    assert make_spec(TWO, OverlayOptions("none", containers=0)).containers == ()


def test_names_of_the_topology_stay_its_own() -> None:
    found = make_spec(plan(joined([("c1", "b")])), OverlayOptions("none"))
    assert [it.name for it in found.containers] == ["c2", "c3"]


def test_a_specification_goes_through_json() -> None:
    asked = make_spec(TWO, OverlayOptions("none"))
    assert decode(OverlaySpec, encode(asked), "the specification") == asked


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("nono", {}, "unknown overlay nono; did you mean `none`"),
        ("base", {}, "unknown overlay base; "),
        ("", {}, "the name of the overlay is empty; choose one of calico, flannel, "),
        (":bgp", {}, "the name of the overlay is empty; choose one of calico, flannel, "),
        ("none:", {}, "none has a colon, but no variant; choose one of host"),
        ("none", {"containers": 201}, "201 containers on each host: the number must be 0 to 200"),
        ("none:udp", {}, "none has no variant udp; choose one of host"),
        ("none", {"subnet_pool": "10.0.0.0/8"}, "network 10.0.0.0/8 overlaps 10.0.0.0/31 of circuit l1"),
        ("none", {"subnet_pool": "100.64.0.0/16"}, "network 100.64.0.0/16 overlaps 100.64.0.1 of a"),
        ("geneve", {"subnet_pool": "10.244.0.0/24"}, "10.244.0.0/24 is too small: 2 hosts need 3 subnets of /24"),
        ("libnetwork:kv", {"subnet_pool": "10.244.0.0/30"}, "is too small: 2 containers and Docker need 5 addresses"),
        ("libnetwork:swarm", {"subnet_pool": "10.244.0.0/30"}, "2 containers and Docker need 7 addresses"),
        ("libnetwork", {"subnet_pool": "198.18.7.0/24"}, "overlaps 198.18.0.0/16, which Docker's bridges"),
        ("libnetwork:swarm", {"subnet_pool": "198.16.0.0/12"}, "overlaps 198.18.0.0/16, which Docker's bridges"),
        ("libnetwork:swarm", {"subnet_pool": "198.19.0.0/24"}, "overlaps 198.19.0.0/16, which Docker's ingress"),
        ("libnetwork", {"runtime": "process"}, "no containers of the runtime process: use --runtime docker"),
        ("flannel", {"subnet_pool": "10.244.0.0/23"}, "10.244.0.0/23 is too small: 2 hosts need 4 subnets of /24"),
        ("none", {"subnet_pool": "10.244.0.1/16"}, "has host bits set; write it as 10.244.0.0/16"),
        ("none", {"subnet_pool": "127.0.0.0/8"}, "127.0.0.0/8 has addresses that no host can have"),
        ("none", {"subnet_pool": "224.0.0.0/8"}, "has addresses that no host can have"),
        ("none", {"subnet_pool": "240.0.0.0/8"}, "has addresses that no host can have"),
        ("none", {"subnet_pool": "0.0.0.0/8"}, "has addresses that no host can have"),
        ("none", {"agent": "real"}, "none takes no --agent"),
        ("weave", {"agent": "/opt/weaver"}, "weave takes no --agent: Weave's own weaver asks for a port"),
        ("none", {"password": ""}, "none takes no --overlay-password"),
        ("none", {"reflectors": ("a",)}, "none takes no --reflectors"),
        ("none", {"policy": "p.yaml"}, "none takes no --policy"),
        ("none", {"subnet_pool": "x"}, "the containers' network x: "),
        ("nebula", {"ipv6": True}, "nebula takes no --overlay-ipv6: Nebula 1.6 has IPv4 only inside its network"),
        ("nebula", {"ipv6_pool": "fd00::/48"}, "nebula takes no --overlay-ipv6-network: Nebula 1.6 has IPv4 only"),
        ("flannel:udp", {"ipv6": True}, "flannel:udp takes no --overlay-ipv6: Flannel's backend udp has no IPv6"),
        ("calico:ipip", {"ipv6": True}, "calico:ipip takes no --overlay-ipv6: IPIP carries IPv4 only"),
        ("libnetwork:kv", {"ipv6": True}, "libnetwork:kv takes no --overlay-ipv6: Docker's overlay driver carries no"),
        ("weave", {"ipv6": True}, "weave takes no --overlay-ipv6: Weave hands out IPv4 addresses only"),
        ("geneve", {"ipv6_pool": "x"}, "the containers' IPv6 network x: "),
        ("geneve", {"ipv6_pool": ""}, "--overlay-ipv6-network is empty: write --overlay-ipv6-network CIDR"),
        ("geneve", {"ipv6_pool": "fd00::1/48"}, "has host bits set; write it as fd00:10:244::/56"),
        ("geneve", {"ipv6_pool": "fe80::/48"}, "fe80::/48 has addresses that no host can have"),
        ("geneve", {"ipv6_pool": "::/0"}, "::/0 has addresses that no host can have"),
        ("geneve", {"ipv6_pool": "fd74:e102:a04c:ffff::/64"}, "overlaps fd74:e102:a04c:ffff::1 of a"),
        ("geneve", {"ipv6_pool": "fd74:e102:a04c::/64"}, "overlaps fd74:e102:a04c::2/127 of a-eth0"),
        ("geneve", {"ipv6_pool": "fd00::/64"}, "fd00::/64 is too small: 2 hosts need 3 subnets of /64"),
        ("calico", {"ipv6_pool": "fd00::/122"}, "fd00::/122 is too small: 2 hosts need 2 blocks of /122"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(text: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(EmulationError) as caught:
        make_spec(TWO, OverlayOptions(text, **options))  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_containers_get_ipv6_addresses_if_the_user_asks_for_them() -> None:
    assert make_spec(TWO, OverlayOptions("geneve")).ipv6_pool is None
    assert make_spec(TWO, OverlayOptions("geneve", ipv6=True)).ipv6_pool == "fd00:10:244::/56"
    assert make_spec(TWO, OverlayOptions("flannel", ipv6_pool="fd00:7::/48")).ipv6_pool == "fd00:7::/48"
    ipv4_only = plan(joined([("a", "b")]), Options(ipv6=False))
    with pytest.raises(EmulationError, match=r"^--overlay-ipv6 needs hosts with IPv6: omit --ipv4-only$"):
        make_spec(ipv4_only, OverlayOptions("geneve", ipv6=True))


def test_an_overlay_without_state_takes_no_store() -> None:
    with pytest.raises(EmulationError, match="none host keeps nothing in a store: omit --store"):
        make_spec(TWO, OverlayOptions("none"), store=StoreLocation(host="a"))


def test_each_overlay_takes_as_small_a_network_as_it_can() -> None:
    # one Ethernet for all containers, where others need a /24 for each host
    asked = replace(make_spec(TWO, OverlayOptions("none")), subnet_pool="10.9.0.0/29")
    assert not list(overlay_class("none").refuses(asked))
    assert not list(overlay_class("libnetwork").refuses(replace(asked, variant="kv")))
    assert list(overlay_class("geneve").refuses(asked))


def test_a_topology_in_parts_is_refused_with_the_parts() -> None:
    parts = plan(joined([("a", "b"), ("c", "d")], alone=["e"]))
    with pytest.raises(EmulationError, match=r"join the 3 unconnected parts of the topology: a, b . c, d . e$"):
        make_spec(parts, OverlayOptions("none"))


def test_a_switch_passes_nothing_on_to_its_controller() -> None:
    testbed = gtsdsl.load(ROOT / "examples" / "openflow_ofx.dsl")
    with pytest.raises(EmulationError, match=r"the 2 unconnected parts of the topology: controller . h1, h2, h3, "):
        make_spec(plan(testbed), OverlayOptions("none"))


def circuits_of(made: Plan) -> dict[tuple[str, str], tuple[str, ...] | None]:
    return {
        pair: None if path is None else tuple(circuit.id for circuit in path)
        for pair, path in joined_pairs(made).items()
    }


def test_pairs_are_measured_that_a_circuit_or_switches_join() -> None:
    assert circuits_of(plan(ring(4))) == {
        ("h1", "h2"): ("l1",), ("h1", "h4"): ("l4",), ("h2", "h3"): ("l2",), ("h3", "h4"): ("l3",),
    }  # fmt: skip
    assert len(circuits_of(plan(mesh(5)))) == 10
    star = joined([("a", "s1"), ("b", "s1"), ("s1", "s2"), ("c", "s2")], switches=["s1", "s2"])
    assert circuits_of(plan(star)) == {
        ("a", "b"): ("l1", "l2"), ("a", "c"): ("l1", "l3", "l4"), ("b", "c"): ("l2", "l3", "l4"),
    }  # fmt: skip


def test_several_ways_have_no_expected_time() -> None:
    edges = [("a", "s1"), ("s1", "s2"), ("s2", "s3"), ("s3", "s1"), ("s3", "b")]
    assert circuits_of(plan(joined(edges, switches=["s1", "s2", "s3"]))) == {("a", "b"): None}


def test_of_parallel_circuits_the_fastest_counts_and_a_circuit_goes_before_switches() -> None:
    assert circuits_of(plan(joined([("a", "b", "9ms"), ("a", "b", "1ms")]))) == {("a", "b"): ("l2",)}
    made = plan(joined([("a", "s", "1ms"), ("b", "s", "1ms"), ("a", "b", "9ms")], switches=["s"]))
    assert circuits_of(made) == {("a", "b"): ("l3",)}
