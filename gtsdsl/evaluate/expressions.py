"""Evaluation of expressions: names, strings, lists, operators, properties and calls of values' methods."""

from __future__ import annotations

from typing import cast

from gtsdsl.evaluate.calls import Calls
from gtsdsl.evaluate.errors import LimitError, OperationError, ReportedError
from gtsdsl.evaluate.methods import UnknownMethodError, call_method
from gtsdsl.evaluate.names import open_testbed, refuse_foreign_word, value_of_field, value_of_name
from gtsdsl.evaluate.operators import length_of, operate
from gtsdsl.evaluate.runtime import FAILED_VALUE, ResourceValue, RuntimeValue, Scope, ThisValue
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import arithmetic, kind_of, text_of, truth
from gtsdsl.model.testbed import PortRef
from gtsdsl.model.values import MAX_STRING
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

_LOOKUPS_A_STEP = 16
"""Scopes or ports that a search passes in the time of one step."""


def value_of_target(node: nodes.Value, scope: Scope, evaluation: Evaluation, evaluator: Evaluator) -> RuntimeValue:
    """Return the value before a ``.`` or ``[``. Only there, ``this`` is a word of the language."""
    if type(node) is nodes.Name and node.id == "this":
        return ThisValue(open_testbed(evaluation))
    return evaluator.value(node, scope)


class Expressions:
    """The part of the interpreter that evaluates expressions, with a method for each type of syntax node."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator, calls: Calls) -> None:
        self._evaluation = evaluation
        self._evaluator = evaluator
        self._calls = calls
        self._meter = evaluation.meter
        self._value = evaluator.value

    def name(self, node: nodes.Name, scope: Scope) -> RuntimeValue:
        """Return the value of the variable, attribute or resource that a name stands for.

        Raises:
            OperationError: the name stands for nothing.
            ReportedError: the value could not be evaluated.
        """
        name = node.id
        holder: Scope | None = scope
        while holder is not None:  # in place of scope.holder(name): half a million times in a large source
            if name in holder.variables:
                value = holder.variables[name]
                if value is FAILED_VALUE:
                    raise ReportedError
                if scope.depth - holder.depth > _LOOKUPS_A_STEP:
                    self._meter.step((scope.depth - holder.depth) // _LOOKUPS_A_STEP)
                return value
            holder = holder.parent
        self._meter.step(scope.depth // _LOOKUPS_A_STEP)
        return value_of_name(self._evaluation, name, scope)

    def literal(self, node: nodes.Literal, _scope: Scope) -> RuntimeValue:
        """Return the value of a literal."""
        return node.value

    def template(self, node: nodes.Template, scope: Scope) -> RuntimeValue:
        """Return the text of a string with values in it."""
        pieces = []
        length = 0
        for part in node.parts:
            value = part if type(part) is str else self._value(cast(nodes.Expression, part), scope)
            pieces.append(value if type(value) is str else text_of(value, self._meter))
            length += len(pieces[-1])
            if length > MAX_STRING:
                raise LimitError(f"a string has more than {MAX_STRING} characters")
        return self._meter.string("".join(pieces))

    def list_of(self, node: nodes.ListOf, scope: Scope) -> RuntimeValue:
        """Return a new list."""
        self._meter.list_of(len(node.items))
        return [self._value(item, scope) for item in node.items]

    def map_of(self, node: nodes.MapOf, scope: Scope) -> RuntimeValue:
        """Return a new map."""
        self._meter.map_of(len(node.entries))
        result: dict[str, RuntimeValue] = {}
        for entry in node.entries:
            key = text_of(self._value(entry.key, scope), self._meter)
            self._meter.step(length_of(key))
            result[key] = self._value(entry.value, scope)
        return result

    def chain(self, node: nodes.Chain, scope: Scope) -> RuntimeValue:
        """Return the value of operands joined by operators, from left to right."""
        sign = node.operators[0].sign
        if sign == "&&":
            return all(truth(self._value(operand, scope)) for operand in node.operands)
        if sign == "||":
            return any(truth(self._value(operand, scope)) for operand in node.operands)
        left = self._value(node.operands[0], scope)
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = self._value(operand, scope)
            left = operate(operator.sign, left, right, self._meter)
        return left

    def unary(self, node: nodes.Unary, scope: Scope) -> RuntimeValue:
        """Return the value of ``-a``, ``+a`` or ``!a``."""
        operand = self._value(node.operand, scope)
        if node.sign == "!":
            return not truth(operand)
        return arithmetic(node.sign, 0, operand, self._meter)

    def ternary(self, node: nodes.Ternary, scope: Scope) -> RuntimeValue:
        """Return the value of ``condition ? then : otherwise``."""
        return self._value(node.then if truth(self._value(node.condition, scope)) else node.otherwise, scope)

    def elvis(self, node: nodes.Elvis, scope: Scope) -> RuntimeValue:
        """Return the value of ``value ?: otherwise``."""
        value = self._value(node.value, scope)
        return value if truth(value) else self._value(node.otherwise, scope)

    # ----------------------------------------------------------------------------- properties, items, methods of values

    def postfix(self, node: nodes.Postfix, scope: Scope) -> RuntimeValue:
        """Return the value of ``target.name``, ``target[key]``, ``target.method(…)``, and chains of them."""
        value = value_of_target(node.target, scope, self._evaluation, self._evaluator)
        for suffix in node.suffixes:
            self._meter.step()
            try:
                if isinstance(suffix, nodes.Call):
                    value = self._call(value, suffix, scope)
                elif isinstance(suffix, nodes.Property):
                    value = self._property(value, suffix.name.id)
                else:
                    value = operate("[]", value, self._value(suffix.key, scope), self._meter)
            except OperationError as error:
                raise error.at(Span(suffix.start, suffix.end)) from None
        return value

    def _property(self, target: RuntimeValue, name: str) -> RuntimeValue:
        if isinstance(target, ResourceValue):
            block = target.block
            self._meter.step(len(block.ports) // _LOOKUPS_A_STEP)
            if name in block.attributes and not block.has_port(name):
                return cast(RuntimeValue, block.attributes[name])
            return PortRef(block.id, name)
        if isinstance(target, ThisValue):
            return value_of_field(self._evaluation, target.block, name)
        if isinstance(target, dict):
            return target.get(name)
        refuse_foreign_word(name)
        raise OperationError("GTS010", f"{kind_of(target)} has no property `{printable(name)}`")

    def _call(self, target: RuntimeValue, node: nodes.Call, scope: Scope) -> RuntimeValue:
        if isinstance(target, ThisValue):
            return self._calls.call_by_name(node, target.block.scope, scope)
        arguments = self._calls.arguments(node, scope)
        try:
            return call_method(target, node.name.id, arguments, self._calls.call_closure, self._meter)
        except UnknownMethodError as error:
            refuse_foreign_word(error.name)
            hint = self._evaluation.hints.near(error.name, error.known)
            raise OperationError("GTS010", f"{error.kind} has no method `{printable(error.name)}`", hint) from None
