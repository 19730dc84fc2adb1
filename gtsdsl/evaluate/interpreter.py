"""The interpreter: for each type of node, the method that evaluates or runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

from gtsdsl.evaluate.adjacencies import Adjacencies
from gtsdsl.evaluate.assignments import Assignments
from gtsdsl.evaluate.blocks import Blocks
from gtsdsl.evaluate.bodies import Bodies, is_idle, refuse_idle
from gtsdsl.evaluate.calls import Calls
from gtsdsl.evaluate.errors import OperationError
from gtsdsl.evaluate.expressions import Expressions
from gtsdsl.evaluate.limits import MAX_STEPS
from gtsdsl.evaluate.runtime import ClosureValue, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation
from gtsdsl.evaluate.statements import Statements
from gtsdsl.source import Span
from gtsdsl.syntax import nodes

_ExpressionMethod: TypeAlias = Callable[[nodes.Value, Scope], RuntimeValue]
_StatementMethod: TypeAlias = Callable[[nodes.Statement, Scope], RuntimeValue]


class Interpreter:
    """An `Evaluator` of all nodes: it hands each node to the part that knows its type."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._meter = evaluation.meter
        calls = Calls(evaluation, self)
        expressions = Expressions(evaluation, self, calls)
        statements = Statements(evaluation, self)
        assignments = Assignments(evaluation, self)
        adjacencies = Adjacencies(evaluation, self)
        self.blocks = Blocks(evaluation, self, calls, Bodies(evaluation, self, assignments, adjacencies))
        self._expression_methods = cast(
            "dict[type, _ExpressionMethod]",
            {
                nodes.Name: expressions.name,
                nodes.Literal: expressions.literal,
                nodes.Template: expressions.template,
                nodes.ListOf: expressions.list_of,
                nodes.MapOf: expressions.map_of,
                nodes.Chain: expressions.chain,
                nodes.Unary: expressions.unary,
                nodes.Ternary: expressions.ternary,
                nodes.Elvis: expressions.elvis,
                nodes.Postfix: expressions.postfix,
                nodes.MethodCall: calls.method_call,
                nodes.Block: self.blocks.declare,
                nodes.Closure: ClosureValue,
            },
        )
        self._statement_methods = cast(
            "dict[type, _StatementMethod]",
            {
                nodes.Assignment: assignments.assign,
                nodes.Increment: assignments.increment,
                nodes.AdjacencyOf: adjacencies.join,
                nodes.Declaration: statements.declaration,
                nodes.If: statements.if_,
                nodes.ForIn: statements.for_in,
                nodes.For: statements.for_,
                nodes.While: statements.while_,
                nodes.Return: statements.return_,
                nodes.Break: statements.break_,
                nodes.Continue: statements.continue_,
                nodes.MethodDefinition: statements.method_definition,
                nodes.TypeDefinition: statements.type_definition,
            },
        )

    def value(self, node: nodes.Value, scope: Scope) -> RuntimeValue:
        """Return the value of an expression; see `Evaluator`."""
        meter = self._meter
        meter.steps += 1  # in place of meter.step(): a million calls in a large source
        if meter.steps > MAX_STEPS:
            meter.step()
        try:
            return self._expression_methods[type(node)](node, scope)
        except OperationError as error:
            raise error.at(Span(node.start, node.end)) from None

    def run(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        """Run statements, and return the value of the last; see `Evaluator`."""
        value: RuntimeValue = None
        last = len(body) - 1
        for index, statement in enumerate(body):
            self._evaluation.statement = statement
            self._meter.step()
            if index < last and is_idle(statement):  # the last may be the result of a method or closure
                refuse_idle(statement, scope, self._evaluation)
            method = self._statement_methods.get(type(statement))
            if method is not None:
                value = method(statement, scope)
            else:
                value = self.value(cast(nodes.Expression, statement), scope)
        return value
