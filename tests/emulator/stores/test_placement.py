"""What `--store` may say, and the machine that a store gets at a site."""

from __future__ import annotations

import json

import pytest

from emulator.plan import PlanError, plan
from emulator.stores.placement import StoreChoice, parse_store, with_machine
from gtsdsl.circuits import parse_circuits
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.source import Source
from tests.emulator.topologies import joined

_SITES = {"a": "ams", "b": "MIL", "c": "AMS", "d": "PRG"}
_LINE = joined([("a", "b"), ("b", "c"), ("c", "d")], sites=_SITES)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("a", StoreChoice(host_id="a")),
        (" d ", StoreChoice(host_id="d")),
        ("AMS", StoreChoice(site="AMS")),
        ("mil", StoreChoice(site="MIL")),
        ("PRA", StoreChoice(site="PRA")),  # the site of PRG has two codes
        ("PRG", StoreChoice(site="PRA")),
        ("10.0.0.5:2379", StoreChoice(address="10.0.0.5:2379")),
        ("http://10.0.0.5:2379", StoreChoice(address="10.0.0.5:2379")),
        ("http://10.0.0.5:2379/", StoreChoice(address="10.0.0.5:2379")),
        ("http://etcd.example", StoreChoice(address="etcd.example:2379")),
        ("[::1]:4001", StoreChoice(address="[::1]:4001")),
    ],
)
def test_a_place_is_a_host_a_site_or_an_address(text: str, choice: StoreChoice) -> None:
    assert parse_store(text, _LINE) == choice


def test_a_host_goes_before_a_site_of_its_name() -> None:
    testbed = joined([("a", "AMS")], sites={"a": "AMS", "AMS": "MIL"})
    assert parse_store("AMS", testbed) == StoreChoice(host_id="AMS")


def test_a_site_may_be_one_of_the_users_own() -> None:
    site = {"code": "XYZ", "city": "", "country": "", "latitude": 1, "longitude": 1, "aliases": ["XY"]}
    own = parse_circuits(Source("own.json", json.dumps({"sites": [site], "circuits": []})))
    testbed = joined([("a", "b")], sites={"a": "xyz"})
    assert parse_store("xy", testbed, own) == StoreChoice(site="XYZ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h9", r"h9 is no place for the store: name a host \(a, b, c, d\), a site \(AMS, MIL, PRA\), or the address"),
        ("AMX", r"AMX is no place for the store \(did you mean `AMS`\?\)"),
        ("LON", "LON is no place for the store"),  # a site, but nobody is there
        ("10.0.0.5", "10.0.0.5 is no place for the store"),
        ("https://10.0.0.5:2379", "by http:// only"),
        ("10.0.0.5:99999", "99999 is no port"),
        ("http://10.0.0.5:0", "0 is no port"),
        ("http://user:secret@host:2379", "is no place for the store"),
        ("\x1b[2J", r"\\x1b\[2J is no place for the store"),
        ("", "is no place for the store"),
    ],
)
def test_what_is_no_place_is_refused_with_what_there_is(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_store(text, _LINE)


def test_where_no_host_has_a_location_there_is_no_site() -> None:
    with pytest.raises(PlanError, match=r"a host \(a, b\), a site \(no host has a location\), or"):
        parse_store("AMS", joined([("a", "b")]))


def test_the_machine_stands_behind_the_first_host_of_the_site() -> None:
    testbed, store = with_machine(_LINE, "ams")
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
    before, after = plan(_LINE), plan(with_machine(_LINE, "AMS")[0])
    assert after.circuits[:-1] == before.circuits
    assert [(it.id, it.name, it.loopback) for it in after.hosts[:-1]] == [
        (it.id, it.name, it.loopback) for it in before.hosts
    ]


def test_the_machine_is_on_nobodys_way() -> None:
    made = plan(with_machine(_LINE, "AMS")[0])
    (at_the_store,) = (end for circuit in made.circuits for end in circuit.ends if end.node == "store")
    via = {route.gateway for host in made.hosts if host.name != "a" for route in host.routes}
    assert at_the_store.address is not None
    assert at_the_store.address.partition("/")[0] not in via


def test_names_that_are_taken_are_left_to_who_has_them() -> None:
    testbed = joined([("store", "b"), ("store2", "b")], sites={"store": "AMS"})
    made, store = with_machine(testbed, "AMS")
    assert store == "store3"
    again, other = with_machine(made, "AMS")
    assert other == "store4"
    assert [link.id for link in again.links] == ["l1", "l2", "store_link", "store_link2"]
    assert len(plan(again).circuits) == 4


def test_a_host_inside_another_testbed_will_do() -> None:
    inner = Testbed("Inner", "site", resources=(Resource("host", "h1", "LJU", ports=(Port("p"),)),))
    made, store = with_machine(Testbed("Outer", "outer", resources=(inner,)), "LJU")
    assert store == "store"
    assert [host.id for host in plan(made).hosts] == ["site/h1", "store"]
    assert parse_store("site/h1", Testbed("Outer", "outer", resources=(inner,))) == StoreChoice(host_id="site/h1")


def test_a_site_without_a_host_is_refused_with_the_sites_that_there_are() -> None:
    with pytest.raises(PlanError, match=r"no host stands at LON.*: a site \(AMS, MIL, PRA\)"):
        with_machine(_LINE, "LON")


def test_a_switch_is_no_host_to_stand_behind() -> None:
    testbed = joined([("a", "s1")], switches=["s1"], sites={"a": "AMS", "s1": "MIL"})
    with pytest.raises(PlanError, match=r"no host stands at MIL"):
        with_machine(testbed, "MIL")
