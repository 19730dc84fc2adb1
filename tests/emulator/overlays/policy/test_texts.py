"""The texts that `nft` and `iptables-restore` read, compared with files that were looked at."""

from __future__ import annotations

import pytest

from emulator.overlays.policy.chains import Chain, EndMatch, FilterRule, Match, RuleSet, Verdict
from emulator.overlays.policy.iptables import iptables_tables, removal_text
from emulator.overlays.policy.model import TCP, Icmp, Ports
from emulator.overlays.policy.nftables import nft_text, update_text
from tests.emulator.overlays.policy.samples import ENDPOINTS, policies, policy, rules
from tests.targets.golden import matches

SEGMENTS = policy("""
    order: 10
    selector: role == 'db'
    types: [Ingress, Egress]
    ingress:
    - {action: Allow, protocol: TCP, source: {selector: role == 'web'}, destination: {ports: [5432, 6000:6010]}}
    - {action: Allow, protocol: ICMP, icmp: {type: 8}}
    - {action: Log}
    - {action: Deny}
    egress:
    - {action: Allow, destination: {nets: [10.9.0.0/16], notNets: [10.9.2.0/24, 10.9.7.0/24]}}
    - {action: Pass, protocol: UDP, destination: {notSelector: has(site)}}
""", name="segments", kind="GlobalNetworkPolicy")  # fmt: skip

PORTS = policy(f"""
    selector: role == 'web'
    ingress:
    - action: Allow
      protocol: TCP
      source: {{nets: [10.9.1.0/24, 10.9.2.0/24], ports: [1024:65535]}}
      destination: {{ports: [{','.join(map(str, range(1, 41, 2)))}], notPorts: [5:6, 9]}}
    - {{action: Deny, notProtocol: TCP}}
    - {{action: Deny, protocol: ICMP, icmp: {{type: 3, code: 4}}, notICMP: {{type: 8, code: 0}}}}
    - {{action: Allow, protocol: SCTP, destination: {{ports: [7]}}}}
""", name="ports")  # fmt: skip

SAMPLES = {"segments": (SEGMENTS,), "ports": (PORTS,), "both": (PORTS, SEGMENTS)}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_of_nft(name: str) -> None:
    matches(f"policy-{name}.nft", nft_text(rules(policies(*SAMPLES[name]))))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_of_iptables_and_its_sets(name: str) -> None:
    tables = iptables_tables(rules(policies(*SAMPLES[name])), is_hooked=False)
    sets = "".join(f"# {key}: {' '.join(nets)}\n" for key, nets in tables.sets.items())
    matches(f"policy-{name}.iptables", sets + tables.text)


def test_only_addresses_are_loaded_where_only_addresses_change() -> None:
    spec = policies(policy("selector: role == 'db'\ningress:\n- {action: Allow, source: {selector: role == 'web'}}"))
    before, after = rules(spec, endpoints=ENDPOINTS[:2]), rules(spec)
    name = before.sets[0].name.replace(":", "-")
    assert update_text(before, after) == f"add element ip calico {name} {{ 10.9.2.2 }}\n"
    assert update_text(after, before) == f"delete element ip calico {name} {{ 10.9.2.2 }}\n"
    assert update_text(after, after) == ""
    assert update_text(rules(spec, endpoints=ENDPOINTS[1:]), after) is None  # another container of this host
    assert update_text(rules(policies(PORTS)), rules(policies(SEGMENTS))) is None


def rule_set(match: Match, verdict: Verdict, comment: str = "") -> RuleSet:
    return RuleSet((), (Chain("cali-x", (FilterRule(match, verdict, comment),)),), (("FORWARD", "cali-x"),))


@pytest.mark.parametrize(
    ("match", "nft", "iptables"),
    [
        (Match(), [], []),
        (Match(in_interface="cali1"), ['iifname "cali1"'], ["-i cali1"]),
        (Match(out_interface="cali*"), ['oifname "cali*"'], ["-o cali+"]),
        (Match(protocol=89), ["meta l4proto 89"], ["-p 89"]),
        (Match(not_protocol=1), ["meta l4proto != icmp"], ["! -p 1"]),
        (Match(protocol=1, icmp=Icmp(3)), ["meta l4proto icmp", "icmp type 3"], ["-p 1", "-m icmp --icmp-type 3"]),
        # nft has no word for a pair that is not: type and code are compared as two bytes
        (Match(not_icmp=Icmp(8, 1)), ["@th,0,16 != 0x0801"], ["-m icmp ! --icmp-type 8/1"]),
        (Match(source=EndMatch(nets=("10.0.0.7/32",))), ["ip saddr 10.0.0.7"], ["-s 10.0.0.7/32"]),
        (Match(source=EndMatch(not_nets=("10.0.0.0/8",))), ["ip saddr != 10.0.0.0/8"], ["! -s 10.0.0.0/8"]),
        (Match(destination=EndMatch(sets=("s:a_-B",))), ["ip daddr @s-a_-B"], ["-m set --match-set s:a_-B dst"]),
        (Match(destination=EndMatch(not_sets=("x",))), ["ip daddr != @x"], ["-m set ! --match-set x dst"]),
        (Match(protocol=TCP, destination=EndMatch(ports=(Ports(1, 1),))), ["meta l4proto tcp", "tcp dport 1"],
         ["-p 6", "-m multiport --dports 1"]),
        (Match(protocol=TCP, source=EndMatch(not_ports=(Ports(1, 2), Ports(4, 4)))),
         ["meta l4proto tcp", "tcp sport != { 1-2, 4 }"], ["-p 6", "-m multiport ! --sports 1:2,4"]),
    ],
)  # fmt: skip
def test_each_part_of_a_match(match: Match, nft: list[str], iptables: list[str]) -> None:
    made = rule_set(match, Verdict("drop"))
    assert f"    {' '.join([*nft, 'counter', 'drop'])}\n" in nft_text(made)
    assert f"{' '.join(['-A', 'cali-x', *iptables, '-j', 'DROP'])}\n" in iptables_tables(made, is_hooked=True).text


def test_ports_that_need_several_lines_are_in_one_line_each() -> None:
    many = tuple(Ports(port, port + 1) for port in range(10, 100, 10))
    match = Match(protocol=TCP, source=EndMatch(ports=many), destination=EndMatch(ports=many))
    text = iptables_tables(rule_set(match, Verdict("drop")), is_hooked=True).text
    lines = [line for line in text.splitlines() if line.startswith("-A")]
    assert len(lines) == 4
    assert len({line.split("--dports")[1] for line in lines}) == 2
    assert all(part.count(":") == len(part.split(",")) <= 7 for line in lines for part in line.split() if ":" in part)


def test_all_networks_are_two_in_an_ipset() -> None:
    match = Match(source=EndMatch(nets=("0.0.0.0/0",), not_nets=("0.0.0.0/0",)))
    tables = iptables_tables(rule_set(match, Verdict("drop")), is_hooked=True)
    assert list(tables.sets.values()) == [("0.0.0.0/1", "128.0.0.0/1")]


def test_the_kernels_chains_lead_to_ours_once_and_no_longer_after_removal() -> None:
    made = rule_set(Match(), Verdict("drop"), "why")
    assert iptables_tables(made, is_hooked=False).text == (
        '*filter\n:cali-x - [0:0]\n-A cali-x -m comment --comment "why" -j DROP\n-I FORWARD -j cali-x\nCOMMIT\n'
    )
    assert "-I" not in iptables_tables(made, is_hooked=True).text
    assert removal_text(made) == "*filter\n:cali-x - [0:0]\n-D FORWARD -j cali-x\n-X cali-x\nCOMMIT\n"
