"""Hosts that cannot reach each other, and switches cut off from their controller."""

from itertools import pairwise

import pytest

from gtsdsl.model.testbed import Resource, Testbed
from tests.rules.build import PAIR, Item, bed, codes, findings, host, link, ofx, only, port, resource, vsi


def chain(*ids: str) -> tuple[Item, ...]:
    """Hosts in a line."""
    made: list[Item] = [host(id) for id in ids]
    for one, other in pairwise(ids):
        made += [link(f"{one}{other}"), f"{one}.p, {one}{other}.src", f"{other}.q, {one}{other}.dst"]
    return tuple(made)


def star(switch: str, *hosts: str) -> tuple[Item, ...]:
    made: list[Item] = [vsi(switch, *hosts)]
    for id in hosts:
        made += [host(id), link(f"{switch}{id}"), f"{id}.p, {switch}{id}.src", f"{switch}.{id}, {switch}{id}.dst"]
    return tuple(made)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((host("h"),), id="one host"),
        pytest.param((vsi("s1"), vsi("s2")), id="switches only"),
        pytest.param(chain("a", "b", "c", "d"), id="a line"),
        pytest.param(star("s", "a", "b", "c"), id="a star"),
        pytest.param((bed(*chain("a", "b"), id="s"),), id="all inside a nested testbed"),
        pytest.param((host("a"), resource("router", "r", "x", "y"), host("b"), link("l"), link("k"),
                      "a.p, l.src", "r.x, l.dst", "r.y, k.src", "b.p, k.dst"), id="over a class that is not known"),
        pytest.param((bed(host("h"), "up, h.p", id="s", ports=("up",)), host("h"), link("l"), "s.up, l.src",
                      "h.p, l.dst"), id="into a nested testbed"),
        pytest.param((bed(vsi("w", "x", "y"), "a, w.x", "b, w.y", id="s", ports=("a", "b")), host("h"), host("g"),
                      link("l"), link("k"), "s.a, l.src", "h.p, l.dst", "s.b, k.src", "g.p, k.dst"),
                     id="through a nested testbed"),
    ],
)  # fmt: skip
def test_hosts_that_reach_each_other(items: tuple[Item, ...]) -> None:
    assert "GTS040" not in codes(bed(*items))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param((host("a"), host("b")), "no host can reach another: none of the 2 hosts is joined to another one",
                     id="no link"),
        pytest.param((*PAIR, host("h3")), "the hosts fall into 2 parts that cannot reach each other: "
                     "the largest has `h1`, `h2`; cut off from it: `h3`", id="one host alone"),
        pytest.param((host("h0"), *PAIR), "the hosts fall into 2 parts that cannot reach each other: "
                     "the largest has `h1`, `h2`; cut off from it: `h0`", id="the first host alone"),
        pytest.param((*chain("a", "b"), *chain("c", "d")), "the hosts fall into 2 parts that cannot reach each other: "
                     "the largest has `a`, `b`; cut off from it: `c`, `d`", id="two equal parts"),
        pytest.param((*star("s", "a", "b", "c"), *star("t", "d", "e")),
                     "the hosts fall into 2 parts that cannot reach each other: "
                     "the largest has `a`, `b`, `c`; cut off from it: `d`, `e`", id="two stars"),
        pytest.param((*chain(*"abcdefg"), *chain(*"hijklm"), *(host(id) for id in "nopq")),
                     "the hosts fall into 6 parts that cannot reach each other: "
                     "the largest has `a`, `b`, `c`, `d`, `e` and 2 more; "
                     "cut off from it: `h`, `i`, `j`, `k`, `l` and 1 more; `n`; `o`; and 2 more parts",
                     id="many parts"),
        pytest.param((*chain("a", "b", "c"), bed(*chain("a", "b"), id="s")),
                     "the hosts fall into 2 parts that cannot reach each other: "
                     "the largest has `a`, `b`, `c`; cut off from it: `s/a`, `s/b`", id="a nested testbed"),
    ],
)  # fmt: skip
def test_hosts_that_do_not(items: tuple[Item, ...], message: str) -> None:
    finding = only(bed(*items))
    assert (finding.code, finding.message) == ("GTS040", message)
    assert not finding.is_error


def test_the_place_is_that_of_a_host_that_is_cut_off() -> None:
    lonely = host("h3")
    assert only(bed(*PAIR, lonely)).place == lonely.place


def test_a_thousand_lonely_hosts_are_one_short_finding() -> None:
    finding = only(bed(*chain("a", "b"), *(host(f"x{number}") for number in range(1_000))))
    assert "1,001 parts" in finding.message
    assert len(finding.message) < 300


def test_a_long_line_is_walked_without_recursion() -> None:
    assert codes(bed(*chain(*(f"n{number}" for number in range(3_000))))) == []


CONTROL = port("c", mode="CONTROL")


def controlled(switch: Resource, *adjacencies: str) -> Testbed:
    return bed(switch, host("ctl"), link("l"), "ctl.p, l.src", *adjacencies)


@pytest.mark.parametrize(
    "switch",
    [
        ofx("s", CONTROL, controllerIPv4="10.0.0.1", controllerPort="6633"),
        vsi("s", CONTROL, controller={"ipv4": "10.0.0.1", "port": 6633}),
        vsi("s", "p1", CONTROL, "p2", controllerIPv4="10.0.0.1"),
    ],
)
def test_a_wired_control_port(switch: Resource) -> None:
    assert codes(controlled(switch, "s.c, l.dst")) == []


@pytest.mark.parametrize(
    ("switch", "wired", "message"),
    [
        (ofx("s", "a", controllerIPv4="10.0.0.1"), "s.a",
         "ofx `s` has a controller's address but no port of mode CONTROL"),
        (vsi("s", "a", controller={"ipv4": "10.0.0.1"}), "s.a",
         "vsi `s` has a controller's address but no port of mode CONTROL"),
        (vsi("s", "a", CONTROL, controllerIPv4="10.0.0.1"), "s.a",
         "vsi `s` has a controller's address but no wired port of mode CONTROL: no adjacency names `s.c`"),
        (vsi("s", port("a", mode="DATA"), controllerIPv4="10.0.0.1"), "s.a",
         "vsi `s` has a controller's address but no port of mode CONTROL"),
    ],
)  # fmt: skip
def test_a_controller_out_of_reach(switch: Resource, wired: str, message: str) -> None:
    finding = only(controlled(switch, f"{wired}, l.dst"))
    assert (finding.code, finding.message) == ("GTS041", message)
    assert finding.place in switch.attribute_places.values()


def test_a_switch_without_a_controller_needs_no_control_port() -> None:
    assert codes(bed(vsi("s", "a", switchIPv4Addr="10.0.0.2"), ofx("t", CONTROL))) == []


def test_a_host_needs_no_control_port() -> None:
    assert [finding.code for finding in findings(bed(host("h", controllerIPv4="10.0.0.1")))] == ["GTS030"]


def test_a_control_port_may_be_exported() -> None:
    inner = bed(vsi("s", CONTROL, controllerIPv4="10.0.0.1"), "ctl, s.c", id="t", ports=("ctl",))
    assert codes(bed(inner, host("h"), link("l"), "h.p, l.src", "t.ctl, l.dst")) == []


def test_switches_inside_nested_testbeds_are_looked_at() -> None:
    assert codes(bed(bed(vsi("s", controllerIPv4="10.0.0.1"), id="t"))) == ["GTS041"]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param((), id="nothing"),
        pytest.param((bed(id="s"),), id="an empty testbed in it"),
        pytest.param((bed(bed(id="t"), id="s"), bed(id="s2")), id="two, and one inside"),
    ],
)
def test_a_testbed_without_any_resource_is_warned_of_once(items: tuple[Item, ...]) -> None:
    finding = only(bed(*items))
    assert (finding.code, finding.is_error) == ("GTS046", False)


@pytest.mark.parametrize("item", [host("h"), resource("router", "r"), bed(host("h"), id="s")])
def test_a_testbed_with_a_resource_is_not_empty(item: Item) -> None:
    assert "GTS046" not in codes(bed(item))


def switched(*mtus: int | None, control: str | None = None) -> tuple[Item, ...]:
    """Return a switch with a host on each port, and the MTUs of their circuits; one port may lead to a controller."""
    ports = [
        port(f"p{number}", **({"mode": "CONTROL"} if f"p{number}" == control else {})) for number in range(len(mtus))
    ]
    made: list[Item] = [ofx("s", *ports)]
    for number, mtu in enumerate(mtus):
        circuit = link(f"l{number}") if mtu is None else link(f"l{number}", mtu=mtu)
        made += [host(f"h{number}"), circuit]
        made += [f"h{number}.p, l{number}.src", f"s.p{number}, l{number}.dst"]
    return tuple(made)


@pytest.mark.parametrize("mtus", [(None, None), (9000, 9000), (1500, None)])
def test_a_switch_with_circuits_of_one_mtu(mtus: tuple[int | None, ...]) -> None:
    assert codes(bed(*switched(*mtus))) == []


def test_a_switch_drops_packets_in_silence_between_circuits_of_different_mtus() -> None:
    finding = only(bed(*switched(9000, None, 9000)))
    assert finding.code == "GTS053"
    assert "`l1` has 1500 bytes, and `l0` has 9000" in finding.message
    assert codes(bed(bed(*switched(9000, 1400), id="inner"))) == ["GTS053"]


def test_the_circuit_to_a_controller_may_have_another_mtu() -> None:
    assert codes(bed(*switched(9000, 9000, None, control="p2"))) == []


def test_hosts_tell_senders_about_a_smaller_mtu() -> None:
    assert codes(bed(*chain("a", "b", "c"))) == []
