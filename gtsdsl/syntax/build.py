"""Builders of nodes: for each rule of the grammar, the function that makes its node."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, TypeAlias, cast

from gtsdsl.model.values import MAX_DIGITS
from gtsdsl.syntax import nodes
from gtsdsl.syntax.nodes import Body, Expression, Literal, Name


class Token(NamedTuple):
    """A word of the text."""

    start: int
    end: int
    kind: str
    """The name of its terminal in the grammar."""
    text: str


Child: TypeAlias = object
"""A part of a rule: a `Token`, a node, a tuple of nodes, or None for an optional part that is absent."""
Builder: TypeAlias = Callable[[list[Child], int, int], Child]
"""A function that makes a node from the children of a rule and the start and end of its text."""

_CONSTANTS = {"true": True, "false": False, "null": None}


def _name(children: list[Child], start: int, end: int) -> Name:
    return Name(start, end, cast(Token, children[0]).text)


def _name_of(child: Child) -> Name:
    token = cast(Token, child)
    return Name(token.start, token.end, token.text)


def _kind_of(child: Child) -> str | None:
    return None if child is None else cast(Token, child).text


def _body_of(child: Child) -> Body:
    """Return the statements of a branch, which is a block's body or a single statement."""
    if child is None:
        return ()
    # a body is a plain tuple; a node is a named tuple
    return cast(Body, child) if type(child) is tuple else (cast(nodes.Statement, child),)


def _present(children: list[Child]) -> tuple[Child, ...]:
    return tuple(child for child in children if child is not None)


def _parameter(children: list[Child], start: int, end: int) -> nodes.Parameter:
    default = cast("nodes.Value | None", children[2]) if len(children) > 2 else None
    return nodes.Parameter(start, end, _kind_of(children[0]), _name_of(children[1]), default)


def _type_definition(children: list[Child], start: int, end: int) -> nodes.TypeDefinition:
    parameters = cast("tuple[nodes.Parameter, ...]", children[2] or ())
    return nodes.TypeDefinition(start, end, _name_of(children[1]), parameters, cast(Body, children[3]))


def _method_definition(children: list[Child], start: int, end: int) -> nodes.MethodDefinition:
    parameters = cast("tuple[nodes.Parameter, ...]", children[2])
    return nodes.MethodDefinition(start, end, _name_of(children[1]), parameters, cast(Body, children[3]))


def _declaration(children: list[Child], start: int, end: int) -> nodes.Declaration:
    value = cast("nodes.Value | None", children[2])
    return nodes.Declaration(start, end, cast(Token, children[0]).text, _name_of(children[1]), value)


def _assignment(children: list[Child], start: int, end: int) -> nodes.Assignment:
    target, sign, value = cast("tuple[Expression, Token, nodes.Value]", tuple(children))
    return nodes.Assignment(start, end, target, sign.text, value)


def _increment(children: list[Child], start: int, end: int) -> nodes.Increment:
    target, sign = children if isinstance(children[1], Token) else reversed(children)
    return nodes.Increment(start, end, cast(Expression, target), cast(Token, sign).text)


def _adjacency(children: list[Child], start: int, end: int) -> nodes.AdjacencyOf:
    return nodes.AdjacencyOf(start, end, *cast("tuple[Expression, Expression]", tuple(children)))


def _if(children: list[Child], start: int, end: int) -> nodes.If:
    return nodes.If(start, end, cast(Expression, children[0]), _body_of(children[1]), _body_of(children[2]))


def _for_in(children: list[Child], start: int, end: int) -> nodes.ForIn:
    return nodes.ForIn(start, end, _name_of(children[1]), cast(Expression, children[2]), _body_of(children[3]))


def _for(children: list[Child], start: int, end: int) -> nodes.For:
    first, condition, step = cast(
        "tuple[nodes.Statement | None, Expression | None, nodes.Statement | None]",
        tuple(children[:3]),
    )
    return nodes.For(start, end, first, condition, step, _body_of(children[3]))


def _while(children: list[Child], start: int, end: int) -> nodes.While:
    return nodes.While(start, end, cast(Expression, children[0]), _body_of(children[1]))


def _return(children: list[Child], start: int, end: int) -> nodes.Return:
    return nodes.Return(start, end, cast("nodes.Value | None", children[0]))


def _ternary(children: list[Child], start: int, end: int) -> nodes.Ternary:
    return nodes.Ternary(start, end, *cast("tuple[Expression, Expression, Expression]", tuple(children)))


def _elvis(children: list[Child], start: int, end: int) -> nodes.Elvis:
    return nodes.Elvis(start, end, *cast("tuple[Expression, Expression]", tuple(children)))


def _chain(children: list[Child], start: int, end: int) -> nodes.Chain:
    operators = tuple(
        nodes.Operator(token.start, token.end, token.text) for token in cast("list[Token]", children[1::2])
    )
    return nodes.Chain(start, end, tuple(cast("list[Expression]", children[0::2])), operators)


def _sign(children: list[Child], start: int, end: int) -> nodes.Unary:
    return nodes.Unary(start, end, cast(Token, children[0]).text, cast(Expression, children[1]))


def _not(children: list[Child], start: int, end: int) -> nodes.Unary:
    return nodes.Unary(start, end, "!", cast(Expression, children[0]))


def _postfix(children: list[Child], start: int, end: int) -> nodes.Postfix:
    suffixes = cast("tuple[nodes.Property | nodes.Index | nodes.Call, ...]", tuple(children[1:]))
    return nodes.Postfix(start, end, cast(Expression, children[0]), suffixes)


def _property(children: list[Child], start: int, end: int) -> nodes.Property:
    return nodes.Property(start, end, cast(Name, children[0]))


def _index(children: list[Child], start: int, end: int) -> nodes.Index:
    return nodes.Index(start, end, cast(Expression, children[0]))


def _call_parts(children: list[Child]) -> tuple[Name, tuple[nodes.Value, ...], nodes.Closure | None]:
    """Return the name, the arguments and the closure of a call: ``f(1)``, ``f(1) { … }``, ``f { … }``."""
    name = cast(Name, children[0])
    if isinstance(children[1], nodes.Closure):
        return name, (), children[1]
    return name, cast("tuple[nodes.Value, ...]", children[1]), cast("nodes.Closure | None", children[2])


def _call(children: list[Child], start: int, end: int) -> nodes.Call:
    return nodes.Call(start, end, *_call_parts(children))


def _method_call(children: list[Child], start: int, end: int) -> nodes.MethodCall:
    return nodes.MethodCall(start, end, *_call_parts(children))


def _closure(children: list[Child], start: int, end: int) -> nodes.Closure:
    parameters, arrow, body = children
    if arrow is None:
        return nodes.Closure(start, end, None, cast(Body, body))
    return nodes.Closure(start, end, cast("tuple[nodes.Parameter, ...]", parameters or ()), cast(Body, body))


def _block_of(children: list[Child], start: int, end: int) -> nodes.Block:
    return nodes.Block(start, end, cast(Name, children[0]), cast(nodes.Closure, children[1]))


def _list(children: list[Child], start: int, end: int) -> nodes.ListOf:
    return nodes.ListOf(start, end, cast("tuple[nodes.Value, ...]", _present(children)))


def _map(children: list[Child], start: int, end: int) -> nodes.MapOf:
    return nodes.MapOf(start, end, cast("tuple[nodes.Entry, ...]", _present(children)))


def _entry(children: list[Child], start: int, end: int) -> nodes.Entry:
    return nodes.Entry(start, end, cast(Expression, children[0]), cast(nodes.Value, children[1]))


def _word(children: list[Child], start: int, end: int) -> Literal:
    return Literal(start, end, cast(Token, children[0]).text)


BUILDERS: dict[str, Builder] = {
    "file": lambda children, _start, _end: children[0],
    "body": lambda children, _start, _end: _present(children),
    "block": lambda children, _start, _end: children[0],
    "parameters": lambda children, _start, _end: _present(children),
    "closure_parameters": lambda children, _start, _end: _present(children),
    "arguments": lambda children, _start, _end: _present(children),
    "type_definition": _type_definition,
    "method_definition": _method_definition,
    "parameter": _parameter,
    "closure_parameter": _parameter,
    "declaration": _declaration,
    "assignment": _assignment,
    "increment": _increment,
    "adjacency": _adjacency,
    "if": _if,
    "for_in": _for_in,
    "for": _for,
    "while": _while,
    "return": _return,
    "break": lambda _children, start, end: nodes.Break(start, end),
    "continue": lambda _children, start, end: nodes.Continue(start, end),
    "ternary": _ternary,
    "elvis": _elvis,
    "either": _chain,
    "both": _chain,
    "equality": _chain,
    "relation": _chain,
    "range": _chain,
    "sum": _chain,
    "product": _chain,
    "sign": _sign,
    "not": _not,
    "postfix": _postfix,
    "property": _property,
    "index": _index,
    "call": _call,
    "method_call": _method_call,
    "block_of": _block_of,
    "closure": _closure,
    "list": _list,
    "map": _map,
    "entry": _entry,
    "word": _word,
    "name": _name,
}
"""The builder of each rule, by the name of the rule or its alias. Rules without a builder pass on their only child."""


def number(token: Token) -> Literal:
    """Return the node of a number.

    Raises:
        ValueError: the number has more than `MAX_DIGITS` digits.
    """
    if token.end - token.start > MAX_DIGITS:
        raise ValueError(f"a number may have {MAX_DIGITS} digits, this one has {token.end - token.start}")
    value = int(token.text) if token.kind == "INTEGER" else Decimal(token.text)
    return Literal(token.start, token.end, value)


def constant(token: Token) -> Literal:
    """Return the node of ``true``, ``false`` or ``null``."""
    return Literal(token.start, token.end, _CONSTANTS[token.text])
