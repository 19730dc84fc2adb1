"""From syntax to a testbed: variables, loops, types and methods are worked out, within bounds, and are gone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.evaluate.blocks import as_type, parameters_of
from gtsdsl.evaluate.expressions import At, Quiet
from gtsdsl.evaluate.limits import BoundPassed
from gtsdsl.evaluate.statements import Statements, Stop
from gtsdsl.evaluate.values import POISON, Failed, kept
from gtsdsl.model.testbed import NOTHING, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes, parse_expression
from gtsdsl.text import did_you_mean, printable

__all__ = ["Evaluated", "evaluate", "literal"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The testbed that a text describes, if there is one, and what was wrong on the way."""

    testbed: Testbed | None
    diagnostics: tuple[Diagnostic, ...]


def evaluate(body: nodes.Body, source: Source, parameters: Mapping[str, Value] | None = None) -> Evaluated:
    """Evaluate a file. ``parameters`` are values for the parameters of its root type, by name."""
    given = parameters or NOTHING
    types: dict[str, nodes.TypeDefinition] = {}
    repeated: list[nodes.TypeDefinition] = []
    for statement in body:
        if isinstance(statement, nodes.TypeDefinition):
            if statement.name.id in types:
                repeated.append(statement)
            else:
                types[statement.name.id] = statement
    run = Statements(source, types)
    testbed = None
    last = Span(0, 0)
    try:
        for definition in repeated:
            note = Note("it was defined here", _span(types[definition.name.id].name))
            run.report("GTS020", f"type `{definition.name.id}` is defined twice", _span(definition.name), notes=(note,))
        root = _root(body, types, run)
        run.declare_methods(body, run.globals)
        failed_line = 0
        for statement in body:
            last = Span(statement.start, statement.start)
            if failed_line and source.position(statement.start).line == failed_line:
                continue  # the rest of a line that was not understood: `import java.io.File`
            if statement is root or isinstance(statement, nodes.TypeDefinition | nodes.MethodDefinition):
                continue
            if isinstance(statement, nodes.Block) and not isinstance(root, nodes.TypeDefinition):
                continue  # another header: reported with the root
            value = run.attempt(lambda statement=statement: run.run((statement,), run.globals), _span(statement))  # type: ignore[misc]
            failed_line = source.position(statement.start).line if value is POISON else 0
        if root is not None:
            last = _span(root.name)
            testbed = _evaluate_root(root, types, given, run)
    except Stop:
        pass
    except BoundPassed as bound:
        _report_bound(run, str(bound), last)
    except RecursionError:
        _report_bound(run, "constructs stand in each other too deep", last)
    return Evaluated(testbed, tuple(run.diagnostics))


def literal(text: str) -> Value:
    """The value of an expression that uses no names, e.g. ``["AMS", "MIL"]``.

    Raises:
        ValueError: the text is no such expression.
    """
    source = Source("<value>", text)
    expression, problems = parse_expression(source)
    if problems or expression is None:
        raise ValueError(f"`{printable(text)}` is no value")
    run = Statements(source, {})
    try:
        return kept(run.expression(expression), run.meter)
    except (At, Failed, Quiet, BoundPassed, RecursionError, Stop) as problem:
        raise ValueError(f"`{printable(text)}` is no value: {problem}") from None


def _span(node: nodes.Statement | nodes.Name) -> Span:
    return Span(node.start, node.end)


def _report_bound(run: Statements, message: str, place: Span) -> None:
    with suppress(Stop):  # the bound may be the last finding that is shown
        run.report("GTS012", message, _span(run.running) if run.running else place)


def _root(
    body: nodes.Body,
    types: Mapping[str, nodes.TypeDefinition],
    run: Statements,
) -> nodes.TypeDefinition | nodes.Block | None:
    """The one type that no other uses, or the block that stands for it."""
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
        used |= _blocks_in(statement, types) - {own}
    roots = [definition for name, definition in types.items() if name not in used]
    candidates: list[nodes.TypeDefinition | nodes.Block] = sorted([*roots, *blocks], key=lambda it: it.start)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        first, second = candidates[0], candidates[1]
        run.report(
            "GTS016",
            f"`{printable(second.name.id)}` is a root type, and so is `{printable(first.name.id)}`",
            _span(second.name),
            "a file describes one testbed: use the one in the other, or put them into files of their own",
            (Note("the other root", _span(first.name)),),
        )
        return candidates[0]
    if types:
        first_type = next(iter(types.values()))
        run.report(
            "GTS016",
            "every type is used by another: none is the root",
            _span(first_type.name),
            "the root is the type that no other type uses",
        )
    return None


def _blocks_in(statement: nodes.Statement, types: Mapping[str, nodes.TypeDefinition]) -> set[str]:
    """The types that a statement makes testbeds of, wherever in it."""
    found: set[str] = set()
    todo: list[object] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Block) and node.name.id in types:
            found.add(node.name.id)
        if isinstance(node, tuple):
            todo.extend(part for part in node if isinstance(part, tuple))
    return found


def _evaluate_root(
    root: nodes.TypeDefinition | nodes.Block,
    types: Mapping[str, nodes.TypeDefinition],
    given: Mapping[str, Value],
    run: Statements,
) -> Testbed | None:
    definition = root if isinstance(root, nodes.TypeDefinition) else types.get(root.name.id)
    made_of = as_type(root) if definition is None and isinstance(root, nodes.Block) else definition
    parameters = [parameter.name.id for parameter in parameters_of(made_of)] if made_of else []
    for name in given:
        if name not in parameters:
            has = f"it has {', '.join(f'`{known}`' for known in parameters)}" if parameters else "it has no parameters"
            hint = did_you_mean(name, parameters) or has
            run.report("GTS017", f"`{root.name.id}` has no parameter `{printable(name)}`", _span(root.name), hint)
    known = {name: value for name, value in given.items() if name in parameters}
    try:
        return run.blocks.root(root, definition, known)
    except (At, Failed) as problem:
        failure, span = (problem.failure, problem.span) if isinstance(problem, At) else (problem, _span(root.name))
        run.report(failure.code, failure.message, span, failure.hint)
    except Quiet:
        pass
    return None
