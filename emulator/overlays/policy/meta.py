"""A resource's ``metadata``, and the rules for names and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.overlays.policy.fields import Fields
from emulator.overlays.policy.model import NAMESPACE
from emulator.overlays.policy.tree import Mapping as MappingNode
from emulator.overlays.policy.tree import Node
from gtsdsl.text import printable

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_POLICY_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})?")
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_NAME = 253
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PREFIX = "projectcalico.org/"

_KEYS = ("name", "namespace", "labels", "annotations")
_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "uid")
"""The keys that a server adds, and that say nothing about the policy."""


@dataclass(frozen=True, slots=True)
class Meta:
    """The name, the namespace and the labels of a resource. A global one has no namespace."""

    name: str
    namespace: str | None
    labels: dict[str, str]


def read_meta(fields: Fields, document: Node, node: Node | None, kind: str) -> Meta | None:
    """Return the metadata of a resource; None after a mistake."""
    mistakes = fields.mistakes
    found = fields.mapping(node, "metadata", (*_KEYS, *_OF_THE_SERVER))
    labels = _labels(fields, found.get("labels"))
    namespace = fields.text(found.get("namespace"), "namespace")
    if kind.startswith("Global"):
        if "namespace" in found:
            mistakes.add(found["namespace"].at, f"a {kind} has no namespace")
    elif namespace not in {None, NAMESPACE}:
        mistakes.add(
            found["namespace"].at,
            f"no container is in the namespace `{printable(namespace or '', 60)}`: all are in `{NAMESPACE}`",
        )
    if "name" not in found:
        mistakes.add(document.at if node is None else node.at, f"the {kind} has no `metadata.name`")
        return None
    name = fields.text(found["name"], "name")
    if name is None:
        return None
    pattern = _POLICY_NAME if kind.endswith("Policy") else _NAME
    if len(name) > _LONGEST_NAME or not pattern.fullmatch(name):
        mistakes.add(
            found["name"].at, f"name `{printable(name, 60)}` must have lower-case letters, digits and `-` only"
        )
        return None
    return Meta(name, None if kind.startswith("Global") else NAMESPACE, labels)


def _labels(fields: Fields, node: Node | None) -> dict[str, str]:
    labels: dict[str, str] = {}
    if node is None:
        return labels
    if not isinstance(node, MappingNode):
        fields.mistakes.add(node.at, "labels must be pairs, such as `role: db`")
        return labels
    for key, value in node.pairs:
        text = fields.text(value, f"the label `{printable(key.text, 60)}`")
        reason = None if text is None else label_mistake(key.text, text)
        if reason is not None:
            fields.mistakes.add(key.at, reason)
        elif text is not None:
            labels[key.text] = text
    return labels


def label_mistake(key: str, value: str, taken: Mapping[str, str] | None = None) -> str | None:
    """Return a sentence about what is wrong with a label; None if nothing is. ``taken`` are labels that are fixed."""
    if not _LABEL_KEY.fullmatch(key):
        return f"`{printable(key, 60)}` is not the name of a label: it has letters, digits, `-`, `_` and `.`"
    if key.startswith(_PREFIX) or key in (taken or {}):
        return f"the label `{printable(key, 60)}` is given by gtsdsl, and cannot be set"
    if not _LABEL_VALUE.fullmatch(value):
        return (
            f"the label `{printable(key, 60)}` cannot be `{printable(value, 60)}`: a value has at most 63 letters, "
            "digits, `-`, `_` and `.`"
        )
    return None
