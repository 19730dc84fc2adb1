"""The state of an evaluation, which all parts of the interpreter share, and the interface between these parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.evaluate.errors import Jump, OperationError, PlacedError, ReportedError, TooManyFindingsError
from gtsdsl.evaluate.limits import FAILURE_STEPS, MAX_FINDINGS, Meter
from gtsdsl.evaluate.runtime import FAILED_VALUE, OpenBlock, RuntimeValue, Scope
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes
from gtsdsl.text import Hints


class Evaluator(Protocol):
    """The interface of the interpreter for its own parts: each part holds nodes that another part evaluates."""

    def value(self, node: nodes.Value, scope: Scope) -> RuntimeValue:
        """Return the value of an expression.

        Raises:
            PlacedError: the expression has no value; the place is the innermost node that is wrong.
            ReportedError: the expression has no value, and the cause has been reported.
        """

    def run(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        """Run statements one after the other, and return the value of the last.

        Raises:
            PlacedError, OperationError, ReportedError: a statement cannot be run.
            Jump: a statement leaves a loop or a method.
        """


class Evaluation:
    """The state of the evaluation of one source."""

    def __init__(self, source: Source, types: Mapping[str, nodes.TypeDefinition]) -> None:
        self.source = source
        self.types = types
        """The types that the source defines, by name."""
        self.globals = Scope(None)
        """The variables and methods at the top of the source."""
        self.open_blocks: list[OpenBlock] = []
        """The blocks around the statement that is running, outermost first."""
        self.statement: nodes.Statement | None = None
        """The statement that is running; None before the first."""
        self.meter = Meter()
        self.diagnostics: list[Diagnostic] = []
        self.hints = Hints()
        self._reported: set[tuple[str, Span]] = set()

    def report(
        self, code: str, message: str, span: Span, hint: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        """Add a diagnostic, unless the place has one with this code: a loop would repeat it.

        Raises:
            TooManyFindingsError: this was the last diagnostic that the source may have.
        """
        if (code, span) in self._reported:
            return
        self._reported.add((code, span))
        self.diagnostics.append(Diagnostic(code, message, self.source, span, notes, hint))
        if len(self._reported) >= MAX_FINDINGS:
            raise TooManyFindingsError

    def attempt(self, action: Callable[[], RuntimeValue], span: Span) -> RuntimeValue:
        """Return the result of an action; if the action fails, report its error and return `FAILED_VALUE`.

        ``span`` is the place of an error that has none.
        """
        try:
            return action()
        except PlacedError as error:
            self.report(error.code, error.message, error.span, error.hint)
        except OperationError as error:
            self.report(error.code, error.message, span, error.hint)
        except ReportedError:
            pass
        except Jump as jump:
            self.report("GTS018", f"`{jump.word}` stands outside of a {jump.surroundings}", span)
        self.meter.step(FAILURE_STEPS)
        return FAILED_VALUE
