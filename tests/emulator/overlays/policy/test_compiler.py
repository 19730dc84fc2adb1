"""Policies to the packet filters of hosts: which packets pass, in which order policies apply, and the chains' names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.overlays.model import OverlaySpec
from emulator.overlays.policy.chains import ACCEPT, DROP, EndMatch, Match, Verdict
from emulator.overlays.policy.compiler import in_order, limited_name
from emulator.overlays.policy.model import Policy, Ports
from emulator.overlays.policy.verdict import Judge, Packet
from emulator.system.decode import decode, encode
from tests.emulator.overlays.policy.samples import ALL, CASES, ENDPOINTS, packets, passing, policies, policy, rules


@pytest.mark.parametrize("name", CASES)
def test_packets_pass_or_do_not(name: str) -> None:
    texts, expected = CASES[name]
    assert passing(policies(*texts)) == expected


def test_without_policies_everything_passes() -> None:
    assert passing(replace(policies(policy("selector: all()")), policies=())) == ALL


def test_a_container_reaches_other_hosts_and_not_its_own() -> None:
    judge = Judge(rules(policies(policy("selector: role == 'none'"))))
    packet = Packet("10.9.1.2", "100.64.0.1", "caliweb", None)
    assert judge.lets_through("FORWARD", packet)
    assert not judge.lets_through("INPUT", packet)
    assert judge.lets_through("INPUT", replace(packet, in_interface=None))
    assert judge.lets_through("FORWARD", Packet("10.0.0.1", "10.0.0.5"))  # of the underlay


def test_an_unknown_interface_is_closed() -> None:
    judge = Judge(rules(policies(policy("selector: role == 'none'"))))
    assert not judge.lets_through("FORWARD", Packet("10.9.1.9", "10.9.2.2", "calinew", None))
    assert not judge.lets_through("FORWARD", Packet("10.9.2.2", "10.9.1.9", None, "calinew"))


def test_policies_apply_in_the_order_of_order_name_namespace_and_kind() -> None:
    def made(name: str, order: float | None, namespace: str | None = "default") -> Policy:
        kind = "GlobalNetworkPolicy" if namespace is None else "NetworkPolicy"
        return Policy(kind, name, namespace, order, "", ("Ingress",))  # type: ignore[arg-type]

    given = [made("b", None), made("a", None, None), made("a", None), made("c", 2), made("d", 1.5), made("e", -1)]
    assert [(it.name, it.kind[0]) for it in in_order(given)] == [
        ("e", "N"), ("d", "N"), ("c", "N"), ("a", "G"), ("a", "N"), ("b", "N")
    ]  # fmt: skip


def test_a_host_has_the_chains_of_its_own_containers_and_of_their_policies() -> None:
    spec = policies(
        policy("selector: role == 'db'", name="a"),
        policy("selector: site == 'MIL'\ntypes: [Ingress, Egress]", name="b", kind="GlobalNetworkPolicy"),
    )
    assert [chain.name for chain in rules(spec, "h2").chains] == [
        "cali-pi-gnp/b", "cali-po-gnp/b", "cali-pri-gtsdsl", "cali-pro-gtsdsl",
        "cali-tw-califar", "cali-fw-califar", "cali-from-wl-dispatch", "cali-to-wl-dispatch", "cali-wl-to-host",
        "cali-INPUT", "cali-FORWARD",
    ]  # fmt: skip
    assert "cali-pi-np/default/a" in {chain.name for chain in rules(spec, "h1").chains}


def test_a_chain_of_a_container_is_as_felix_has_it() -> None:
    (chain,) = (it for it in rules(policies(policy("selector: all()"))).chains if it.name == "cali-tw-calidb")
    assert [(rule.match, rule.verdict) for rule in chain.rules] == [
        (Match(connection="known"), ACCEPT),
        (Match(connection="invalid"), DROP),
        (Match(), Verdict("clear-mark", bits=0x30000)),
        (Match(no_mark=0x20000), Verdict("jump", "cali-pi-np/default/p")),
        (Match(mark=0x10000), Verdict("return")),
        (Match(no_mark=0x20000), DROP),
        (Match(), Verdict("jump", "cali-pri-gtsdsl")),
        (Match(mark=0x10000), Verdict("return")),
        (Match(), DROP),
    ]


def test_a_container_has_no_tunnel_of_its_own() -> None:
    (chain,) = (it for it in rules(policies(policy("selector: all()"))).chains if it.name == "cali-fw-calidb")
    ports = EndMatch(ports=(Ports(4789, 4789),))
    assert [(rule.match, rule.verdict) for rule in chain.rules[3:5]] == [
        (Match(protocol=17, destination=ports), DROP),
        (Match(protocol=4), DROP),
    ]


def test_long_names_are_cut_with_a_hash() -> None:
    assert limited_name("cali-pi-", "np/default/p") == "cali-pi-np/default/p"
    first, second = (limited_name("cali-pi-", f"np/default/{'x' * 200}{number}") for number in (1, 2))
    assert first != second
    assert len(first) == len(second) == 28
    assert first.startswith("cali-pi-_")


def test_ports_and_nets_are_merged() -> None:
    spec = policies(policy("""
        selector: all()
        ingress:
        - action: Allow
          protocol: TCP
          source: {nets: [10.9.1.0/24, 10.9.0.0/24, 10.9.1.128/25]}
          destination: {ports: [90, 80:85, 86, 84:88, 1]}
    """))  # fmt: skip
    (chain,) = (it for it in rules(spec).chains if it.name == "cali-pi-np/default/p")
    match = chain.rules[0].match
    assert match.source.nets == ("10.9.0.0/23",)
    assert match.destination.ports == (Ports(1, 1), Ports(80, 88), Ports(90, 90))


def test_a_selector_of_a_rule_is_one_set_however_it_is_written() -> None:
    spec = policies(policy("""
        selector: all()
        ingress:
        - {action: Allow, source: {selector: role=='web'}}
        - {action: Deny, source: {selector: "role == \\"web\\""}}
        - {action: Allow, source: {notSelector: role == 'web'}}
    """))  # fmt: skip
    assert [(item.selector, item.nets) for item in rules(spec).sets] == [
        ('(projectcalico.org/namespace == "default" && role == "web")', ("10.9.1.2/32", "10.9.2.2/32")),
        ('projectcalico.org/namespace == "default"', ("10.9.1.2/31", "10.9.2.2/32")),
        ('role == "web"', ("10.9.1.2/32", "10.9.2.2/32")),
    ]


def test_the_policies_cross_as_json_and_mean_the_same() -> None:
    for texts, expected in CASES.values():
        spec = OverlaySpec("calico", "bgp", ("h1",), (), "10.9.0.0/16", "process", policy=policies(*texts))
        crossed = decode(OverlaySpec, encode(spec), "the specification")
        assert crossed == spec
        assert crossed.policy is not None
        assert passing(crossed.policy) == expected


def test_all_packets_are_between_two_containers() -> None:
    assert len(packets()) == len(ENDPOINTS) * (len(ENDPOINTS) - 1) * 4
