"""Statements that control evaluation: declarations, conditions, loops and jumps."""

from __future__ import annotations

from gtsdsl.evaluate.errors import Break, Continue, PlacedError
from gtsdsl.evaluate.names import FOREIGN_WORDS
from gtsdsl.evaluate.runtime import FAILED_VALUE, Return, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import kind_of, of_kind, truth
from gtsdsl.source import Span
from gtsdsl.syntax import nodes

_DEFINE_AT_TOP = "define it at the top of the file"


class Statements:
    """The part of the interpreter that runs control statements, with a method for each type of node."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator) -> None:
        self._meter = evaluation.meter
        self._value = evaluator.value
        self._run = evaluator.run

    def declaration(self, node: nodes.Declaration, scope: Scope) -> RuntimeValue:
        """Declare a variable; its value is `FAILED_VALUE` if the evaluation of the value fails."""
        name = node.name.id
        scope.variables[name] = FAILED_VALUE
        if name in FOREIGN_WORDS:
            raise PlacedError("GTS014", f"`{name}` cannot name a variable", Span(node.name.start, node.name.end))
        value = None if node.value is None else self._value(node.value, scope)
        scope.variables[name] = of_kind(node.kind, value, name)
        return value

    def if_(self, node: nodes.If, scope: Scope) -> RuntimeValue:
        """Run the branch that the condition selects."""
        is_true = truth(self._value(node.condition, scope))
        return self._run(node.then if is_true else node.otherwise, Scope(scope))

    def for_in(self, node: nodes.ForIn, scope: Scope) -> RuntimeValue:
        """Run a body for each item of a list, a range, a map or a string."""
        values = self._value(node.values, scope)
        if isinstance(values, dict):
            self._meter.map_of(2 * len(values))
            values = [{"key": key, "value": value} for key, value in values.items()]
        if not isinstance(values, list | range | str):
            raise PlacedError(
                "GTS011",
                f"a loop goes over a list, a range or a map, not {kind_of(values)}",
                Span(node.values.start, node.values.end),
            )
        if isinstance(values, list):
            self._meter.list_of(len(values))
            values = list(values)  # the body may change the list
        for value in values:
            self._meter.step()
            try:
                self._run(node.body, Scope(scope, {node.name.id: value}))
            except Break:
                break
            except Continue:
                continue
        return None

    def for_(self, node: nodes.For, scope: Scope) -> RuntimeValue:
        """Run ``for (first; condition; step) body``."""
        inner = Scope(scope)
        if node.first is not None:
            self._run((node.first,), inner)
        self._loop(node.condition, node.step, node.body, inner)
        return None

    def while_(self, node: nodes.While, scope: Scope) -> RuntimeValue:
        """Run a body while a condition holds."""
        self._loop(node.condition, None, node.body, scope)
        return None

    def _loop(
        self,
        condition: nodes.Expression | None,
        step: nodes.Statement | None,
        body: nodes.Body,
        scope: Scope,
    ) -> None:
        while condition is None or truth(self._value(condition, scope)):
            self._meter.step()
            try:
                self._run(body, Scope(scope))
            except Break:
                break
            except Continue:
                pass
            if step is not None:
                self._run((step,), scope)

    def return_(self, node: nodes.Return, scope: Scope) -> RuntimeValue:
        """Leave the method."""
        raise Return(None if node.value is None else self._value(node.value, scope))

    def break_(self, _node: nodes.Break, _scope: Scope) -> RuntimeValue:
        """Leave the loop."""
        raise Break

    def continue_(self, _node: nodes.Continue, _scope: Scope) -> RuntimeValue:
        """Go on with the next round of the loop."""
        raise Continue

    def method_definition(self, node: nodes.MethodDefinition, scope: Scope) -> RuntimeValue:
        """Refuse a method inside something else than a testbed; `declare_methods` has declared the others."""
        if node.name.id not in scope.variables:
            raise PlacedError(
                "GTS018",
                f"the method `{node.name.id}` is defined inside a block or a statement",
                Span(node.name.start, node.name.end),
                _DEFINE_AT_TOP,
            )
        return None

    def type_definition(self, node: nodes.TypeDefinition, _scope: Scope) -> RuntimeValue:
        """Refuse a type inside something; `evaluate` reads those at the top of the source."""
        raise PlacedError(
            "GTS018",
            f"the type `{node.name.id}` is defined inside a block or a statement",
            Span(node.name.start, node.name.end),
            _DEFINE_AT_TOP,
        )
