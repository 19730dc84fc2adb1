"""What a text consists of: a node a construct of the grammar, with the stretch of text that it stands in.

Nodes are named tuples: a large file has half a million of them, and a frozen dataclass takes four times as long to
make. Every node begins with ``start`` and ``end``, offsets in the text. Chains (`a + b - c`, `x.y[z]`) are flat, so
that only nested brackets make nested nodes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, TypeAlias


class Name(NamedTuple):
    """A word that stands for something: a variable, an attribute, a resource."""

    start: int
    end: int
    id: str


class Literal(NamedTuple):
    """A value as it is written."""

    start: int
    end: int
    value: bool | int | Decimal | str | None


class Template(NamedTuple):
    """A string with values in it: ``"h${i}"`` has the parts ``"h"`` and ``Name("i")``."""

    start: int
    end: int
    parts: tuple[str | Expression, ...]


class ListOf(NamedTuple):
    """``[1, 2]``"""

    start: int
    end: int
    items: tuple[Value, ...]


class Entry(NamedTuple):
    """``key: value`` in a map; a bare word as a key is a `Literal`."""

    start: int
    end: int
    key: Expression
    value: Value


class MapOf(NamedTuple):
    """``[a: 1]``, ``[:]``"""

    start: int
    end: int
    entries: tuple[Entry, ...]


class Operator(NamedTuple):
    """An operator's sign, where it stands between operands."""

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
    """``-a``, ``!a``"""

    start: int
    end: int
    sign: str
    operand: Expression


class Ternary(NamedTuple):
    """``condition ? then : otherwise``"""

    start: int
    end: int
    condition: Expression
    then: Expression
    otherwise: Expression


class Elvis(NamedTuple):
    """``value ?: otherwise``"""

    start: int
    end: int
    value: Expression
    otherwise: Expression


class Property(NamedTuple):
    """``.name`` behind something."""

    start: int
    end: int
    name: Name


class Index(NamedTuple):
    """``[key]`` behind something."""

    start: int
    end: int
    key: Expression


class Call(NamedTuple):
    """``.name(arguments) { … }`` behind something."""

    start: int
    end: int
    name: Name
    arguments: tuple[Value, ...]
    closure: Closure | None


class Postfix(NamedTuple):
    """A value and what is asked of it, one after the other: ``hosts[i].port("p1")``."""

    start: int
    end: int
    target: Expression
    suffixes: tuple[Property | Index | Call, ...]


class MethodCall(NamedTuple):
    """``mesh(5) { … }``"""

    start: int
    end: int
    name: Name
    arguments: tuple[Value, ...]
    closure: Closure | None


class Closure(NamedTuple):
    """``{ a, b -> … }``; ``parameters`` is None where there is no arrow (then ``it`` is its one parameter)."""

    start: int
    end: int
    parameters: tuple[Parameter, ...] | None
    body: Body


class Block(NamedTuple):
    """``host { … }``, ``Island { … }``: a resource, or the header of a testbed."""

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
    """``type Mesh(n = 5) { … }``"""

    start: int
    end: int
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body


class MethodDefinition(NamedTuple):
    """``def mesh(n, site = "AMS") { … }``"""

    start: int
    end: int
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body


class Declaration(NamedTuple):
    """``def n = 5``"""

    start: int
    end: int
    kind: str
    name: Name
    value: Value | None


class Assignment(NamedTuple):
    """``id = "h1"``, ``n += 1``, ``sites[0] = "AMS"``; ``sign`` is ``=``, ``+=`` or ``-=``."""

    start: int
    end: int
    target: Expression
    sign: str
    value: Value


class Increment(NamedTuple):
    """``i++``, ``i--``"""

    start: int
    end: int
    target: Expression
    sign: str


class AdjacencyOf(NamedTuple):
    """``adjacency h1.p1, l1.src``"""

    start: int
    end: int
    first: Expression
    second: Expression


class If(NamedTuple):
    """``if (condition) … else …``"""

    start: int
    end: int
    condition: Expression
    then: Body
    otherwise: Body


class ForIn(NamedTuple):
    """``for (x in values) …``"""

    start: int
    end: int
    name: Name
    values: Expression
    body: Body


class For(NamedTuple):
    """``for (int i = 0; i < n; i++) …``"""

    start: int
    end: int
    first: Statement | None
    condition: Expression | None
    step: Statement | None
    body: Body


class While(NamedTuple):
    """``while (condition) …``"""

    start: int
    end: int
    condition: Expression
    body: Body


class Return(NamedTuple):
    """``return value``"""

    start: int
    end: int
    value: Value | None


class Break(NamedTuple):
    """``break``"""

    start: int
    end: int


class Continue(NamedTuple):
    """``continue``"""

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
