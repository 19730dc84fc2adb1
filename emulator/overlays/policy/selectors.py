"""Calico's selectors: expressions over labels, such as ``role == 'db' && site in {'AMS', 'MIL'}``.

The grammar is that of Calico's own parser (libcalico-go/lib/selector). ``str`` of a selector is the text that Calico
hashes to name a set of addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Labels: TypeAlias = Mapping[str, str]
Operator: TypeAlias = Literal["==", "!=", "contains", "starts with", "ends with"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A label compared with a text. Without the label, only ``!=`` is true."""

    label: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return f"{self.label} {self.operator} {_quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a label's value is one of some texts (``in``) or none of them (``not in``)."""

    label: str
    is_negated: bool
    values: tuple[str, ...]

    def __str__(self) -> str:
        operator = "not in" if self.is_negated else "in"
        return f"{self.label} {operator} {{{', '.join(map(_quoted, self.values))}}}"


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a label is there."""

    label: str

    def __str__(self) -> str:
        return f"has({self.label})"


@dataclass(frozen=True, slots=True)
class Always:
    """``all()`` and ``global()``, which match all labels."""

    name: Literal["all", "global"]

    def __str__(self) -> str:
        return f"{self.name}()"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a selector."""

    operand: Selector

    def __str__(self) -> str:
        return f"!{self.operand}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Selectors of which all must match (``&&``), or one (``||``)."""

    operator: Literal["&&", "||"]
    operands: tuple[Selector, ...]

    def __str__(self) -> str:
        return f"({f' {self.operator} '.join(map(str, self.operands))})"


Selector: TypeAlias = Comparison | Membership | Has | Always | Not | Joined


def matches(selector: Selector, labels: Labels) -> bool:
    """Return whether a selector matches labels."""
    match selector:
        case Comparison(label, operator, value):
            found = labels.get(label)
            return operator == "!=" if found is None else _compare(operator, found, value)
        case Membership(label, is_negated, values):
            return (labels.get(label) in values) is not is_negated
        case Has(label):
            return label in labels
        case Always():
            return True
        case Not(operand):
            return not matches(operand, labels)
        case Joined("&&", operands):
            return all(matches(operand, labels) for operand in operands)
        case Joined(_, operands):
            return any(matches(operand, labels) for operand in operands)


def _compare(operator: Operator, found: str, value: str) -> bool:
    match operator:
        case "==":
            return found == value
        case "!=":
            return found != value
        case "contains":
            return value in found
        case "starts with":
            return found.startswith(value)
        case "ends with":
            return found.endswith(value)


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'
