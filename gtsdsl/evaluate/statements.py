"""From statements to what they declare: loops, variables, resources, adjacencies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from gtsdsl.diagnostics import Diagnostic, Note
from gtsdsl.evaluate.adjacencies import Adjacencies
from gtsdsl.evaluate.assignments import Assignments
from gtsdsl.evaluate.blocks import Blocks
from gtsdsl.evaluate.expressions import FOREIGN, At, Expressions, Quiet, of_kind
from gtsdsl.evaluate.limits import FAILURE_STEPS, MAX_FINDINGS, Meter
from gtsdsl.evaluate.open_blocks import Level, OpenBlock
from gtsdsl.evaluate.values import (
    POISON,
    ClosureValue,
    Failed,
    MethodValue,
    RuntimeValue,
    Scope,
    This,
    kind_of,
    truth,
)
from gtsdsl.model.classes import CONTROLLER_ATTRIBUTES
from gtsdsl.model.references import is_name
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes
from gtsdsl.text import Hints, printable

_KNOWN_IN_BLOCK: Mapping[str, Mapping[str, str]] = {"controller": CONTROLLER_ATTRIBUTES}
_KNOWN_ANYWHERE: Mapping[str, str] = {"id": "", "location": ""}
_IDLE = frozenset(
    {nodes.Name, nodes.Literal, nodes.Template, nodes.ListOf, nodes.MapOf, nodes.Chain, nodes.Unary, nodes.Closure}
)


_DEFINE_AT_TOP = "define it at the top of the file"
_HAVE_PORTS = (Level.TESTBED, Level.RESOURCE)


class Stop(Exception):
    """Evaluation ends here; why has been reported."""


class _Return(Exception):
    def __init__(self, value: RuntimeValue) -> None:
        super().__init__()
        self.value = value


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Statements:
    """The state of an evaluation and the statements that change it."""

    def __init__(self, source: Source, types: Mapping[str, nodes.TypeDefinition]) -> None:
        self.meter = Meter()
        self.diagnostics: list[Diagnostic] = []
        self.hints = Hints()
        self.globals = Scope(None)
        self.source = source
        self.types = types
        self.running: nodes.Statement | None = None
        """The statement that is being run."""
        self._reported: set[tuple[str, Span]] = set()
        self.open: list[OpenBlock] = []
        self.blocks = Blocks(self)
        self.expressions = Expressions(self)
        self._assignments = Assignments(self)
        self._adjacencies = Adjacencies(self)
        self._runners: dict[type, Callable[[nodes.Statement, Scope], RuntimeValue]] = cast(
            "dict[type, Callable[[nodes.Statement, Scope], RuntimeValue]]",
            {
                nodes.Assignment: self._assignments.assign,
                nodes.AdjacencyOf: self._adjacencies.join,
                nodes.Declaration: self._declaration,
                nodes.Increment: self._assignments.increment,
                nodes.If: self._if,
                nodes.ForIn: self._for_in,
                nodes.For: self._for,
                nodes.While: self._while,
                nodes.Return: self._return,
                nodes.Break: self._break,
                nodes.Continue: self._continue,
                nodes.MethodDefinition: self._method,
                nodes.TypeDefinition: self._type_in_wrong_place,
            },
        )

    def expression(self, node: nodes.Expression) -> RuntimeValue:
        """The value of an expression at the top of a file."""
        return self.expressions.value(node, self.globals)

    # ------------------------------------------------------------------------------------------------ findings

    def report(
        self, code: str, message: str, span: Span, hint: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        """Note a finding, once a place: a loop would repeat it."""
        if (code, span) in self._reported:
            return
        self._reported.add((code, span))
        self.diagnostics.append(Diagnostic(code, message, self.source, span, notes, hint))
        if len(self._reported) >= MAX_FINDINGS:
            raise Stop

    def attempt(self, action: Callable[[], RuntimeValue], span: Span) -> RuntimeValue:
        """Do something; report its failure, if it fails, and give `POISON`.

        Raises:
            Stop: a bound is passed.
        """
        try:
            return action()
        except At as failure:
            self.report(failure.failure.code, failure.failure.message, failure.span, failure.failure.hint)
        except Failed as failure:
            self.report(failure.code, failure.message, span, failure.hint)
        except Quiet:
            pass
        except (_Break, _Continue, _Return) as jump:
            word = {_Break: "break", _Continue: "continue", _Return: "return"}[type(jump)]
            self.report("GTS018", f"`{word}` stands outside of what it could leave", span)
        self.meter.step(FAILURE_STEPS)
        return POISON

    # ------------------------------------------------------------------------------------------------ bodies

    def run(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        """Run statements one after the other; the value of the last."""
        value: RuntimeValue = None
        last = len(body) - 1
        for index, statement in enumerate(body):
            self.running = statement
            self.meter.step()
            if index < last and _is_idle(statement):
                self._idle(statement, scope)
            runner = self._runners.get(type(statement))
            if runner is not None:
                value = runner(statement, scope)
            else:
                value = self.expressions.value(cast(nodes.Expression, statement), scope)
        return value

    def declare_methods(self, body: nodes.Body, scope: Scope) -> None:
        for statement in body:
            if type(statement) is nodes.MethodDefinition:
                scope.variables[statement.name.id] = MethodValue(statement, scope)

    def call_body(self, body: nodes.Body, scope: Scope) -> RuntimeValue:
        """Run the body of a method or closure."""
        try:
            return self.run(body, scope)
        except _Return as leaving:
            return leaving.value

    def block_body(self, body: nodes.Body, scope: Scope) -> None:
        """Run the statements between the braces of a resource or testbed, each on its own: one that fails is reported
        and does not keep the others from being run."""
        container = self.open[-1]
        if container.level is Level.TESTBED:
            self.declare_methods(body, scope)
        seen: dict[str, Span] = {}
        passed_line = -1
        for statement in body:
            if passed_line >= 0 and self.source.position(statement.start).line == passed_line:
                continue  # the rest of a line that was not understood
            passed_line = -1
            self.running = statement
            self.meter.step()
            kind = type(statement)
            if kind is nodes.Assignment:
                assignment = cast(nodes.Assignment, statement)
                self._assignments.once(assignment, container, seen)
                if self._assignments.literal_attribute(assignment, container, scope):
                    continue
            elif kind is nodes.AdjacencyOf and self._adjacencies.plain(
                cast(nodes.AdjacencyOf, statement), container, scope
            ):
                continue
            span = Span(statement.start, statement.end)
            before = len(self.diagnostics)
            value = self.attempt(lambda statement=statement: self._alone(statement, scope), span)  # type: ignore[misc]
            if value is POISON:
                if kind is nodes.Assignment and type(cast(nodes.Assignment, statement).target) is nodes.Name:
                    container.failed.add(cast(nodes.Name, cast(nodes.Assignment, statement).target).id)
                if len(self.diagnostics) > before and not isinstance(statement, nodes.Assignment | nodes.Block):
                    passed_line = self.source.position(statement.start).line

    def _alone(self, statement: nodes.Statement, scope: Scope) -> RuntimeValue:
        if _is_idle(statement):
            self._idle(statement, scope)
        runner = self._runners.get(type(statement))
        if runner is not None:
            return runner(statement, scope)
        return self.expressions.value(cast(nodes.Expression, statement), scope)

    def _idle(self, statement: nodes.Statement, scope: Scope) -> None:
        """A value that stands alone does nothing: nearly always an attribute that lacks its `=`."""
        if isinstance(statement, nodes.Name):
            name = statement.id
            if name in FOREIGN:
                raise Failed("GTS014", f"`{name}` is not part of the language")
            if scope.holder(name) is None:
                self.visible_or_hint(name, scope)
            raise At(
                Failed("GTS018", f"`{printable(name)}` alone does nothing", f"to set it: `{printable(name)} = …`"),
                Span(statement.start, statement.end),
            )
        is_comparison = isinstance(statement, nodes.Chain) and statement.operators[0].sign == "=="
        hint = "a value is given with one `=`" if is_comparison else None
        raise At(Failed("GTS018", "a value that stands alone does nothing", hint), Span(statement.start, statement.end))

    def visible_or_hint(self, name: str, scope: Scope) -> None:
        container = self.open[-1] if self.open else None
        if container is not None and name in container.known:
            return
        self.visible(name, scope)

    # ------------------------------------------------------------------------------------------------ variables

    def _declaration(self, node: nodes.Declaration, scope: Scope) -> RuntimeValue:
        name = node.name.id
        scope.variables[name] = POISON  # until its value is known to be one
        if name in FOREIGN:
            raise At(Failed("GTS014", f"`{name}` cannot name a variable"), Span(node.name.start, node.name.end))
        value = None if node.value is None else self.expressions.value(node.value, scope)
        scope.variables[name] = of_kind(node.kind, value, name)
        return value

    def visible(self, name: str, scope: Scope) -> RuntimeValue:
        """What a name stands for that is no variable: an attribute of an open block, or a resource by its id.

        Raises:
            Failed: it stands for nothing.
        """
        for container in reversed(self.open):
            if name in container.attributes:
                return cast(RuntimeValue, container.attributes[name])
            if name in container.failed:
                raise Quiet
            if container.level is Level.TESTBED:
                if name in container.by_id:
                    return container.by_id[name]
                break
        if name in FOREIGN:
            raise Failed("GTS014", f"`{name}` is not part of the language")
        raise Failed(
            "GTS010", f"`{printable(name)}` stands for nothing here", self.hints.near(name, self._names(scope))
        )

    def this(self) -> This:
        """The testbed whose braces are open.

        Raises:
            Failed: there is none.
        """
        for container in reversed(self.open):
            if container.level is Level.TESTBED:
                return This(container)
        raise Failed("GTS014", "`this` is not part of the language outside of a testbed")

    def field(self, container: OpenBlock, name: str) -> RuntimeValue:
        """What ``this.name`` stands for: a variable, an attribute or a resource of the testbed itself.

        Raises:
            Failed: there is none of that name.
        """
        for held in (container.scope.variables, container.attributes, container.by_id):
            if name in held:
                value = cast(RuntimeValue, held[name])
                if value is POISON:
                    raise Quiet
                return value
        if name in container.failed:
            raise Quiet
        if name in FOREIGN:
            raise Failed("GTS014", f"`{name}` is not part of the language")
        raise Failed(
            "GTS010",
            f"testbed `{printable(container.name)}` has no `{printable(name)}`",
            self.hints.near(name, container.scope.variables) or f"declare it in the testbed: `def {printable(name)}`",
        )

    def _names(self, scope: Scope | None) -> Iterable[str]:
        while scope is not None:
            yield from scope.variables
            scope = scope.parent
        for container in self.open:
            yield from container.attributes
            yield from filter(is_name, container.by_id)  # another id cannot be written as a name
        yield from ("adjacency", "type")

    def methods(self, scope: Scope | None) -> Iterable[str]:
        """The names that can be called."""
        while scope is not None:
            yield from (
                name for name, value in scope.variables.items() if isinstance(value, MethodValue | ClosureValue)
            )
            scope = scope.parent

    # ------------------------------------------------------------------------------------------------ control

    def _if(self, node: nodes.If, scope: Scope) -> RuntimeValue:
        is_true = truth(self.expressions.value(node.condition, scope))
        return self.run(node.then if is_true else node.otherwise, Scope(scope))

    def _for_in(self, node: nodes.ForIn, scope: Scope) -> RuntimeValue:
        values = self.expressions.value(node.values, scope)
        if isinstance(values, dict):
            self.meter.map_of(2 * len(values))
            values = [{"key": key, "value": value} for key, value in values.items()]
        if not isinstance(values, list | range | str):
            raise At(
                Failed("GTS011", f"a loop goes over a list, a range or a map, not {kind_of(values)}"),
                Span(node.values.start, node.values.end),
            )
        if isinstance(values, list):
            self.meter.list_of(len(values))
            values = list(values)  # the body may change it
        for value in values:
            self.meter.step()
            try:
                self.run(node.body, Scope(scope, {node.name.id: value}))
            except _Break:
                break
            except _Continue:
                continue
        return None

    def _for(self, node: nodes.For, scope: Scope) -> RuntimeValue:
        inner = Scope(scope)
        if node.first is not None:
            self.run((node.first,), inner)
        self._loop(node.condition, node.step, node.body, inner)
        return None

    def _while(self, node: nodes.While, scope: Scope) -> RuntimeValue:
        self._loop(node.condition, None, node.body, scope)
        return None

    def _loop(
        self,
        condition: nodes.Expression | None,
        step: nodes.Statement | None,
        body: nodes.Body,
        scope: Scope,
    ) -> None:
        while condition is None or truth(self.expressions.value(condition, scope)):
            self.meter.step()
            try:
                self.run(body, Scope(scope))
            except _Break:
                break
            except _Continue:
                pass
            if step is not None:
                self.run((step,), scope)

    def _return(self, node: nodes.Return, scope: Scope) -> RuntimeValue:
        raise _Return(None if node.value is None else self.expressions.value(node.value, scope))

    def _break(self, _node: nodes.Break, _scope: Scope) -> RuntimeValue:
        raise _Break

    def _continue(self, _node: nodes.Continue, _scope: Scope) -> RuntimeValue:
        raise _Continue

    def _method(self, node: nodes.MethodDefinition, scope: Scope) -> RuntimeValue:
        if node.name.id not in scope.variables:  # else it was made known when the body of the testbed began
            raise At(
                Failed("GTS018", f"the method `{node.name.id}` is defined inside something", _DEFINE_AT_TOP),
                Span(node.name.start, node.name.end),
            )
        return None

    def _type_in_wrong_place(self, node: nodes.TypeDefinition, _scope: Scope) -> RuntimeValue:
        raise At(
            Failed("GTS018", f"the type `{node.name.id}` is defined inside something", _DEFINE_AT_TOP),
            Span(node.name.start, node.name.end),
        )


def _is_idle(statement: nodes.Statement) -> bool:
    if type(statement) is nodes.Postfix:
        return not any(type(suffix) is nodes.Call for suffix in statement.suffixes)
    return type(statement) in _IDLE
