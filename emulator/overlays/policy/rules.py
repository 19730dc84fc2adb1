"""A rule of a policy, checked as Calico checks it."""

from __future__ import annotations

from typing import cast

from emulator.overlays.policy.fields import Fields
from emulator.overlays.policy.model import ICMP, ICMPV6, SCTP, TCP, UDP, Action, Entity, Icmp, Rule
from emulator.overlays.policy.tree import Node

_ACTIONS = ("Allow", "Deny", "Log", "Pass")
_RULE_KEYS = (
    "action", "protocol", "notProtocol", "ipVersion", "icmp", "notICMP", "source", "destination", "metadata"
)  # fmt: skip
_REFUSED = {"http": "packets are matched, not requests"}
_ENTITY_KEYS = ("nets", "notNets", "selector", "notSelector", "ports", "notPorts")
_REFUSED_IN_ENTITY = {
    "namespaceSelector": "all containers are in the namespace default",
    "serviceAccounts": "containers have no service accounts",
    "services": "there are no Kubernetes services",
}
_WITH_PORTS = frozenset({TCP, UDP, SCTP})
_MAX_NETS = 256
_MAX_PORTS = 50


def read_rule(fields: Fields, node: Node) -> Rule | None:
    """Return a rule; None after a mistake in its action."""
    found = fields.mapping(node, "a rule", _RULE_KEYS, _REFUSED)
    if "action" not in found:
        fields.mistakes.add(node.at, f"the rule has no `action`; choose one of {', '.join(_ACTIONS)}")
    action = fields.choice(found.get("action"), "action", _ACTIONS)
    fields.mapping(found.get("metadata"), "the metadata of a rule", ("annotations",))
    ip_version = fields.choice(found.get("ipVersion"), "ipVersion", ("4", "6"))
    rule = Rule(
        action=cast("Action", action or "Deny"),
        ip_version=None if ip_version is None else int(ip_version),
        protocol=fields.protocol(found.get("protocol")),
        not_protocol=fields.protocol(found.get("notProtocol")),
        icmp=_icmp(fields, found.get("icmp"), "icmp"),
        not_icmp=_icmp(fields, found.get("notICMP"), "notICMP"),
        source=_entity(fields, found.get("source"), "source"),
        destination=_entity(fields, found.get("destination"), "destination"),
    )
    _check(fields, rule, found)
    return None if action is None else rule


def _icmp(fields: Fields, node: Node | None, noun: str) -> Icmp | None:
    if node is None:
        return None
    found = fields.mapping(node, noun, ("type", "code"))
    if "code" in found and "type" not in found:
        fields.mistakes.add(found["code"].at, f"{noun} has a `code`, and no `type`")
    number = fields.whole(found.get("type"), "type", 0, 254)
    return Icmp(number, fields.whole(found.get("code"), "code", 0, 255))


def _entity(fields: Fields, node: Node | None, noun: str) -> Entity:
    found = fields.mapping(node, noun, _ENTITY_KEYS, _REFUSED_IN_ENTITY)
    return Entity(
        nets=fields.items(found.get("nets"), "nets", _MAX_NETS, fields.net),
        not_nets=fields.items(found.get("notNets"), "notNets", _MAX_NETS, fields.not_net),
        selector=fields.selector(found.get("selector"), "selector"),
        not_selector=fields.selector(found.get("notSelector"), "notSelector"),
        ports=fields.items(found.get("ports"), "ports", _MAX_PORTS, fields.ports),
        not_ports=fields.items(found.get("notPorts"), "notPorts", _MAX_PORTS, fields.ports),
    )


def _check(fields: Fields, rule: Rule, found: dict[str, Node]) -> None:
    """Check what the fields of a rule say together."""
    add = fields.mistakes.add
    ends = {"source": rule.source, "destination": rule.destination}
    for noun, end in ends.items():
        if (end.ports or end.not_ports) and rule.protocol not in _WITH_PORTS:
            add(found[noun].at, "ports need `protocol: TCP`, `UDP` or `SCTP` in the rule")
    for noun in ("icmp", "notICMP"):
        if noun in found and rule.protocol not in {ICMP, ICMPV6}:
            add(found[noun].at, f"{noun} needs `protocol: ICMP` in the rule")
    for noun, protocol in (("protocol", rule.protocol), ("notProtocol", rule.not_protocol)):
        needed = {ICMP: 4, ICMPV6: 6}.get(protocol or 0)
        if needed is not None and rule.ip_version not in {None, needed}:
            add(found[noun].at, f"{noun} {'ICMP' if needed == 4 else 'ICMPv6'} is for `ipVersion: {needed}`")
    versions = {6 if ":" in net else 4 for end in ends.values() for net in (*end.nets, *end.not_nets)}
    if len(versions) > 1:
        add(found["source" if "source" in found else "destination"].at, "a rule cannot have nets of IPv4 and of IPv6")
    elif rule.ip_version is not None and versions - {rule.ip_version}:
        add(found["ipVersion"].at, f"the nets of the rule are not of IPv{rule.ip_version}")
