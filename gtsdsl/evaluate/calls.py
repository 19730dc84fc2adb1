"""Calls of the methods and closures that a source defines."""

from __future__ import annotations

from gtsdsl.evaluate.errors import LimitError, OperationError, ReportedError
from gtsdsl.evaluate.limits import MAX_CALLS, SCOPE_COST
from gtsdsl.evaluate.names import callable_names, refuse_foreign_word
from gtsdsl.evaluate.runtime import FAILED_VALUE, ClosureValue, MethodValue, Return, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import of_kind
from gtsdsl.syntax import nodes
from gtsdsl.text import printable


def declare_methods(body: nodes.Body, scope: Scope) -> None:
    """Declare the methods of a body, so that statements before a method can call it."""
    for statement in body:
        if type(statement) is nodes.MethodDefinition:
            scope.variables[statement.name.id] = MethodValue(statement, scope)


class Calls:
    """The part of the interpreter that calls methods and closures."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator) -> None:
        self._evaluation = evaluation
        self._meter = evaluation.meter
        self._value = evaluator.value
        self._run_body = evaluator.run

    def arguments(self, node: nodes.Call | nodes.MethodCall, scope: Scope) -> list[RuntimeValue]:
        """Return the arguments of a call; a closure behind the call is the last."""
        arguments = [self._value(argument, scope) for argument in node.arguments]
        if node.closure is not None:
            arguments.append(ClosureValue(node.closure, scope))
        return arguments

    def method_call(self, node: nodes.MethodCall, scope: Scope) -> RuntimeValue:
        """Return the value of ``name(arguments)``."""
        return self.call_by_name(node, scope, scope)

    def call_by_name(
        self, node: nodes.Call | nodes.MethodCall, callee_scope: Scope, argument_scope: Scope
    ) -> RuntimeValue:
        """Call the method or closure that has the name of the call in ``callee_scope``.

        Raises:
            OperationError: no method or closure has this name.
            ReportedError: the variable of this name could not be evaluated.
        """
        holder = callee_scope.holder(node.name.id)
        callee = None if holder is None else holder.variables[node.name.id]
        if callee is FAILED_VALUE:
            raise ReportedError
        if isinstance(callee, MethodValue | ClosureValue):
            return self.call(callee, self.arguments(node, argument_scope))
        refuse_foreign_word(node.name.id)
        hint = self._evaluation.hints.near(node.name.id, callable_names(callee_scope))
        raise OperationError("GTS010", f"there is no method `{printable(node.name.id)}`", hint)

    def call(self, callee: MethodValue | ClosureValue, arguments: list[RuntimeValue]) -> RuntimeValue:
        """Call a method or a closure."""
        if isinstance(callee, MethodValue):
            return self.call_method(callee, arguments)
        return self.call_closure(callee, arguments)

    def call_method(self, method: MethodValue, arguments: list[RuntimeValue]) -> RuntimeValue:
        """Call a method.

        Raises:
            OperationError: the number of arguments, or the kind of one, is wrong.
        """
        node = method.node
        self._meter.step(len(node.parameters))
        if len(arguments) > len(node.parameters):
            raise OperationError(
                "GTS015",
                f"wrong number of arguments: `{node.name.id}` takes {len(node.parameters)}, not {len(arguments)}",
            )
        scope = self._new_scope(method.scope)
        self._bind(node.parameters, arguments, scope, f"`{node.name.id}`")
        return self._run(node.body, scope)

    def call_closure(self, closure: ClosureValue, arguments: list[RuntimeValue]) -> RuntimeValue:
        """Call a closure. A single list is taken as the arguments of a closure that has several parameters.

        Raises:
            OperationError: the number of arguments is wrong.
        """
        scope = self._new_scope(closure.scope)
        parameters = closure.node.parameters
        if parameters is None:
            scope.variables["it"] = arguments[0] if arguments else None
        else:
            if len(parameters) > 1 and len(arguments) == 1 and isinstance(arguments[0], list):
                arguments = arguments[0]  # `[[1, 2]].each { a, b -> … }`
            if len(arguments) > len(parameters):
                raise OperationError(
                    "GTS015", f"wrong number of arguments: the closure takes {len(parameters)}, not {len(arguments)}"
                )
            self._bind(parameters, arguments, scope, "the closure")
        return self._run(closure.node.body, scope)

    def _bind(
        self, parameters: tuple[nodes.Parameter, ...], arguments: list[RuntimeValue], scope: Scope, callee: str
    ) -> None:
        """Set parameters to the arguments in their order, then to defaults, which see the parameters before them."""
        for index, parameter in enumerate(parameters):
            name = parameter.name.id
            if index < len(arguments):
                value = arguments[index]
            elif parameter.default is not None:
                value = self._value(parameter.default, scope)
            else:
                raise OperationError("GTS015", f"{callee} gets no value for its parameter `{name}`")
            scope.variables[name] = of_kind(parameter.kind, value, name)

    def _new_scope(self, parent: Scope) -> Scope:
        self._meter.allocate(SCOPE_COST)
        return Scope(parent)

    def _run(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        self._meter.calls += 1
        if self._meter.calls > MAX_CALLS:
            raise LimitError(f"more than {MAX_CALLS} calls of methods and closures are nested")
        try:
            return self._run_body(body, scope)
        except Return as jump:
            return jump.value
        finally:
            self._meter.calls -= 1
