"""Locations that `--store` names, and the host that a store gets at a site."""

from __future__ import annotations

import json

import pytest

from emulator.plan import Options, PlanError, plan
from emulator.stores.model import StoreLocation
from emulator.stores.placement import plan_with_store, with_store_host
from gtsdsl.circuits import parse_circuits
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.source import Source
from tests.emulator.topologies import joined

_SITES = {"a": "ams", "b": "MIL", "c": "AMS", "d": "PRG"}
_LINE = joined([("a", "b"), ("b", "c"), ("c", "d")], sites=_SITES)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("a", StoreLocation(host="a")),
        (" d ", StoreLocation(host="d")),
        ("10.0.0.5:2379", StoreLocation(address="10.0.0.5:2379")),
        ("http://10.0.0.5:2379", StoreLocation(address="10.0.0.5:2379")),
        ("http://10.0.0.5:2379/", StoreLocation(address="10.0.0.5:2379")),
        ("http://etcd.example", StoreLocation(address="etcd.example:2379")),
        ("[::1]:4001", StoreLocation(address="[::1]:4001")),
    ],
)
def test_a_location_is_a_host_or_an_address(text: str, location: StoreLocation) -> None:
    assert plan_with_store(_LINE, Options(), text) == (plan(_LINE), location)


@pytest.mark.parametrize(("text", "near"), [("AMS", "a"), ("mil", "b"), ("PRA", "d"), ("PRG", "d")])
def test_a_location_is_a_site_by_each_of_its_codes(text: str, near: str) -> None:
    made, location = plan_with_store(_LINE, Options(), text)
    assert location == StoreLocation(host="store")
    assert [host.name for host in made.hosts if host.is_store] == ["store"]
    assert {end.node for end in made.circuits[-1].ends} == {near, "store"}


def test_a_host_goes_before_a_site_of_its_name() -> None:
    testbed = joined([("a", "AMS")], sites={"a": "AMS", "AMS": "MIL"})
    made, location = plan_with_store(testbed, Options(), "AMS")
    assert location == StoreLocation(host=made.hosts[1].name)
    assert not any(host.is_store for host in made.hosts)


def test_a_site_may_be_one_of_the_users_own() -> None:
    site = {"code": "XYZ", "city": "", "country": "", "latitude": 1, "longitude": 1, "aliases": ["XY"]}
    own = parse_circuits(Source("own.json", json.dumps({"sites": [site], "circuits": []})))
    testbed = joined([("a", "b")], sites={"a": "xyz"})
    assert plan_with_store(testbed, Options(circuits=own), "xy")[1] == StoreLocation(host="store")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "h9",
            r"h9 is not a location for the store: name a host \(a, b, c, d\), a site \(AMS, MIL, PRA\), or the address",
        ),
        ("AMX", r"AMX is not a location for the store \(did you mean `AMS`\?\)"),
        ("LON", "LON is not a location for the store"),  # a site, but nobody is there
        ("10.0.0.5", "10.0.0.5 is not a location for the store"),
        ("https://10.0.0.5:2379", "by http:// only"),
        ("10.0.0.5:99999", "99999 is not a port"),
        ("http://10.0.0.5:0", "0 is not a port"),
        ("http://user:secret@host:2379", "is not a location for the store"),
        ("\x1b[2J", r"\\x1b\[2J is not a location for the store"),
        ("", "is not a location for the store"),
    ],
)
def test_an_unknown_location_is_refused_with_the_known_ones(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan_with_store(_LINE, Options(), text)


def test_where_no_host_has_a_location_there_is_no_site() -> None:
    with pytest.raises(PlanError, match=r"a host \(a, b\), a site \(no host has a location\), or"):
        plan_with_store(joined([("a", "b")]), Options(), "AMS")


def test_the_stores_host_is_behind_the_first_host_of_the_site() -> None:
    testbed, store = with_store_host(_LINE, "ams")
    made = plan(testbed)
    assert store == "store"
    host = made.hosts[-1]
    assert (host.id, host.name, host.site) == ("store", "store", "ams")
    assert [(circuit.id, *(end.node for end in circuit.ends)) for circuit in made.circuits][-1] == (
        "store_link", "a", "store",
    )  # fmt: skip
    assert made.circuits[-1].rtt_ns == 100_000  # the round trip within a site
    assert made.circuits[-1].source == "estimated"


def test_all_that_is_there_stays_as_it_is() -> None:
    before, after = plan(_LINE), plan(with_store_host(_LINE, "AMS")[0])
    assert after.circuits[:-1] == before.circuits
    assert [(it.id, it.name, it.loopback) for it in after.hosts[:-1]] == [
        (it.id, it.name, it.loopback) for it in before.hosts
    ]


def test_the_stores_host_forwards_nothing() -> None:
    made = plan(with_store_host(_LINE, "AMS")[0])
    (at_the_store,) = (end for circuit in made.circuits for end in circuit.ends if end.node == "store")
    via = {route.gateway for host in made.hosts if host.name != "a" for route in host.routes}
    assert at_the_store.address is not None
    assert at_the_store.address.partition("/")[0] not in via


def test_names_that_are_taken_are_left_to_who_has_them() -> None:
    testbed = joined([("store", "b"), ("store2", "b")], sites={"store": "AMS"})
    made, store = with_store_host(testbed, "AMS")
    assert store == "store3"
    again, other = with_store_host(made, "AMS")
    assert other == "store4"
    assert [link.id for link in again.links] == ["l1", "l2", "store_link", "store_link2"]
    assert len(plan(again).circuits) == 4


def test_a_host_inside_another_testbed_will_do() -> None:
    inner = Testbed("Inner", "site", resources=(Resource("host", "h1", "LJU", ports=(Port("p"),)),))
    made, store = with_store_host(Testbed("Outer", "outer", resources=(inner,)), "LJU")
    assert store == "store"
    assert [host.id for host in plan(made).hosts] == ["site/h1", "store"]
    outer = Testbed("Outer", "outer", resources=(inner,))
    assert plan_with_store(outer, Options(), "site/h1")[1] == StoreLocation(host=plan(outer).hosts[0].name)


def test_a_site_without_a_host_is_refused_with_the_sites_that_there_are() -> None:
    with pytest.raises(PlanError, match=r"no host is at LON.*name a site \(AMS, MIL, PRA\)"):
        with_store_host(_LINE, "LON")


def test_a_switch_is_no_host_to_stand_behind() -> None:
    testbed = joined([("a", "s1")], switches=["s1"], sites={"a": "AMS", "s1": "MIL"})
    with pytest.raises(PlanError, match=r"no host is at MIL"):
        with_store_host(testbed, "MIL")
