"""Assignments: to attributes of the open block, to variables, and to items of lists and maps."""

from __future__ import annotations

from typing import cast

from gtsdsl.diagnostics import Note
from gtsdsl.evaluate.errors import OperationError, PlacedError, ReportedError
from gtsdsl.evaluate.expressions import value_of_target
from gtsdsl.evaluate.limits import ATTRIBUTE_COST, ENTRY_COST, ITEM_COST
from gtsdsl.evaluate.names import value_of_field
from gtsdsl.evaluate.operators import key_of, length_of, operate
from gtsdsl.evaluate.runtime import FAILED_VALUE, Level, OpenBlock, RuntimeValue, Scope, ThisValue
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import attribute_value, holds, kind_of
from gtsdsl.model.classes import TESTBED_ATTRIBUTES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable


class Assignments:
    """The part of the interpreter that runs assignments."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator) -> None:
        self._evaluation = evaluation
        self._evaluator = evaluator
        self._meter = evaluation.meter
        self._value = evaluator.value

    def report_repeated(self, node: nodes.Assignment, block: OpenBlock, seen: dict[str, Span]) -> None:
        """Report an attribute that its block sets twice. ``seen`` are the names that were set, with their places."""
        if type(node.target) is not nodes.Name or node.sign != "=" or node.target.id in block.scope.variables:
            return
        name = node.target.id
        span = Span(node.start, node.end)
        if name in seen and (name in block.attributes or name in block.failed_attributes):
            note = Note("it was set here", seen[name])
            self._evaluation.report("GTS029", f"`{printable(name)}` is set twice", span, notes=(note,))
        seen[name] = span

    def set_plain(self, node: nodes.Assignment, block: OpenBlock, scope: Scope) -> bool:
        """Set an attribute to a string without interpolation, as most of a large source does.

        Returns False, and does nothing, for any other assignment.
        """
        target, value = node.target, node.value
        if (
            type(target) is nodes.Name
            and type(value) is nodes.Literal
            and type(value.value) is str
            and node.sign == "="
            and scope is block.scope
            and target.id in block.known_attributes
            and target.id not in scope.variables
        ):
            self._meter.allocate(ATTRIBUTE_COST + len(value.value))
            block.attributes[target.id] = value.value
            block.places[target.id] = Span(value.start, value.end)
            return True
        return False

    def assign(self, node: nodes.Assignment, scope: Scope) -> RuntimeValue:
        """Run an assignment, and return the new value."""
        target = node.target
        if isinstance(target, nodes.Name):
            return self._assign_name(target, node, scope)
        if not isinstance(target, nodes.Postfix) or isinstance(target.suffixes[-1], nodes.Call):
            raise PlacedError("GTS018", "nothing can be assigned to this", Span(target.start, target.end))
        *before, last = target.suffixes
        holder_node = nodes.Postfix(target.start, target.end, target.target, tuple(before)) if before else target.target
        holder = value_of_target(holder_node, scope, self._evaluation, self._evaluator)
        index = last.name.id if isinstance(last, nodes.Property) else self._value(cast(nodes.Index, last).key, scope)
        value = self._value(node.value, scope)
        testbed = holder.block if isinstance(holder, ThisValue) else None
        if node.sign != "=":
            if testbed is None:
                old = operate("[]", holder, index, self._meter)
            else:
                old = value_of_field(self._evaluation, testbed, key_of(index))
            value = operate(node.sign[0], old, value, self._meter)
        if testbed is None:
            self._set_item(holder, index, value)
        else:
            self._set_field(testbed, key_of(index), value, Span(node.value.start, node.value.end))
        return value

    def _set_field(self, testbed: OpenBlock, name: str, value: RuntimeValue, span: Span) -> None:
        """Set ``this.name``: an attribute of the testbed, or a variable that the testbed declares."""
        if name in testbed.known_attributes and name not in testbed.scope.variables:
            self._set_attribute(testbed, name, value, span)
        else:
            value_of_field(self._evaluation, testbed, name)  # the variable must exist
            testbed.scope.variables[name] = value

    def _set_item(self, holder: RuntimeValue, index: RuntimeValue, value: RuntimeValue) -> None:
        if not isinstance(holder, list | dict):
            raise OperationError("GTS011", f"no item of {kind_of(holder)} can be set")
        if holds(value, holder, self._meter):
            raise OperationError("GTS013", f"{kind_of(holder)} cannot hold itself")
        if isinstance(holder, dict):
            key = key_of(index)
            self._meter.step(length_of(key))
            self._meter.grow(len(holder), ENTRY_COST + len(key))
            holder[key] = value
        elif type(index) is int and index == len(holder):
            self._meter.grow(len(holder), ITEM_COST)
            holder.append(value)
        else:
            operate("[]", holder, index, self._meter)  # the item must exist
            holder[cast(int, index)] = value

    def _assign_name(self, target: nodes.Name, node: nodes.Assignment, scope: Scope) -> RuntimeValue:
        name = target.id
        block = self._evaluation.open_blocks[-1] if self._evaluation.open_blocks else None
        holder = scope.holder(name)
        if block is not None and (
            holder is None or (name in block.known_attributes and not _is_inside(scope, holder, block))
        ):
            return self._assign_attribute(block, name, node, scope)
        if holder is None:
            raise PlacedError(
                "GTS018",
                f"`{printable(name)}` is set outside of a testbed",
                Span(target.start, target.end),
                f"a variable: `def {printable(name)} = …`",
            )
        value = self._value(node.value, scope)
        if node.sign != "=":
            old = holder.variables[name]
            if old is FAILED_VALUE:
                raise ReportedError
            value = operate(node.sign[0], old, value, self._meter)
        holder.variables[name] = value
        return value

    def _assign_attribute(self, block: OpenBlock, name: str, node: nodes.Assignment, scope: Scope) -> RuntimeValue:
        value = self._value(node.value, scope)
        if node.sign != "=":
            if name not in block.attributes:
                raise OperationError("GTS010", f"`{printable(name)}` has no value yet")
            value = operate(node.sign[0], cast(RuntimeValue, block.attributes[name]), value, self._meter)
        if value is None and isinstance(node.value, nodes.Block):
            word = node.value.name
            raise PlacedError(
                "GTS018",
                f"`{printable(word.id)} {{ … }}` is no value",
                Span(word.start, word.end),
                "is a value missing after `=`?",
            )
        self._set_attribute(block, name, value, Span(node.value.start, node.value.end))
        return value

    def _set_attribute(self, block: OpenBlock, name: str, value: RuntimeValue, span: Span) -> None:
        is_parameter = block.level is Level.INSTANCE and name not in TESTBED_ATTRIBUTES
        if name in ("id", "location", "description") and not is_parameter and not isinstance(value, str):
            hint = f'as text: `{name} = "${{…}}"`' if type(value) is int else None
            raise PlacedError("GTS039", f"`{name}` is a string, not {kind_of(value)}", span, hint)
        self._meter.allocate(ATTRIBUTE_COST + len(name))
        try:
            block.attributes[name] = attribute_value(value, self._meter)
        except OperationError as error:
            raise error.at(span) from None
        block.places[name] = span

    def increment(self, node: nodes.Increment, scope: Scope) -> RuntimeValue:
        """Run ``i++`` or ``i--``, and return the new value."""
        one = nodes.Literal(node.start, node.end, 1)
        return self.assign(nodes.Assignment(node.start, node.end, node.target, f"{node.sign[0]}=", one), scope)


def _is_inside(scope: Scope | None, holder: Scope, block: OpenBlock) -> bool:
    """Return whether a variable of ``holder``, seen from ``scope``, is declared between the braces of a block.

    Such a variable hides the attribute of its name. One from outside does not: `def add(id) { host { id = id } }`.
    """
    while scope is not None and scope is not holder:
        if scope is block.scope:
            return False
        scope = scope.parent
    return scope is holder
