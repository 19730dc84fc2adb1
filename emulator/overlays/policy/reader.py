"""A policy file to its policies and network sets, or to an error with the line and column of each mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from emulator.overlays.policy.fields import Fields
from emulator.overlays.policy.meta import read_meta
from emulator.overlays.policy.mistakes import Mistakes, PolicyError
from emulator.overlays.policy.model import NetworkSet, Policy, PolicyKind, PolicyType, Rule
from emulator.overlays.policy.rules import read_rule
from emulator.overlays.policy.tree import Mapping, Node, Text, read_documents
from gtsdsl.diagnostics import GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.source import Position
from gtsdsl.text import printable

MAX_BYTES = 2**20
"""The most bytes of a policy file."""
MAX_RESOURCES = 500
"""The most policies and network sets in a file."""
_MAX_RULES = 1024
"""The most rules in each direction of a policy, as in Calico's schema."""
_MAX_NETS = 10_000
"""The most networks of a network set."""

API_VERSION = "projectcalico.org/v3"
_KINDS = ("NetworkPolicy", "GlobalNetworkPolicy", "NetworkSet", "GlobalNetworkSet")
_OTHER_KINDS = frozenset(
    "BGPConfiguration BGPFilter BGPPeer BlockAffinity CalicoNodeStatus ClusterInformation FelixConfiguration "
    "GlobalNetworkPolicyList GlobalNetworkSetList HostEndpoint IPAMConfiguration IPPool IPReservation "
    "KubeControllersConfiguration List NetworkPolicyList NetworkSetList Node Profile StagedGlobalNetworkPolicy "
    "StagedKubernetesNetworkPolicy StagedNetworkPolicy Tier WorkloadEndpoint".split()
)
_TYPES: tuple[PolicyType, ...] = ("Ingress", "Egress")

_POLICY_KEYS = ("selector", "order", "types", "ingress", "egress", "tier", "performanceHints")
_NO_ACCOUNTS = "containers have no service accounts"
_HOST_ENDPOINTS = "it applies to host endpoints, and gtsdsl has none"
_REFUSED_IN_POLICY = {"serviceAccountSelector": _NO_ACCOUNTS}
_REFUSED_IN_GLOBAL_POLICY = {
    **_REFUSED_IN_POLICY,
    "namespaceSelector": "all containers are in the namespace default",
    "doNotTrack": _HOST_ENDPOINTS,
    "preDNAT": _HOST_ENDPOINTS,
    "applyOnForward": _HOST_ENDPOINTS,
}


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a policy file, in its order."""

    policies: tuple[Policy, ...]
    network_sets: tuple[NetworkSet, ...]


def read_policy_file(path: str) -> Resources:
    """Return the resources of a policy file (``-``: standard input).

    Raises:
        PolicyError: the file cannot be read, or has mistakes.
    """
    try:
        source = read_source(path)
    except GtsError as error:
        (finding, *_) = error.diagnostics
        hint = f"; {finding.hint}" if finding.hint else ""
        raise PolicyError(f"the policy file {printable(path, 120)}: {finding.message}{hint}") from None
    return read_policies(source.text, source.name)


def read_policies(text: str, name: str) -> Resources:
    """Return the resources of a policy file's text; ``name`` is the file's name in errors.

    Raises:
        PolicyError: the text has mistakes.
    """
    mistakes = Mistakes(name)
    if len(text.encode()) > MAX_BYTES:
        mistakes.add(Position(1, 1), f"the file has more than {MAX_BYTES:,} bytes")
        mistakes.check()
    reader = _Reader(Fields(Text(text), mistakes))
    for document in read_documents(text, mistakes):
        reader.read(document)
    mistakes.check()
    if not reader.policies:
        mistakes.add(Position(1, 1), f"the file has no policy: it needs a resource of {API_VERSION}, such as "
                     "`kind: NetworkPolicy`")  # fmt: skip
        mistakes.check()
    return Resources(tuple(reader.policies), tuple(reader.network_sets))


@dataclass(slots=True)
class _Reader:
    """The resources that were read of a file so far."""

    fields: Fields
    policies: list[Policy] = field(default_factory=list)
    network_sets: list[NetworkSet] = field(default_factory=list)
    _names: set[tuple[str, str | None, str]] = field(default_factory=set)

    def read(self, document: Node) -> None:
        """Read one document, which is a resource; an empty document is nothing."""
        fields = self.fields
        if fields.is_null(document):
            return
        if len(self._names) == MAX_RESOURCES:
            fields.mistakes.add(document.at, f"the file has more than {MAX_RESOURCES} resources")
            fields.mistakes.check()
        kind = self._kind(document)
        if kind is None:
            return
        found = fields.mapping(document, f"a {kind}", ("apiVersion", "kind", "metadata", "spec"))
        meta = read_meta(fields, document, found.get("metadata"), kind)
        if meta is not None:
            if (kind, meta.namespace, meta.name) in self._names:
                fields.mistakes.add(document.at, f"the {kind} `{meta.name}` is given twice")
            self._names.add((kind, meta.namespace, meta.name))
        if kind.endswith("Set"):
            spec = fields.mapping(found.get("spec"), f"the spec of a {kind}", ("nets",))
            nets = fields.items(spec.get("nets"), "nets", _MAX_NETS, fields.member)
            if meta is not None:
                self.network_sets.append(NetworkSet(meta.name, meta.namespace, meta.labels, nets))
            return
        policy = self._policy(kind, document, found.get("spec"))
        if meta is not None:
            self.policies.append(Policy(cast("PolicyKind", kind), meta.name, meta.namespace, *policy))

    def _kind(self, document: Node) -> str | None:
        """Return the kind of a resource, if it is one that is supported."""
        mistakes = self.fields.mistakes
        if not isinstance(document, Mapping):
            mistakes.add(document.at, "a resource must have keys, such as `apiVersion:` and `kind:`")
            return None
        found = {key.text: value for key, value in document.pairs}
        if "apiVersion" not in found or "kind" not in found:
            missing = "apiVersion" if "apiVersion" not in found else "kind"
            wrong = next((key for key, _ in document.pairs if key.text not in {"kind", "apiVersion"}), None)
            known = ("apiVersion", "kind", "metadata", "spec")
            if wrong is not None and wrong.text not in known:
                mistakes.add_unknown(wrong.at, "key of a resource", wrong.text, known)
            else:
                mistakes.add(document.at, f"the resource has no `{missing}`")
            return None
        version = self.fields.text(found["apiVersion"], "apiVersion")
        kind = self.fields.text(found["kind"], "kind")
        if version is None or kind is None:
            return None
        if version.startswith("networking.k8s.io/"):
            mistakes.add(found["apiVersion"].at, f"Kubernetes' own policies are not supported: write it as Calico's "
                         f"({API_VERSION})")  # fmt: skip
            return None
        if version != API_VERSION:
            mistakes.add_unknown(found["apiVersion"].at, "apiVersion", version, [API_VERSION])
            return None
        if kind in _OTHER_KINDS:
            mistakes.add(found["kind"].at, f"the kind `{kind}` is not supported; choose one of {', '.join(_KINDS)}")
            return None
        return self.fields.choice(found["kind"], "kind", _KINDS)

    def _policy(
        self, kind: str, document: Node, node: Node | None
    ) -> tuple[float | None, str, tuple[PolicyType, ...], tuple[Rule, ...], tuple[Rule, ...]]:
        """Return the order, the selector, the types and the rules of a policy."""
        fields = self.fields
        if node is None:
            fields.mistakes.add(document.at, f"the {kind} has no `spec`")
        refused = _REFUSED_IN_POLICY if kind == "NetworkPolicy" else _REFUSED_IN_GLOBAL_POLICY
        spec = fields.mapping(node, f"the spec of a {kind}", _POLICY_KEYS, refused)
        tier = fields.text(spec.get("tier"), "tier")
        if tier not in {None, "", "default"}:
            fields.mistakes.add(spec["tier"].at, "tiers are not supported: the only tier is `default`")
        fields.items(
            spec.get("performanceHints"), "performanceHints", 1,
            lambda hint: fields.choice(hint, "performance hint", ("AssumeNeededOnEveryNode",)),
        )  # fmt: skip
        types = fields.items(spec.get("types"), "types", 2, lambda item: fields.choice(item, "type", _TYPES))
        if len(set(types)) < len(types):
            fields.mistakes.add(spec["types"].at, f"the type `{types[0]}` is given twice")
        ingress, egress = (
            fields.items(spec.get(name), name, _MAX_RULES, lambda item: read_rule(fields, item))
            for name in ("ingress", "egress")
        )
        chosen = cast("tuple[PolicyType, ...]", types) or _default_types(ingress, egress)
        for name, rules, needed in zip(("ingress", "egress"), (ingress, egress), _TYPES, strict=True):
            if rules and needed not in chosen:
                fields.mistakes.add(spec[name].at, f"`{name}` has rules, but `types` has no `{needed}`, so they would "
                                    "not be used")  # fmt: skip
        order = fields.number(spec.get("order"), "order")
        return order, fields.selector(spec.get("selector"), "selector"), chosen, ingress, egress


def _default_types(ingress: tuple[Rule, ...], egress: tuple[Rule, ...]) -> tuple[PolicyType, ...]:
    """Return the types of a policy that states none, as Calico defines them."""
    if egress:
        return ("Ingress", "Egress") if ingress else ("Egress",)
    return ("Ingress",)
