"""Evaluation of a source to a testbed: variables, loops, types and methods are computed, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.evaluate.blocks import as_type, parameters_of
from gtsdsl.evaluate.calls import declare_methods
from gtsdsl.evaluate.errors import LimitError, OperationError, PlacedError, ReportedError, TooManyFindingsError
from gtsdsl.evaluate.interpreter import Interpreter
from gtsdsl.evaluate.runtime import FAILED_VALUE
from gtsdsl.evaluate.state import Evaluation
from gtsdsl.evaluate.values import attribute_value
from gtsdsl.model.testbed import NOTHING, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes, parse_expression
from gtsdsl.text import did_you_mean, printable

__all__ = ["EvaluationResult", "evaluate", "literal"]


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The testbed that a source describes, None where it describes none, and the errors that were found."""

    testbed: Testbed | None
    diagnostics: tuple[Diagnostic, ...]


def evaluate(body: nodes.Body, source: Source, parameters: Mapping[str, Value] | None = None) -> EvaluationResult:
    """Evaluate the statements of a source. ``parameters`` are values for parameters of the root type, by name."""
    types: dict[str, nodes.TypeDefinition] = {}
    repeated: list[nodes.TypeDefinition] = []
    for statement in body:
        if isinstance(statement, nodes.TypeDefinition):
            if statement.name.id in types:
                repeated.append(statement)
            else:
                types[statement.name.id] = statement
    evaluation = Evaluation(source, types)
    interpreter = Interpreter(evaluation)
    testbed = None
    last = Span(0, 0)
    try:
        for definition in repeated:
            note = Note("it was defined here", _span(types[definition.name.id].name))
            message = f"type `{definition.name.id}` is defined twice"
            evaluation.report("GTS020", message, _span(definition.name), notes=(note,))
        root = _root(body, evaluation)
        declare_methods(body, evaluation.globals)
        failed_line = 0
        for statement in body:
            last = Span(statement.start, statement.start)
            if failed_line and source.position(statement.start).line == failed_line:
                continue  # the rest of a line that was not understood: `import java.io.File`
            if statement is root or isinstance(statement, nodes.TypeDefinition | nodes.MethodDefinition):
                continue
            if isinstance(statement, nodes.Block) and not isinstance(root, nodes.TypeDefinition):
                continue  # another header: reported with the root
            value = evaluation.attempt(
                lambda statement=statement: interpreter.run((statement,), evaluation.globals),  # type: ignore[misc]
                _span(statement),
            )
            failed_line = source.position(statement.start).line if value is FAILED_VALUE else 0
        if root is not None:
            last = _span(root.name)
            testbed = _testbed_of(root, parameters or NOTHING, evaluation, interpreter)
    except TooManyFindingsError:
        pass
    except LimitError as error:
        _report_limit(evaluation, str(error), last)
    except RecursionError:
        _report_limit(evaluation, "constructs are nested too deep", last)
    return EvaluationResult(testbed, tuple(evaluation.diagnostics))


def literal(text: str) -> Value:
    """Return the value of an expression without names, e.g. ``["AMS", "MIL"]``.

    Raises:
        ValueError: the text is no such expression.
    """
    source = Source("<value>", text)
    expression, problems = parse_expression(source)
    if problems or expression is None:
        raise ValueError(f"`{printable(text)}` is no value")
    evaluation = Evaluation(source, {})
    try:
        return attribute_value(Interpreter(evaluation).value(expression, evaluation.globals), evaluation.meter)
    except (PlacedError, OperationError, ReportedError, LimitError, RecursionError, TooManyFindingsError) as error:
        raise ValueError(f"`{printable(text)}` is no value: {error}") from None


def _span(node: nodes.Statement | nodes.Name) -> Span:
    return Span(node.start, node.end)


def _report_limit(evaluation: Evaluation, message: str, place: Span) -> None:
    """Report a limit at the statement that passed it, or at ``place`` before the first statement."""
    with suppress(TooManyFindingsError):  # this may be the last finding that is shown
        evaluation.report("GTS012", message, _span(evaluation.statement) if evaluation.statement else place)


def _root(body: nodes.Body, evaluation: Evaluation) -> nodes.TypeDefinition | nodes.Block | None:
    """Return the one type that no other type uses, or the header that stands for it; report that there is not one."""
    types = evaluation.types
    methods = {
        statement.name.id for statement in body if isinstance(statement, nodes.MethodDefinition | nodes.Declaration)
    }
    blocks = [
        statement for statement in body if isinstance(statement, nodes.Block) and statement.name.id not in methods
    ]
    if len(blocks) + len(types) == 1:
        return blocks[0] if blocks else next(iter(types.values()))
    used: set[str] = set()
    for statement in body:
        own = statement.name.id if isinstance(statement, nodes.TypeDefinition) else None
        used |= _types_used(statement, types) - {own}
    roots = [definition for name, definition in types.items() if name not in used]
    candidates: list[nodes.TypeDefinition | nodes.Block] = sorted([*roots, *blocks], key=lambda it: it.start)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        first, second = candidates[0], candidates[1]
        evaluation.report(
            "GTS016",
            f"`{printable(second.name.id)}` is a root type, and so is `{printable(first.name.id)}`",
            _span(second.name),
            "a file describes one testbed: use the one in the other, or put them into files of their own",
            (Note("the other root", _span(first.name)),),
        )
        return candidates[0]
    if types:
        first_type = next(iter(types.values()))
        evaluation.report(
            "GTS016",
            "every type is used by another: none is the root",
            _span(first_type.name),
            "the root is the type that no other type uses",
        )
    return None


def _types_used(statement: nodes.Statement, types: Mapping[str, nodes.TypeDefinition]) -> set[str]:
    """Return the names of the types that blocks anywhere inside a statement make testbeds of."""
    found: set[str] = set()
    todo: list[object] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Block) and node.name.id in types:
            found.add(node.name.id)
        if isinstance(node, tuple):
            todo.extend(part for part in node if isinstance(part, tuple))
    return found


def _testbed_of(
    root: nodes.TypeDefinition | nodes.Block,
    given: Mapping[str, Value],
    evaluation: Evaluation,
    interpreter: Interpreter,
) -> Testbed | None:
    """Return the testbed of the root with the given parameters; report why there is none, and return None."""
    definition = root if isinstance(root, nodes.TypeDefinition) else evaluation.types.get(root.name.id)
    root_type = as_type(root) if definition is None and isinstance(root, nodes.Block) else definition
    parameters = [parameter.name.id for parameter in parameters_of(root_type)] if root_type else []
    for name in given:
        if name not in parameters:
            has = f"it has {', '.join(f'`{known}`' for known in parameters)}" if parameters else "it has no parameters"
            hint = did_you_mean(name, parameters) or has
            message = f"`{root.name.id}` has no parameter `{printable(name)}`"
            evaluation.report("GTS017", message, _span(root.name), hint)
    known = {name: value for name, value in given.items() if name in parameters}
    try:
        return interpreter.blocks.root(root, definition, known)
    except PlacedError as error:
        evaluation.report(error.code, error.message, error.span, error.hint)
    except OperationError as error:
        evaluation.report(error.code, error.message, _span(root.name), error.hint)
    except ReportedError:
        pass
    return None
