"""Bodies of blocks: each statement is run, even if one before it fails."""

from __future__ import annotations

from typing import cast

from gtsdsl.evaluate.adjacencies import Adjacencies
from gtsdsl.evaluate.assignments import Assignments
from gtsdsl.evaluate.calls import declare_methods
from gtsdsl.evaluate.errors import PlacedError
from gtsdsl.evaluate.names import refuse_foreign_word, value_of_name
from gtsdsl.evaluate.runtime import FAILED_VALUE, Level, RuntimeValue, Scope
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

_IDLE = frozenset(
    {nodes.Name, nodes.Literal, nodes.Template, nodes.ListOf, nodes.MapOf, nodes.Chain, nodes.Unary, nodes.Closure}
)


class Bodies:
    """The part of the interpreter that runs the bodies of blocks."""

    def __init__(
        self, evaluation: Evaluation, evaluator: Evaluator, assignments: Assignments, adjacencies: Adjacencies
    ) -> None:
        self._evaluation = evaluation
        self._meter = evaluation.meter
        self._run = evaluator.run
        self._assignments = assignments
        self._adjacencies = adjacencies

    def run(self, body: nodes.Body, scope: Scope) -> None:
        """Run the statements of the innermost open block, a resource or a testbed, and report those that fail."""
        evaluation = self._evaluation
        block = evaluation.open_blocks[-1]
        if block.level is Level.TESTBED:
            declare_methods(body, scope)
        seen: dict[str, Span] = {}
        failed_line = -1
        for statement in body:
            if failed_line >= 0 and evaluation.source.position(statement.start).line == failed_line:
                continue  # the rest of a line that was not understood
            failed_line = -1
            evaluation.statement = statement
            kind = type(statement)
            if kind is nodes.Assignment:
                assignment = cast(nodes.Assignment, statement)
                self._assignments.report_repeated(assignment, block, seen)
                if self._assignments.set_plain(assignment, block, scope):
                    self._meter.step()
                    continue
            elif kind is nodes.AdjacencyOf and self._adjacencies.join_plain(
                cast(nodes.AdjacencyOf, statement), block, scope
            ):
                self._meter.step()
                continue
            span = Span(statement.start, statement.end)
            before = len(evaluation.diagnostics)
            value = evaluation.attempt(lambda statement=statement: self._run_alone(statement, scope), span)  # type: ignore[misc]
            if value is FAILED_VALUE:
                if kind is nodes.Assignment and type(cast(nodes.Assignment, statement).target) is nodes.Name:
                    block.failed_attributes.add(cast(nodes.Name, cast(nodes.Assignment, statement).target).id)
                if len(evaluation.diagnostics) > before and not isinstance(statement, nodes.Assignment | nodes.Block):
                    failed_line = evaluation.source.position(statement.start).line

    def _run_alone(self, statement: nodes.Statement, scope: Scope) -> RuntimeValue:
        if is_idle(statement):
            refuse_idle(statement, scope, self._evaluation)
        return self._run((statement,), scope)


def is_idle(statement: nodes.Statement) -> bool:
    """Return whether a statement does nothing but to have a value."""
    if type(statement) is nodes.Postfix:
        return not any(type(suffix) is nodes.Call for suffix in statement.suffixes)
    return type(statement) in _IDLE


def refuse_idle(statement: nodes.Statement, scope: Scope, evaluation: Evaluation) -> None:
    """Raise the error of an idle statement, which is nearly always an attribute without its `=`."""
    span = Span(statement.start, statement.end)
    if isinstance(statement, nodes.Name):
        name = statement.id
        refuse_foreign_word(name)
        block = evaluation.open_blocks[-1] if evaluation.open_blocks else None
        if scope.holder(name) is None and (block is None or name not in block.known_attributes):
            value_of_name(evaluation, name, scope)  # a name that stands for nothing is the better finding
        raise PlacedError(
            "GTS018", f"`{printable(name)}` alone does nothing", span, f"to set it: `{printable(name)} = …`"
        )
    is_comparison = isinstance(statement, nodes.Chain) and statement.operators[0].sign == "=="
    hint = "a value is given with one `=`" if is_comparison else None
    raise PlacedError("GTS018", "a value that stands alone does nothing", span, hint)
