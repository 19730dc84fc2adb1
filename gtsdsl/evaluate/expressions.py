"""From an expression to its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from gtsdsl.evaluate import values
from gtsdsl.evaluate.limits import MAX_CALLS, MAX_STEPS, SCOPE_COST, BoundPassed
from gtsdsl.evaluate.methods import NoSuchMethod, call_method
from gtsdsl.evaluate.operators import length_of, operate
from gtsdsl.evaluate.values import (
    POISON,
    ClosureValue,
    Failed,
    Handle,
    MethodValue,
    RuntimeValue,
    Scope,
    This,
    kind_of,
    text_of,
    truth,
)
from gtsdsl.model.testbed import PortRef
from gtsdsl.model.values import MAX_STRING
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.evaluate.statements import Statements

FOREIGN = frozenset(
    "import package class interface enum new this super System Runtime Thread File Class Object Math Eval GroovyShell"
    " java javax groovy evaluate println print printf execute getClass metaClass try catch finally throw switch case do"
    " instanceof as assert static final public private protected void synchronized goto var let const function".split(),
)
"""Words of Groovy and the JVM that no topology may use."""


_NEAR = 16
"""So many scopes or ports are looked through in the time of one step."""


class Quiet(Exception):
    """A value cannot be had because of an error that was reported where it arose."""


class At(Exception):
    """A failure with the node that it is about."""

    def __init__(self, failure: Failed, span: Span) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.span = span


class Expressions:
    """Evaluates expressions for `Statements`, which holds the state."""

    def __init__(self, owner: Statements) -> None:
        self._owner = owner
        self._meter = owner.meter
        self._evaluators: dict[type, Callable[[nodes.Value, Scope], RuntimeValue]] = cast(
            "dict[type, Callable[[nodes.Value, Scope], RuntimeValue]]",
            {
                nodes.Name: self._name,
                nodes.Literal: lambda node, _scope: node.value,
                nodes.Template: self._template,
                nodes.ListOf: self._list,
                nodes.MapOf: self._map,
                nodes.Chain: self._chain,
                nodes.Unary: self._unary,
                nodes.Ternary: self._ternary,
                nodes.Elvis: self._elvis,
                nodes.Postfix: self._postfix,
                nodes.MethodCall: self._method_call,
                nodes.Block: owner.blocks.block,
                nodes.Closure: ClosureValue,
            },
        )

    def value(self, node: nodes.Value, scope: Scope) -> RuntimeValue:
        """The value of an expression.

        Raises:
            At: it has none; the error's place is the innermost node that is wrong.
            Quiet: it has none, and why has been reported.
        """
        meter = self._meter
        meter.steps += 1  # in place of meter.step(): a million calls in a large file
        if meter.steps > MAX_STEPS:
            meter.step()
        try:
            return self._evaluators[type(node)](node, scope)
        except Failed as failure:
            raise At(failure, Span(node.start, node.end)) from None

    def _name(self, node: nodes.Name, scope: Scope) -> RuntimeValue:
        name = node.id
        place: Scope | None = scope
        while place is not None:  # as scope.holder(name), and half a million times in a large file
            if name in place.variables:
                value = place.variables[name]
                if value is POISON:
                    raise Quiet
                if scope.depth - place.depth > _NEAR:
                    self._meter.step((scope.depth - place.depth) // _NEAR)
                return value
            place = place.parent
        self._meter.step(scope.depth // _NEAR)
        return self._owner.visible(name, scope)

    def _template(self, node: nodes.Template, scope: Scope) -> RuntimeValue:
        pieces = []
        length = 0
        for part in node.parts:
            value = part if type(part) is str else self.value(cast(nodes.Expression, part), scope)
            pieces.append(value if type(value) is str else text_of(value, self._meter))
            length += len(pieces[-1])
            if length > MAX_STRING:
                raise BoundPassed(f"a string has more than {MAX_STRING} characters")
        return self._meter.string("".join(pieces))

    def _list(self, node: nodes.ListOf, scope: Scope) -> RuntimeValue:
        self._meter.list_of(len(node.items))
        return [self.value(item, scope) for item in node.items]

    def _map(self, node: nodes.MapOf, scope: Scope) -> RuntimeValue:
        self._meter.map_of(len(node.entries))
        result: dict[str, RuntimeValue] = {}
        for entry in node.entries:
            key = text_of(self.value(entry.key, scope), self._meter)
            self._meter.step(length_of(key))
            result[key] = self.value(entry.value, scope)
        return result

    def _chain(self, node: nodes.Chain, scope: Scope) -> RuntimeValue:
        sign = node.operators[0].sign
        if sign == "&&":
            return all(truth(self.value(operand, scope)) for operand in node.operands)
        if sign == "||":
            return any(truth(self.value(operand, scope)) for operand in node.operands)
        left = self.value(node.operands[0], scope)
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = self.value(operand, scope)
            left = operate(operator.sign, left, right, self._meter)
        return left

    def _unary(self, node: nodes.Unary, scope: Scope) -> RuntimeValue:
        operand = self.value(node.operand, scope)
        if node.sign == "!":
            return not truth(operand)
        return values.arithmetic(node.sign, 0, operand, self._meter)

    def _ternary(self, node: nodes.Ternary, scope: Scope) -> RuntimeValue:
        return self.value(node.then if truth(self.value(node.condition, scope)) else node.otherwise, scope)

    def _elvis(self, node: nodes.Elvis, scope: Scope) -> RuntimeValue:
        value = self.value(node.value, scope)
        return value if truth(value) else self.value(node.otherwise, scope)

    # --------------------------------------------------------------------------------------- what is asked of values

    def _postfix(self, node: nodes.Postfix, scope: Scope) -> RuntimeValue:
        value = self.holder(node.target, scope)
        for suffix in node.suffixes:
            self._meter.step()
            try:
                if isinstance(suffix, nodes.Call):
                    value = self._call(value, suffix, scope)
                elif isinstance(suffix, nodes.Property):
                    value = self.property_of(value, suffix.name.id)
                else:
                    value = operate("[]", value, self.value(suffix.key, scope), self._meter)
            except Failed as failure:
                raise At(failure, Span(suffix.start, suffix.end)) from None
        return value

    def holder(self, node: nodes.Value, scope: Scope) -> RuntimeValue:
        """What stands before a ``.`` or ``[``; only there is ``this`` a word of the language."""
        return self._owner.this() if type(node) is nodes.Name and node.id == "this" else self.value(node, scope)

    def property_of(self, target: RuntimeValue, name: str) -> RuntimeValue:
        """``target.name``"""
        if isinstance(target, Handle):
            container = target.container
            self._meter.step(len(container.ports) // _NEAR)
            if name in container.attributes and not container.has_port(name):
                return cast(RuntimeValue, container.attributes[name])
            return PortRef(container.id, name)
        if isinstance(target, This):
            return self._owner.field(target.container, name)
        if isinstance(target, dict):
            return target.get(name)
        if name in FOREIGN:
            raise Failed("GTS014", f"`{name}` is not part of the language")
        raise Failed("GTS010", f"{kind_of(target)} has no property `{printable(name)}`")

    def _call(self, target: RuntimeValue, node: nodes.Call, scope: Scope) -> RuntimeValue:
        if isinstance(target, This):
            return self._call_by_name(node, target.container.scope, scope)
        arguments = self.arguments(node, scope)
        try:
            return call_method(target, node.name.id, arguments, self.call_closure, self._meter)
        except NoSuchMethod as problem:
            name = printable(problem.name)
            if problem.name in FOREIGN:
                raise Failed("GTS014", f"`{name}` is not part of the language") from None
            hint = self._owner.hints.near(problem.name, problem.known)
            raise Failed("GTS010", f"{problem.kind} has no method `{name}`", hint) from None

    def arguments(self, node: nodes.Call | nodes.MethodCall, scope: Scope) -> list[RuntimeValue]:
        arguments = [self.value(argument, scope) for argument in node.arguments]
        if node.closure is not None:
            arguments.append(ClosureValue(node.closure, scope))
        return arguments

    def _method_call(self, node: nodes.MethodCall, scope: Scope) -> RuntimeValue:
        return self._call_by_name(node, scope, scope)

    def _call_by_name(self, node: nodes.Call | nodes.MethodCall, visible: Scope, scope: Scope) -> RuntimeValue:
        holder = visible.holder(node.name.id)
        callee = None if holder is None else holder.variables[node.name.id]
        if callee is POISON:
            raise Quiet
        if isinstance(callee, MethodValue):
            return self.call_method(callee, self.arguments(node, scope))
        if isinstance(callee, ClosureValue):
            return self.call_closure(callee, self.arguments(node, scope))
        name = printable(node.name.id)
        if node.name.id in FOREIGN:
            raise Failed("GTS014", f"`{name}` is not part of the language")
        hint = self._owner.hints.near(node.name.id, self._owner.methods(visible))
        raise Failed("GTS010", f"there is no method `{name}`", hint)

    def call_method(self, method: MethodValue, arguments: list[RuntimeValue]) -> RuntimeValue:
        node = method.node
        self._meter.step(len(node.parameters))
        if len(arguments) > len(node.parameters):
            raise Failed(
                "GTS015",
                f"wrong number of arguments: `{node.name.id}` takes {len(node.parameters)}, not {len(arguments)}",
            )
        scope = self._new_scope(method.scope)
        self.bind(node.parameters, arguments, scope, f"`{node.name.id}`")
        return self._run(node.body, scope)

    def call_closure(self, closure: ClosureValue, arguments: list[RuntimeValue]) -> RuntimeValue:
        scope = self._new_scope(closure.scope)
        parameters = closure.node.parameters
        if parameters is None:
            scope.variables["it"] = arguments[0] if arguments else None
        else:
            if len(parameters) > 1 and len(arguments) == 1 and isinstance(arguments[0], list):
                arguments = arguments[0]  # `[[1, 2]].each { a, b -> … }`
            if len(arguments) > len(parameters):
                raise Failed(
                    "GTS015", f"wrong number of arguments: the closure takes {len(parameters)}, not {len(arguments)}"
                )
            self.bind(parameters, arguments, scope, "the closure")
        return self._run(closure.node.body, scope)

    def bind(
        self, parameters: tuple[nodes.Parameter, ...], arguments: list[RuntimeValue], scope: Scope, of: str
    ) -> None:
        """Give parameters their values: arguments in their order, then defaults, which see the parameters before."""
        for index, parameter in enumerate(parameters):
            name = parameter.name.id
            if index < len(arguments):
                value = arguments[index]
            elif parameter.default is not None:
                value = self.value(parameter.default, scope)
            else:
                raise Failed("GTS015", f"{of} gets no value for its parameter `{name}`")
            scope.variables[name] = of_kind(parameter.kind, value, name)

    def _new_scope(self, parent: Scope) -> Scope:
        self._meter.make(SCOPE_COST)
        return Scope(parent)

    def _run(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        self._meter.calls += 1
        if self._meter.calls > MAX_CALLS:
            raise BoundPassed(f"more than {MAX_CALLS} calls of methods and closures wait for one another")
        try:
            return self._owner.call_body(body, scope)
        finally:
            self._meter.calls -= 1


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "int": (int, "a whole number"),
    "Integer": (int, "a whole number"),
    "String": (str, "a string"),
    "List": ((list, range), "a list"),
    "Map": (dict, "a map"),
}


def of_kind(kind: str | None, value: RuntimeValue, name: str) -> RuntimeValue:
    """A value for a variable that was declared with a type, or with ``def``."""
    if kind in _KINDS and value is not None:
        types, wanted = _KINDS[kind]
        if not isinstance(value, types) or isinstance(value, bool):
            raise Failed("GTS011", f"`{kind} {printable(name)}` is {wanted}, not {kind_of(value)}")
    return value
