"""Policy files: what is read of them, and the line, the column and the nearest name of each mistake."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from emulator.overlays.policy.mistakes import PolicyError
from emulator.overlays.policy.model import Entity, Icmp, NetworkSet, Policy, Ports, Rule
from emulator.overlays.policy.reader import MAX_BYTES, MAX_RESOURCES, read_policies, read_policy_file

HEAD = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata:\n  name: p\n"
"""The first four lines of a policy."""


def read(text: str) -> tuple[Policy, ...]:
    return read_policies(textwrap.dedent(text), "p.yaml").policies


def mistakes(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        read_policies(text, "p.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_fields_of_a_policy() -> None:
    (found,) = read("""
        apiVersion: projectcalico.org/v3
        kind: NetworkPolicy
        metadata:
          name: database
          namespace: default
          annotations: {why: "the study"}
          creationTimestamp: null
        spec:
          tier: default
          order: 10.5
          selector: role == 'db'
          performanceHints: [AssumeNeededOnEveryNode]
          types:
            - Ingress
            - Egress
          ingress:
            - action: Allow
              protocol: TCP
              ipVersion: 4
              metadata: {annotations: {id: a}}
              source:
                nets: [10.244.1.0/24, 10.244.2.0/24]
                notNets: [10.244.1.7/32]
                selector: role in {'web', 'admin'}
                notSelector: has(bad)
                ports: [1024:65535]
              destination:
                ports: [5432, "6000:6010", "7000"]
                notPorts: [6001]
            - {action: Deny, protocol: ICMP, icmp: {type: 8, code: 0}, notICMP: {type: 3}}
          egress:
            - {action: Log, notProtocol: 89}
            - action: Pass
              protocol: 132
    """)
    source = Entity(
        nets=("10.244.1.0/24", "10.244.2.0/24"),
        not_nets=("10.244.1.7/32",),
        selector="role in {'web', 'admin'}",
        not_selector="has(bad)",
        ports=(Ports(1024, 65535),),
    )
    destination = Entity(
        ports=(Ports(5432, 5432), Ports(6000, 6010), Ports(7000, 7000)), not_ports=(Ports(6001, 6001),)
    )
    assert found == Policy(
        kind="NetworkPolicy",
        name="database",
        namespace="default",
        order=10.5,
        selector="role == 'db'",
        types=("Ingress", "Egress"),
        ingress=(
            Rule("Allow", ip_version=4, protocol=6, source=source, destination=destination),
            Rule("Deny", protocol=1, icmp=Icmp(8, 0), not_icmp=Icmp(3)),
        ),
        egress=(Rule("Log", not_protocol=89), Rule("Pass", protocol=132)),
    )


def test_several_documents_and_network_sets() -> None:
    found = read_policies(
        textwrap.dedent("""
        ---
        apiVersion: projectcalico.org/v3
        kind: GlobalNetworkPolicy
        metadata: {name: all.deny}
        spec: {}
        ---
        ---
        kind: GlobalNetworkSet
        apiVersion: projectcalico.org/v3
        metadata: {name: lab.example, labels: {place: lab}}
        spec: {nets: [192.0.2.7/24, 198.51.100.1, "2001:db8::/32"]}
        ---
        kind: NetworkSet
        apiVersion: projectcalico.org/v3
        metadata: {name: inner, namespace: default}
        """),
        "p.yaml",
    )
    assert found.policies == (Policy("GlobalNetworkPolicy", "all.deny", None, None, "", ("Ingress",)),)
    assert found.network_sets == (
        NetworkSet("lab.example", None, {"place": "lab"}, ("192.0.2.0/24", "198.51.100.1/32", "2001:db8::/32")),
        NetworkSet("inner", "default", {}, ()),
    )


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ("{}", ("Ingress",)),
        ("{ingress: []}", ("Ingress",)),
        ("{ingress: [{action: Allow}]}", ("Ingress",)),
        ("{egress: [{action: Allow}]}", ("Egress",)),
        ("{ingress: [{action: Allow}], egress: [{action: Allow}]}", ("Ingress", "Egress")),
        ("{types: [Egress]}", ("Egress",)),
        ("{types: [Egress, Ingress]}", ("Egress", "Ingress")),
        ("{ingress: null, types: null}", ("Ingress",)),
    ],
)
def test_a_policy_without_types_gets_them_from_its_rules(spec: str, types: tuple[str, ...]) -> None:
    (found,) = read(f"{HEAD}spec: {spec}\n")
    assert found.types == types


@pytest.mark.parametrize(
    ("spec", "place", "message"),
    [
        ("{selectr: all()}", "5:8", "unknown key of the spec of a NetworkPolicy `selectr`; did you mean `selector`?"),
        ("{order: first}", "5:15", "order must be a number, such as 100, not `first`"),
        ("{order: .inf}", "5:15", "order must be a number"),
        ("{order: '1'}", "5:15", "order must be a number"),
        ("{order: 1, order: 2}", "5:18", "the key `order` is given twice"),
        ("{tier: security}", "5:14", "tiers are not supported: the only tier is `default`"),
        ("{types: [ingress]}", "5:16", "unknown type `ingress`; did you mean `Ingress`?"),
        ("{types: [Egress, Egress]}", "5:15", "the type `Egress` is given twice"),
        ("{types: Ingress}", "5:15", "types must be a list"),
        ("{types: [Egress], ingress: [{action: Allow}]}", "5:34", "`ingress` has rules, but `types` has no `Ingress`"),
        ("{selector: true}", "5:18", "selector must be a text, and YAML takes this for a truth value"),
        ("{selector: [a]}", "5:18", "selector must be one value, not a list"),
        ("{selector: role = 'db'}", "5:23", "selector: expected `==`"),
        ("{selector: \"role = 'db'\"}", "5:24", "selector: expected `==`"),
        ("{selector: 'role = ''db'''}", "5:24", "selector: expected `==`"),
        ("{selector: 'a == ''b'' ++ c'}", "5:30", "selector: expected a label, not `+`"),
        ("{selector: has(a) &&}", "5:18", "selector at its end: expected a label"),
        ("{selector: global()}", "5:18", "selector: global() is for namespaceSelector only"),
        ("{selector: has(a) && !global()}", "5:29", "global() is for namespaceSelector only"),
        ("\n  selector: >-\n    has(a) &&\n    b = 'c'", "8:7", "selector: expected `==`"),
        ("\n  selector: has(a) &&\n    b = 'c'", "7:7", "selector: expected `==`"),
        ("\n  selector: |\n    has(a)", "6:13", "selector: a selector has no line ends: write it"),
        ("{serviceAccountSelector: all()}", "5:8", "`serviceAccountSelector` is not supported: containers have no"),
        ("{namespaceSelector: all()}", "5:8", "unknown key of the spec of a NetworkPolicy `namespaceSelector`"),
        ("{ingress: {action: Allow}}", "5:17", "ingress must be a list: put `- ` before each item"),
        ("{ingress: [Allow]}", "5:18", "a rule must have keys, such as `action:`"),
        ("{ingress: [{}]}", "5:18", "the rule has no `action`; choose one of Allow, Deny, Log, Pass"),
        ("{ingress: [{action: allow}]}", "5:27", "unknown action `allow`; did you mean `Allow`?"),
        ("{ingress: [{action: Reject}]}", "5:27", "unknown action `Reject`; choose one of Allow, Deny, Log, Pass"),
        ("{ingress: [{action: Allow, http: {}}]}", "5:34", "`http` is not supported: packets are matched"),
        ("{ingress: [{action: Allow, sorce: {}}]}", "5:34", "unknown key of a rule `sorce`; did you mean `source`?"),
        ("{ingress: [{action: Allow, protocol: tcp}]}", "5:44", "unknown protocol `tcp`; did you mean `TCP`?"),
        ("{ingress: [{action: Allow, protocol: 0}]}", "5:44", "protocol must be a name or a number from 1 to 255"),
        ("{ingress: [{action: Allow, protocol: 256}]}", "5:44", "protocol must be a name or a number from 1 to 255"),
        ("{ingress: [{action: Allow, ipVersion: 5}]}", "5:45", "unknown ipVersion `5`; choose one of 4, 6"),
        ("{ingress: [{action: Allow, icmp: {type: 8}}]}", "5:40", "icmp needs `protocol: ICMP` in the rule"),
        ("{ingress: [{action: Allow, protocol: ICMP, icmp: {code: 8}}]}", "5:63", "icmp has a `code`, and no `type`"),
        ("{ingress: [{action: Allow, protocol: ICMP, icmp: {type: 255}}]}", "5:63", "a whole number from 0 to 254"),
        ("{ingress: [{action: Allow, protocol: ICMP, ipVersion: 6}]}", "5:44", "protocol ICMP is for `ipVersion: 4`"),
        ("{egress: [{action: Allow, destination: {ports: [80]}}]}", "5:46", "ports need `protocol: TCP`, `UDP` or"),
        ("{egress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]}", "5:70", "is a name, and named"),
        ("{egress: [{action: Allow, protocol: TCP, destination: {ports: [0]}}]}", "5:70", "must be from 1 to 65535"),
        ("{egress: [{action: Allow, protocol: TCP, destination: {ports: [9:8]}}]}", "5:70", "must be from 1 to 65535"),
        ("{egress: [{action: Allow, protocol: TCP, destination: {ports: [8-9]}}]}", "5:70", "a range as 8000:8100"),
        ("{egress: [{action: Allow, source: {nets: [10.0.0.1]}}]}", "5:49", "write it as 10.0.0.1/32"),
        ("{egress: [{action: Allow, source: {nets: [10.0.0.1/8]}}]}", "5:49", "write it as 10.0.0.0/8"),
        ("{egress: [{action: Allow, source: {nets: [10.0.0/8]}}]}", "5:49", "is not a network"),
        ("{egress: [{action: Allow, source: {nets: ['::1%a/8']}}]}", "5:49", "is not a network"),
        ("{egress: [{action: Allow, source: {notNets: [0.0.0.0/0]}}]}", "5:52", "matches nothing"),
        ("{egress: [{action: Allow, source: {nets: [10.0.0.0/8, '::/8']}}]}", "5:41", "nets of IPv4 and of IPv6"),
        ("{egress: [{action: Allow, ipVersion: 6, source: {nets: [10.0.0.0/8]}}]}", "5:44", "nets of the rule are not"),
        ("{egress: [{action: Allow, source: {namespaceSelector: all()}}]}", "5:42", "`namespaceSelector` is not supp"),
        ("{egress: [{action: Allow, source: {serviceAccounts: {}}}]}", "5:42", "`serviceAccounts` is not supported"),
        ("{egress: [{action: Allow, destination: {services: {}}}]}", "5:47", "`services` is not supported"),
        ("{egress: [{action: Allow, source: {net: [10.0.0.0/8]}}]}", "5:42", "did you mean `nets`?"),
        ("{egress: [{action: Allow, source: {selector: hass(x)}}]}", "5:52", "did you mean `has`?"),
        ("{performanceHints: [Fast]}", "5:27", "unknown performance hint `Fast`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_spec_has_its_line_and_column(spec: str, place: str, message: str) -> None:
    said = mistakes(f"{HEAD}spec: {spec}\n")
    assert said.startswith(f"p.yaml:{place}: "), said
    assert message in said


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "the file has no policy"),
        ("---\n", "1:1", "the file has no policy"),
        ("- a\n", "1:1", "a resource must have keys, such as `apiVersion:` and `kind:`"),
        ("hello\n", "1:1", "a resource must have keys"),
        ("kind: NetworkPolicy\n", "1:1", "the resource has no `apiVersion`"),
        ("apiVersion: projectcalico.org/v3\n", "1:1", "the resource has no `kind`"),
        ("apiversion: projectcalico.org/v3\n", "1:1", "`apiversion`; did you mean `apiVersion`?"),
        ("apiVersion: projectcalico.org/v4\nkind: NetworkPolicy\n", "1:13", "did you mean `projectcalico.org/v3`?"),
        ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n", "1:13", "Kubernetes' own policies are not"),
        ("apiVersion: projectcalico.org/v3\nkind: NetworkPolcy\n", "2:7", "did you mean `NetworkPolicy`?"),
        ("apiVersion: projectcalico.org/v3\nkind: Tier\n", "2:7", "the kind `Tier` is not supported; choose one of"),
        ("apiVersion: projectcalico.org/v3\nkind: NetworkPolicyList\n", "2:7", "`NetworkPolicyList` is not supported"),
        ("apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\n", "1:1", "the NetworkPolicy has no `metadata.name`"),
        (HEAD, "1:1", "the NetworkPolicy has no `spec`"),
        (f"{HEAD}  namespace: prod\nspec: {{}}\n", "5:14", "no container is in the namespace `prod`"),
        (f"{HEAD}  nmae: prod\nspec: {{}}\n", "5:3", "unknown key of metadata `nmae`; did you mean `name`?"),
        (f"{HEAD}spec: {{}}\nspecs: {{}}\n", "6:1", "did you mean `spec`?"),
        (f"{HEAD}spec: {{}}\n---\n{HEAD}spec: {{}}\n", "7:1", "the NetworkPolicy `p` is given twice"),
        (HEAD.replace(" p\n", " P_1\n") + "spec: {}\n", "4:9", "name `P_1` must have lower-case letters"),
        (HEAD.replace(" p\n", " 12\n") + "spec: {}\n", "4:9", "name must be a text, and YAML takes this for a number"),
        (HEAD.replace("Net", "GlobalNet") + "  namespace: default\nspec: {}\n", "5:14", "a GlobalNetworkPolicy has no"),
        (HEAD.replace("Net", "GlobalNet") + "spec: {preDNAT: true}\n", "5:8", "`preDNAT` is not supp"),
        (HEAD.replace("Net", "GlobalNet") + "spec: {doNotTrack: true}\n", "5:8", "`doNotTrack` is not supported"),
        (HEAD.replace("Net", "GlobalNet") + "spec: {applyOnForward: true}\n", "5:8", "`applyOnForward` is not"),
        (HEAD.replace("Net", "GlobalNet") + "spec: {namespaceSelector: a}\n", "5:8", "all containers are in"),
        (HEAD.replace("Policy", "Set") + "  labels: {a b: c}\n", "5:12", "`a b` is not the name of a label"),
        (HEAD.replace("Policy", "Set") + "  labels: {a: 1}\n", "5:15", "YAML takes this for a number"),
        (HEAD.replace("Policy", "Set") + "  labels: {projectcalico.org/x: y}\n", "5:12", "is given by gtsdsl"),
        (HEAD.replace("Policy", "Set") + "spec: {nets: [x]}\n", "5:15", "`x` is not a network"),
        # YAML itself
        ("a: [b\nc: d\n", "2:2", "this is not YAML: "),
        ("a: &x {b: c}\nd: *x\n", "2:4", "the alias `*x` is not supported: write its value here"),
        ("a: !!python/object/apply:os.system [id]\n", "1:4", "the tag `tag:yaml.org,2002:python/object/ap"),
        ("a: !x b\n", "1:4", "the tag `!x` is not supported: remove it"),
        ("? [a]\n: b\n", "1:3", "a key must be a word"),
        ("a: \x01\n", "1:4", "this is not YAML: a control character is not allowed"),
        ("%YAML 3.0\n---\na: b\n", "1:1", "this is not YAML"),
        ("[" * 21, "1:21", "values are nested more than 20 deep"),
        (f"a: [{'b,' * 100_000}]", "1:", "the file has more than 100,000 values"),
        ("#" * (MAX_BYTES + 1), "1:1", "the file has more than 1,048,576 bytes"),
        ("kind: x\n---\n" * (MAX_RESOURCES + 1), "1:1", "the resource has no `apiVersion`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_resource_has_its_line_and_column(text: str, place: str, message: str) -> None:
    said = mistakes(text)
    assert said.startswith(f"p.yaml:{place}"), said
    assert message in said


def test_all_mistakes_are_named_in_the_order_of_the_lines() -> None:
    said = mistakes(f"{HEAD}spec:\n  order: x\n  selektor: a\n  types: [In, Out, Up]\n  tier: a\n  ingress: [{{}}]\n")
    assert [part.split(": ")[0] for part in said.split(" | ")] == [
        "p.yaml:6:10", "p.yaml:7:3", "p.yaml:8:20", "p.yaml:9:9", "and 1 more mistake"
    ]  # fmt: skip


def test_many_resources_are_refused() -> None:
    named = [HEAD.replace("name: p", f"name: p{number}") for number in range(MAX_RESOURCES + 1)]
    text = "".join(f"---\n{head}spec: {{}}\n" for head in named)
    assert "the file has more than 500 resources" in mistakes(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(f"{HEAD}spec: {{}}\n")
    assert [policy.name for policy in read_policy_file(str(tmp_path / "policy.yaml")).policies] == ["p"]
    with pytest.raises(PolicyError, match=r"the policy file .*polici\.yaml: no such file; did you mean"):
        read_policy_file(str(tmp_path / "polici.yaml"))
    with pytest.raises(PolicyError, match=r"the policy file .*: a folder, not a file"):
        read_policy_file(str(tmp_path))
