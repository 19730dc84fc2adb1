"""Policies and endpoints for the tests, and the verdicts of a network's two hosts about packets between containers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence, Set
from itertools import permutations

from emulator.options import PolicyEngine
from emulator.overlays.policy.chains import RuleSet
from emulator.overlays.policy.compiler import compile_host
from emulator.overlays.policy.model import TCP, UDP, PolicySpec
from emulator.overlays.policy.reader import read_policies
from emulator.overlays.policy.sets import NAMESPACE_LABEL, Endpoint
from emulator.overlays.policy.verdict import ECHOES, Packet, lets_through

_LABELS = {"web": {"role": "web"}, "db": {"role": "db"}, "far": {"role": "web", "site": "MIL"}}
LABELS = {name: {"name": name, NAMESPACE_LABEL: "default", **own} for name, own in _LABELS.items()}

ENDPOINTS = (
    Endpoint("web", "h1", "caliweb", "10.9.1.2", LABELS["web"]),
    Endpoint("db", "h1", "calidb", "10.9.1.3", LABELS["db"]),
    Endpoint("far", "h2", "califar", "10.9.2.2", LABELS["far"]),
)
"""Two containers on one host, and one on another."""


def policy(spec: str, *, name: str = "p", kind: str = "NetworkPolicy") -> str:
    """Return the YAML of a policy with a spec."""
    head = f"apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
    return head + textwrap.indent(textwrap.dedent(spec), "  ")


def policies(*texts: str, engine: PolicyEngine = "nftables") -> PolicySpec:
    """Return the policies of some documents, for the containers of `ENDPOINTS`."""
    found = read_policies("\n---\n".join(texts), "p.yaml")
    return PolicySpec(found.policies, found.network_sets, LABELS, engine)


def rules(spec: PolicySpec, host: str = "h1", endpoints: Sequence[Endpoint] = ENDPOINTS) -> RuleSet:
    return compile_host(spec, endpoints, host)


def packets() -> dict[str, tuple[Endpoint, Endpoint, Packet]]:
    """Return packets between two containers, by what they are: ``web db tcp 80``."""
    kinds = {
        "icmp": ECHOES[4],
        "tcp 80": Packet(protocol=TCP, source_port=40_000, destination_port=80),
        "tcp 5432": Packet(protocol=TCP, source_port=40_000, destination_port=5432),
        "udp 53": Packet(protocol=UDP, source_port=40_000, destination_port=53),
    }
    return {
        f"{near.name} {far.name} {kind}": (near, far, packet)
        for near, far in permutations(ENDPOINTS, 2)
        for kind, packet in kinds.items()
    }


def passing(spec: PolicySpec) -> set[str]:
    """Return the packets that pass the hosts of both their containers, by what they are."""
    return {name for name, (near, far, packet) in packets().items() if lets_through(spec, near, far, packet)}


ALL = frozenset(packets())


def only(*parts: str) -> set[str]:
    """Return the packets whose names begin with one of some parts."""
    return {name for name in ALL if name.startswith(parts)}


CASES: dict[str, tuple[tuple[str, ...], Set[str]]] = {
    "a policy that selects nothing": ((policy("selector: role == 'none'"),), set(ALL)),
    "no rules in one direction": (
        (policy("selector: role == 'db'\ntypes: [Ingress]"),),
        ALL - only("web db", "far db"),
    ),
    "no rules in the other": ((policy("selector: role == 'db'\ntypes: [Egress]"),), ALL - only("db")),
    "no rules in both": (
        (policy("selector: role == 'db'\ntypes: [Ingress, Egress]"),),
        only("web far", "far web"),
    ),
    "a port of TCP from a selector": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, protocol: TCP, source: {selector: role == 'web'}, destination: {ports: [5432]}}
        """),),
        ALL - only("web db", "far db") | only("web db tcp 5432", "far db tcp 5432"),
    ),
    "a selector and a net": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, source: {selector: role == 'web', nets: [10.9.2.0/24]}}
        """),),
        ALL - only("web db"),
    ),
    "nets that are not": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, source: {notNets: [10.9.1.0/24, 10.9.3.0/24]}}
        """),),
        ALL - only("web db"),
    ),
    "nets within nets that are not": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, source: {nets: [10.9.0.0/16], notNets: [10.9.2.0/24]}}
        """),),
        ALL - only("far db"),
    ),
    "a selector that is not": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, source: {notSelector: has(site)}}
        """),),
        ALL - only("far db"),
    ),
    "ports that are not, and ranges": (
        (policy("""
            selector: all()
            ingress:
            - {action: Allow, protocol: TCP, destination: {ports: [1:6000], notPorts: [100:6000]}}
        """),),
        {name for name in ALL if name.endswith("tcp 80")},
    ),
    "more ports than a line of iptables has": (
        (policy(f"""
            selector: all()
            ingress:
            - {{action: Allow, protocol: TCP, destination: {{ports: [{','.join(map(str, range(2, 70, 2)))}, 80]}}}}
            - {{action: Allow, protocol: UDP, source: {{notPorts: [{','.join(map(str, range(1, 70, 2)))}]}}}}
        """),),
        {name for name in ALL if name.endswith(("tcp 80", "udp 53"))},
    ),
    "a protocol that is not": (
        (policy("selector: all()\negress:\n- {action: Allow, notProtocol: TCP}"),),
        {name for name in ALL if " tcp " not in name},
    ),
    "a protocol by its number": (
        (policy("selector: all()\negress:\n- {action: Allow, protocol: 17}"),),
        {name for name in ALL if " udp " in name},
    ),
    "echoes": (
        (policy("selector: all()\ningress:\n- {action: Allow, protocol: ICMP, icmp: {type: 8}}"),),
        {name for name in ALL if name.endswith("icmp")},
    ),
    "echoes of another code": (
        (policy("selector: all()\ningress:\n- {action: Allow, protocol: ICMP, icmp: {type: 8, code: 1}}"),),
        set(),
    ),
    "all but echoes": (
        (policy("""
            selector: all()
            ingress:
            - {action: Allow, protocol: ICMP, notICMP: {type: 8, code: 0}}
            - {action: Allow, notProtocol: ICMP}
        """),),
        {name for name in ALL if not name.endswith("icmp")},
    ),
    "a type of ICMP, and another code": (
        (policy("selector: all()\ningress:\n- {action: Allow, protocol: ICMP, notICMP: {type: 8, code: 3}}"),),
        {name for name in ALL if name.endswith("icmp")},
    ),
    "the first rule that matches decides": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Deny, protocol: TCP, destination: {ports: [5432]}}
            - {action: Log}
            - {action: Allow}
        """),),
        ALL - only("web db tcp 5432", "far db tcp 5432"),
    ),
    "the lower order goes first": (
        (
            policy("order: 20\nselector: role == 'db'\ningress:\n- {action: Deny}", name="a"),
            policy("order: 10\nselector: role == 'db'\ningress:\n- {action: Allow, protocol: UDP}", name="b"),
        ),
        ALL - only("web db", "far db") | only("web db udp", "far db udp"),
    ),
    "of one order, the name decides": (
        (
            policy("selector: role == 'db'\ningress:\n- {action: Allow}", name="b"),
            policy("selector: role == 'db'\ningress:\n- {action: Deny, protocol: UDP}", name="a"),
        ),
        ALL - only("web db udp", "far db udp"),
    ),
    "a policy that says nothing leaves it to the next": (
        (
            policy("order: 1\nselector: all()\ningress:\n- {action: Allow, protocol: ICMP}", name="a"),
            policy("order: 2\nselector: role == 'db'\ningress:\n- {action: Allow, protocol: UDP}", name="b"),
        ),
        {name for name in ALL if name.endswith("icmp")} | only("web db udp", "far db udp"),
    ),
    "pass leaves it to the profile": (
        (
            policy("order: 1\nselector: role == 'db'\ningress:\n- {action: Pass, protocol: TCP}", name="a"),
            policy("order: 2\nselector: role == 'db'\ningress:\n- {action: Deny}", name="b"),
        ),
        ALL - only("web db", "far db") | only("web db tcp", "far db tcp"),
    ),
    "rules of IPv6 match nothing": (
        (policy("""
            selector: role == 'db'
            ingress:
            - {action: Allow, ipVersion: 6}
            - {action: Allow, source: {nets: ['2001:db8::/32']}}
            - {action: Allow, protocol: ICMPv6}
            - {action: Allow, protocol: TCP, notProtocol: TCP}
        """),),
        ALL - only("web db", "far db"),
    ),
    "a global policy and a set of networks": (
        (
            policy(
                "selector: all()\ningress:\n- {action: Allow, source: {selector: place == 'lab'}}",
                kind="GlobalNetworkPolicy",
            ),
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\n"
            "metadata: {name: lab, labels: {place: lab}}\nspec: {nets: [10.9.2.0/24]}",
        ),
        only("far"),
    ),
    "a policy of a namespace does not see global sets": (
        (
            policy("selector: all()\ningress:\n- {action: Allow, source: {selector: place == 'lab'}}"),
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\n"
            "metadata: {name: lab, labels: {place: lab}}\nspec: {nets: [10.9.2.0/24]}",
        ),
        set(),
    ),
    "all networks as a set": (
        (
            policy("selector: all()\ningress:\n- {action: Allow, source: {selector: place == 'lab'}}"),
            "apiVersion: projectcalico.org/v3\nkind: NetworkSet\n"
            "metadata: {name: lab, labels: {place: lab}}\nspec: {nets: [0.0.0.0/0]}",
        ),
        set(ALL),
    ),
}  # fmt: skip
"""Policies by what they show, each with the packets that pass."""
