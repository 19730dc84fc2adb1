"""Syntax nodes: a class for each construct of the grammar.

Nodes are named tuples, because a large file has half a million of them, and a frozen dataclass takes four times as long
to make. Every node begins with ``start`` and ``end``, its offsets in the text. Chains (`a + b - c`, `x.y[z]`) are flat,
so that only nested brackets make nested nodes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, TypeAlias


class Name(NamedTuple):
    """A name of a variable, an attribute, a resource, a type or a method."""

    start: int
    end: int
    id: str


class Literal(NamedTuple):
    """A number, a string without interpolation, ``true``, ``false`` or ``null``."""

    start: int
    end: int
    value: bool | int | Decimal | str | None


class Template(NamedTuple):
    """A string with values in it: ``"h${i}"`` has the parts ``"h"`` and ``Name("i")``."""

    start: int
    end: int
    parts: tuple[str | Expression, ...]


class ListOf(NamedTuple):
    """A list, ``[1, 2]``."""

    start: int
    end: int
    items: tuple[Value, ...]


class Entry(NamedTuple):
    """An entry of a map, ``key: value``; a bare word as a key is a `Literal`."""

    start: int
    end: int
    key: Expression
    value: Value


class MapOf(NamedTuple):
    """A map, ``[a: 1]`` or ``[:]``."""

    start: int
    end: int
    entries: tuple[Entry, ...]


class Operator(NamedTuple):
    """The sign of an operator between two operands."""

    start: int
    end: int
    sign: str


class Chain(NamedTuple):
    """Operands joined by operators of one rank, from left to right: ``a - b + c``, ``a && b``, ``0..<n``."""

    start: int
    end: int
    operands: tuple[Expression, ...]
    operators: tuple[Operator, ...]


class Unary(NamedTuple):
    """An operator of one operand, ``-a`` or ``!a``."""

    start: int
    end: int
    sign: str
    operand: Expression


class Ternary(NamedTuple):
    """A choice by a condition, ``condition ? then : otherwise``."""

    start: int
    end: int
    condition: Expression
    then: Expression
    otherwise: Expression


class Elvis(NamedTuple):
    """A value or, if it is false, another, ``value ?: otherwise``."""

    start: int
    end: int
    value: Expression
    otherwise: Expression


class Property(NamedTuple):
    """A property behind a value, ``.name``."""

    start: int
    end: int
    name: Name


class Index(NamedTuple):
    """An index behind a value, ``[key]``."""

    start: int
    end: int
    key: Expression


class Call(NamedTuple):
    """A call of a value's method, ``.name(arguments) { … }``."""

    start: int
    end: int
    name: Name
    arguments: tuple[Value, ...]
    closure: Closure | None


class Postfix(NamedTuple):
    """A value with properties, indexes and calls behind it, ``hosts[i].port("p1")``."""

    start: int
    end: int
    target: Expression
    suffixes: tuple[Property | Index | Call, ...]


class MethodCall(NamedTuple):
    """A call of a method that the text defines, ``mesh(5) { … }``."""

    start: int
    end: int
    name: Name
    arguments: tuple[Value, ...]
    closure: Closure | None


class Closure(NamedTuple):
    """A closure, ``{ a, b -> … }``; ``parameters`` is None without an arrow, and then ``it`` is the only parameter."""

    start: int
    end: int
    parameters: tuple[Parameter, ...] | None
    body: Body


class Block(NamedTuple):
    """A resource, a nested testbed or the header of a testbed: ``host { … }``, ``Island { … }``."""

    start: int
    end: int
    name: Name
    closure: Closure


Expression: TypeAlias = (
    Name | Literal | Template | ListOf | MapOf | Chain | Unary | Ternary | Elvis | Postfix | MethodCall | Block
)
Value: TypeAlias = Expression | Closure


class Parameter(NamedTuple):
    """A parameter of a type, a method or a closure; ``kind`` is ``def``, ``int`` … or None."""

    start: int
    end: int
    kind: str | None
    name: Name
    default: Value | None


class TypeDefinition(NamedTuple):
    """A definition of a type, ``type Mesh(n = 5) { … }``."""

    start: int
    end: int
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body


class MethodDefinition(NamedTuple):
    """A definition of a method, ``def mesh(n, site = "AMS") { … }``."""

    start: int
    end: int
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body


class Declaration(NamedTuple):
    """A declaration of a variable, ``def n = 5``."""

    start: int
    end: int
    kind: str
    name: Name
    value: Value | None


class Assignment(NamedTuple):
    """An assignment, ``id = "h1"`` or ``sites[0] = "AMS"``; ``sign`` is ``=``, ``+=`` or ``-=``."""

    start: int
    end: int
    target: Expression
    sign: str
    value: Value


class Increment(NamedTuple):
    """An increment or a decrement, ``i++`` or ``i--``."""

    start: int
    end: int
    target: Expression
    sign: str


class AdjacencyOf(NamedTuple):
    """An adjacency of two ports, ``adjacency h1.p1, l1.src``."""

    start: int
    end: int
    first: Expression
    second: Expression


class If(NamedTuple):
    """A condition, ``if (condition) … else …``."""

    start: int
    end: int
    condition: Expression
    then: Body
    otherwise: Body


class ForIn(NamedTuple):
    """A loop over values, ``for (x in values) …``."""

    start: int
    end: int
    name: Name
    values: Expression
    body: Body


class For(NamedTuple):
    """A loop with a counter, ``for (int i = 0; i < n; i++) …``."""

    start: int
    end: int
    first: Statement | None
    condition: Expression | None
    step: Statement | None
    body: Body


class While(NamedTuple):
    """A loop with a condition, ``while (condition) …``."""

    start: int
    end: int
    condition: Expression
    body: Body


class Return(NamedTuple):
    """The end of a method, ``return value``."""

    start: int
    end: int
    value: Value | None


class Break(NamedTuple):
    """The end of a loop, ``break``."""

    start: int
    end: int


class Continue(NamedTuple):
    """The end of a round of a loop, ``continue``."""

    start: int
    end: int


Statement: TypeAlias = (
    TypeDefinition
    | MethodDefinition
    | Declaration
    | Assignment
    | Increment
    | AdjacencyOf
    | If
    | ForIn
    | For
    | While
    | Return
    | Break
    | Continue
    | Expression
)
Body: TypeAlias = tuple[Statement, ...]
