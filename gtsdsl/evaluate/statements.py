"""From statements to what they declare: loops, variables, resources, adjacencies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from gtsdsl.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.diagnostics import Diagnostic, Note, did_you_mean, printable
from gtsdsl.evaluate.bounds import BLOCK_STEPS, FAILURE_STEPS, MAX_FINDINGS, MAX_TYPES, BoundPassed, Meter
from gtsdsl.evaluate.containers import Container, Level
from gtsdsl.evaluate.expressions import FOREIGN, At, Expressions, Quiet, item, key_of, of_kind
from gtsdsl.evaluate.values import (
    POISON,
    ClosureValue,
    Failed,
    Handle,
    MethodValue,
    Run,
    Scope,
    holds,
    kept,
    kind_of,
    truth,
)
from gtsdsl.source import Source, Span
from gtsdsl.syntax import nodes
from gtsdsl.testbed import NOTHING, Port, PortRef, Testbed, Value

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
    def __init__(self, value: Run) -> None:
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
        self.globals = Scope(None)
        self._source = source
        self._types = types
        self.running: nodes.Statement | None = None
        """The statement that is being run."""
        self._reported: set[tuple[str, Span]] = set()
        self._open: list[Container] = []
        self._expressions = Expressions(self)
        self._runners: dict[type, Callable[[nodes.Statement, Scope], Run]] = cast(
            "dict[type, Callable[[nodes.Statement, Scope], Run]]",
            {
                nodes.Assignment: self._assignment,
                nodes.AdjacencyOf: self._adjacency,
                nodes.Declaration: self._declaration,
                nodes.Increment: self._increment,
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

    def expression(self, node: nodes.Expression) -> Run:
        """The value of an expression at the top of a file."""
        return self._expressions.value(node, self.globals)

    def root(
        self,
        root: nodes.TypeDefinition | nodes.Block,
        definition: nodes.TypeDefinition | None,
        given: Mapping[str, Value],
    ) -> Testbed | None:
        """The testbed of the file's root; without an id, it is called as its type.

        Raises:
            At: a parameter has no value, or one of the wrong kind.
        """
        place = Span(root.name.start, root.name.end)
        if isinstance(root, nodes.TypeDefinition):
            container = self.testbed(root, given, place)
        elif definition is None:
            if root.closure.parameters is not None:
                raise At(Failed("GTS018", "the braces of a testbed take no parameters"), place)
            container = self.header(root.name.id, root.closure.body, self.globals, place)
        else:  # a block of a type at the top of the file: `Mesh { n = 5 }`
            made = self.made_of(definition, root, place, self.globals, given)
            if made is None:
                return None
            container = made
        if not container.id and "id" not in container.failed:
            container.attributes["id"] = root.name.id
        return container.testbed()

    # ------------------------------------------------------------------------------------------------ findings

    def report(
        self, code: str, message: str, span: Span, hint: str | None = None, notes: tuple[Note, ...] = ()
    ) -> None:
        """Note a finding, once a place: a loop would repeat it."""
        if (code, span) in self._reported:
            return
        self._reported.add((code, span))
        self.diagnostics.append(Diagnostic(code, message, self._source, span, notes, hint))
        if len(self._reported) >= MAX_FINDINGS:
            raise Stop

    def attempt(self, action: Callable[[], Run], span: Span) -> Run:
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

    def run(self, body: nodes.Body, scope: Scope) -> Run:
        """Run statements one after the other; the value of the last."""
        value: Run = None
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
                value = self._expressions.value(cast(nodes.Expression, statement), scope)
        return value

    def declare_methods(self, body: nodes.Body, scope: Scope) -> None:
        for statement in body:
            if type(statement) is nodes.MethodDefinition:
                scope.variables[statement.name.id] = MethodValue(statement, scope)

    def call_body(self, body: nodes.Body, scope: Scope) -> Run:
        """Run the body of a method or closure."""
        try:
            return self.run(body, scope)
        except _Return as leaving:
            return leaving.value

    def _block_body(self, body: nodes.Body, scope: Scope) -> None:
        """Run the statements between the braces of a resource or testbed, each on its own: one that fails is reported
        and does not keep the others from being run."""
        container = self._open[-1]
        if container.level is Level.TESTBED:
            self.declare_methods(body, scope)
        seen: dict[str, Span] = {}
        passed_line = -1
        for statement in body:
            if passed_line >= 0 and self._source.position(statement.start).line == passed_line:
                continue  # the rest of a line that was not understood
            passed_line = -1
            self.running = statement
            self.meter.step()
            kind = type(statement)
            if kind is nodes.Assignment:
                assignment = cast(nodes.Assignment, statement)
                self._once(assignment, container, seen)
                if self._literal_attribute(assignment, container, scope):
                    continue
            elif kind is nodes.AdjacencyOf and self._plain_adjacency(
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
                    passed_line = self._source.position(statement.start).line

    def _alone(self, statement: nodes.Statement, scope: Scope) -> Run:
        if _is_idle(statement):
            self._idle(statement, scope)
        runner = self._runners.get(type(statement))
        if runner is not None:
            return runner(statement, scope)
        return self._expressions.value(cast(nodes.Expression, statement), scope)

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
        container = self._open[-1] if self._open else None
        if container is not None and name in container.known:
            return
        self.visible(name, scope)

    # ------------------------------------------------------------------------------------------------ attributes

    def _once(self, node: nodes.Assignment, container: Container, seen: dict[str, Span]) -> None:
        if type(node.target) is not nodes.Name or node.sign != "=" or node.target.id in container.scope.variables:
            return
        name = node.target.id
        span = Span(node.start, node.end)
        if name in seen and (name in container.attributes or name in container.failed):
            note = Note("it was set here", seen[name])
            self.report("GTS029", f"`{printable(name)}` is set twice", span, notes=(note,))
        seen[name] = span

    def _literal_attribute(self, node: nodes.Assignment, container: Container, scope: Scope) -> bool:
        """Set an attribute to a string as it stands, which is most of a large file; False where there is more to it."""
        target, value = node.target, node.value
        if (
            type(target) is nodes.Name
            and type(value) is nodes.Literal
            and type(value.value) is str
            and node.sign == "="
            and scope is container.scope
            and target.id in container.known
            and target.id not in scope.variables
        ):
            self.meter.make(len(value.value))
            container.attributes[target.id] = value.value
            container.places[target.id] = Span(value.start, value.end)
            return True
        return False

    def _assignment(self, node: nodes.Assignment, scope: Scope) -> Run:
        target = node.target
        if isinstance(target, nodes.Name):
            return self._assign_name(target, node, scope)
        if not isinstance(target, nodes.Postfix) or isinstance(target.suffixes[-1], nodes.Call):
            raise At(Failed("GTS018", "nothing can be assigned to this"), Span(target.start, target.end))
        *before, last = target.suffixes
        of = nodes.Postfix(target.start, target.end, target.target, tuple(before)) if before else target.target
        holder = self._expressions.value(of, scope)
        index: Run
        if isinstance(last, nodes.Property):
            index = last.name.id
        else:
            index = self._expressions.value(cast(nodes.Index, last).key, scope)
        value = self._expressions.value(node.value, scope)
        if node.sign != "=":
            value = self._expressions.operate(node.sign[0], item(holder, index), value)
        self._put(holder, index, value)
        return value

    def _put(self, holder: Run, index: Run, value: Run) -> None:
        if not isinstance(holder, list | dict):
            raise Failed("GTS011", f"{kind_of(holder)} takes no items")
        if holds(value, holder, self.meter):
            raise Failed("GTS013", f"{kind_of(holder)} cannot hold itself")
        if isinstance(holder, dict):
            self.meter.grow(len(holder))
            holder[key_of(index)] = value
        elif type(index) is int and index == len(holder):
            self.meter.grow(len(holder))
            holder.append(value)
        else:
            item(holder, index)
            holder[cast(int, index)] = value

    def _assign_name(self, target: nodes.Name, node: nodes.Assignment, scope: Scope) -> Run:
        name = target.id
        container = self._open[-1] if self._open else None
        variable = scope.holder(name)
        if container is not None and (
            variable is None or (name in container.known and not _inside(scope, variable, container))
        ):
            value = self._expressions.value(node.value, scope)
            if node.sign != "=":
                if name not in container.attributes:
                    raise Failed("GTS010", f"`{printable(name)}` has no value yet")
                value = self._expressions.operate(node.sign[0], cast(Run, container.attributes[name]), value)
            if value is None and isinstance(node.value, nodes.Block):
                raise At(
                    Failed(
                        "GTS018", f"`{printable(node.value.name.id)} {{ … }}` is no value", "is one missing after `=`?"
                    ),
                    Span(node.value.name.start, node.value.name.end),
                )
            self._set_attribute(container, name, value, Span(node.value.start, node.value.end))
            return value
        if variable is None:
            raise At(
                Failed(
                    "GTS018",
                    f"`{printable(name)}` is set outside of a testbed",
                    f"a variable: `def {printable(name)} = …`",
                ),
                Span(target.start, target.end),
            )
        value = self._expressions.value(node.value, scope)
        if node.sign != "=":
            if variable.variables[name] is POISON:
                raise Quiet
            value = self._expressions.operate(node.sign[0], variable.variables[name], value)
        variable.variables[name] = value
        return value

    def _set_attribute(self, container: Container, name: str, value: Run, span: Span) -> None:
        is_parameter = container.level is Level.INSTANCE and name not in TESTBED_ATTRIBUTES
        if name in ("id", "location", "description") and not is_parameter and not isinstance(value, str):
            hint = f'as text: `{name} = "${{…}}"`' if type(value) is int else None
            raise At(Failed("GTS039", f"`{name}` is a string, not {kind_of(value)}", hint), span)
        self.meter.make(len(name))
        try:
            container.attributes[name] = kept(value, self.meter)
        except Failed as failure:
            raise At(failure, span) from None
        container.places[name] = span

    # ------------------------------------------------------------------------------------------------ variables

    def _declaration(self, node: nodes.Declaration, scope: Scope) -> Run:
        name = node.name.id
        scope.variables[name] = POISON  # until its value is known to be one
        if name in FOREIGN:
            raise At(Failed("GTS014", f"`{name}` cannot name a variable"), Span(node.name.start, node.name.end))
        value = None if node.value is None else self._expressions.value(node.value, scope)
        scope.variables[name] = of_kind(node.kind, value, name)
        return value

    def _increment(self, node: nodes.Increment, scope: Scope) -> Run:
        one = nodes.Literal(node.start, node.end, 1)
        return self._assignment(nodes.Assignment(node.start, node.end, node.target, f"{node.sign[0]}=", one), scope)

    def visible(self, name: str, scope: Scope) -> Run:
        """What a name stands for that is no variable: an attribute of an open block, or a resource by its id.

        Raises:
            Failed: it stands for nothing.
        """
        for container in reversed(self._open):
            if name in container.attributes:
                return cast(Run, container.attributes[name])
            if name in container.failed:
                raise Quiet
            if container.level is Level.TESTBED:
                if name in container.by_id:
                    return container.by_id[name]
                break
        if name in FOREIGN:
            raise Failed("GTS014", f"`{name}` is not part of the language")
        raise Failed("GTS010", f"`{printable(name)}` stands for nothing here", did_you_mean(name, self._names(scope)))

    def _names(self, scope: Scope | None) -> Iterable[str]:
        while scope is not None:
            yield from scope.variables
            scope = scope.parent
        for container in self._open:
            yield from container.attributes
            yield from container.by_id
        yield from ("adjacency", "type")

    def methods(self, scope: Scope | None) -> Iterable[str]:
        """The names that can be called."""
        while scope is not None:
            yield from (
                name for name, value in scope.variables.items() if isinstance(value, MethodValue | ClosureValue)
            )
            scope = scope.parent

    # ------------------------------------------------------------------------------------------------ control

    def _if(self, node: nodes.If, scope: Scope) -> Run:
        is_true = truth(self._expressions.value(node.condition, scope))
        return self.run(node.then if is_true else node.otherwise, Scope(scope))

    def _for_in(self, node: nodes.ForIn, scope: Scope) -> Run:
        values = self._expressions.value(node.values, scope)
        if isinstance(values, dict):
            values = [{"key": key, "value": value} for key, value in values.items()]
        if not isinstance(values, list | range | str):
            raise At(
                Failed("GTS011", f"a loop goes over a list, a range or a map, not {kind_of(values)}"),
                Span(node.values.start, node.values.end),
            )
        for value in list(values) if isinstance(values, list) else values:
            self.meter.step()
            try:
                self.run(node.body, Scope(scope, {node.name.id: value}))
            except _Break:
                break
            except _Continue:
                continue
        return None

    def _for(self, node: nodes.For, scope: Scope) -> Run:
        inner = Scope(scope)
        if node.first is not None:
            self.run((node.first,), inner)
        self._loop(node.condition, node.step, node.body, inner)
        return None

    def _while(self, node: nodes.While, scope: Scope) -> Run:
        self._loop(node.condition, None, node.body, scope)
        return None

    def _loop(
        self,
        condition: nodes.Expression | None,
        step: nodes.Statement | None,
        body: nodes.Body,
        scope: Scope,
    ) -> None:
        while condition is None or truth(self._expressions.value(condition, scope)):
            self.meter.step()
            try:
                self.run(body, Scope(scope))
            except _Break:
                break
            except _Continue:
                pass
            if step is not None:
                self.run((step,), scope)

    def _return(self, node: nodes.Return, scope: Scope) -> Run:
        raise _Return(None if node.value is None else self._expressions.value(node.value, scope))

    def _break(self, _node: nodes.Break, _scope: Scope) -> Run:
        raise _Break

    def _continue(self, _node: nodes.Continue, _scope: Scope) -> Run:
        raise _Continue

    def _method(self, node: nodes.MethodDefinition, scope: Scope) -> Run:
        if node.name.id not in scope.variables:  # else it was made known when the body of the testbed began
            raise At(
                Failed("GTS018", f"the method `{node.name.id}` is defined inside something", _DEFINE_AT_TOP),
                Span(node.name.start, node.name.end),
            )
        return None

    def _type_in_wrong_place(self, node: nodes.TypeDefinition, _scope: Scope) -> Run:
        raise At(
            Failed("GTS018", f"the type `{node.name.id}` is defined inside something", _DEFINE_AT_TOP),
            Span(node.name.start, node.name.end),
        )

    # ------------------------------------------------------------------------------------------------ blocks

    def block(self, node: nodes.Block, scope: Scope) -> Run:
        """Declare what a block describes; its value is a handle on it."""
        name = node.name.id
        holder = scope.holder(name)
        if holder is not None:
            callee = holder.variables[name]
            closure = ClosureValue(node.closure, scope)
            if isinstance(callee, MethodValue):
                return self._expressions.call_method(callee, [closure])
            if isinstance(callee, ClosureValue):
                return self._expressions.call_closure(callee, [closure])
        span = Span(node.name.start, node.name.end)
        if not self._open:
            raise At(Failed("GTS018", f"`{printable(name)}` stands outside of a testbed"), span)
        if node.closure.parameters is not None:
            raise At(Failed("GTS018", "the braces of a resource take no parameters"), span)
        outer = self._open[-1]
        if self._plain_port(node, outer, scope):
            return None
        is_resource = name in CLASSES or name in self._types
        if outer.level is Level.TESTBED:
            if name == "port":
                return self._port(node, span, scope)
            return self._instance(node, span, scope) if name in self._types else self._resource(node, span, scope)
        if outer.level is Level.INSTANCE or (is_resource and outer.level is not Level.BLOCK):
            hint = "is a `}` missing before it?" if is_resource else None
            raise At(
                Failed("GTS018", f"a `{printable(name)}` cannot stand inside a `{printable(outer.name)}`", hint), span
            )
        if name == "port" and outer.level is Level.RESOURCE:
            return self._port(node, span, scope)
        return self._structured(node, span, scope)

    def _fill(
        self, level: Level, known: Mapping[str, object], node: nodes.Block, span: Span, scope: Scope
    ) -> Container:
        """A container filled by the statements of a block."""
        self.meter.element(node.name.id)
        self.meter.step(BLOCK_STEPS)
        container = Container(level, node.name.id, known, span, Scope(scope))
        self._open.append(container)
        try:
            self._block_body(node.closure.body, container.scope)
        finally:
            self._open.pop()
        return container

    def _port(self, node: nodes.Block, span: Span, scope: Scope) -> Run:
        container = self._fill(Level.PORT, PORT_ATTRIBUTES, node, span, scope)
        if "id" not in container.failed:
            self._open[-1].ports.append(container.port())
        return None

    def _plain_port(self, node: nodes.Block, container: Container, scope: Scope) -> bool:
        """Declare a port that has only an id, as nearly all have; False where there is more to it."""
        body = node.closure.body
        if node.name.id != "port" or len(body) != 1 or container.level not in _HAVE_PORTS or node.closure.parameters:
            return False
        (attribute,) = body
        if type(attribute) is not nodes.Assignment or attribute.sign != "=" or scope.holder("port") is not None:
            return False
        target, value = attribute.target, attribute.value
        if type(target) is not nodes.Name or target.id != "id":
            return False
        id_ = value.value if type(value) is nodes.Literal else self._expressions.value(value, scope)
        if type(id_) is not str:
            return False
        self.meter.element(id_)
        container.ports.append(Port(id_, NOTHING, Span(value.start, value.end)))
        return True

    def _resource(self, node: nodes.Block, span: Span, scope: Scope) -> Run:
        spec = CLASSES.get(node.name.id)
        container = self._fill(Level.RESOURCE, spec.attributes if spec else _KNOWN_ANYWHERE, node, span, scope)
        testbed = self._open[-1]
        if "id" not in container.failed:
            testbed.resources.append(container.resource())
            testbed.by_id.setdefault(container.id, Handle(container))
        return Handle(container)

    def _structured(self, node: nodes.Block, span: Span, scope: Scope) -> Run:
        """A structured attribute, ``controller { … }``; one that occurs again makes a list."""
        name = node.name.id
        container = self._fill(Level.BLOCK, _KNOWN_IN_BLOCK.get(name, NOTHING), node, span, scope)
        self._open[-1].add_block(name, container)
        return None

    def _instance(self, node: nodes.Block, span: Span, scope: Scope) -> Run:
        made = self.made_of(self._types[node.name.id], node, span, scope, NOTHING)
        if made is None:
            return POISON
        testbed = self._open[-1]
        testbed.resources.append(made.testbed())
        handle = Handle(made)
        testbed.by_id.setdefault(made.id, handle)
        return handle

    def made_of(
        self,
        definition: nodes.TypeDefinition,
        node: nodes.Block,
        span: Span,
        scope: Scope,
        overriding: Mapping[str, Value],
    ) -> Container | None:
        """A testbed of a type, with the parameters and attributes that a block gives it."""
        known = {**TESTBED_ATTRIBUTES, **{parameter.name.id: "" for parameter in definition.parameters}}
        given = self._fill(Level.INSTANCE, known, node, span, scope)
        if given.failed & known.keys():
            return None
        names = {parameter.name.id for parameter in definition.parameters}
        parameters = {name: value for name, value in given.attributes.items() if name in names}
        own = {name: value for name, value in given.attributes.items() if name not in names}
        inner = self.testbed(definition, {**parameters, **overriding}, span)
        inner.attributes |= own
        inner.places |= {name: place for name, place in given.places.items() if name in own}
        inner.place = span
        return inner

    def testbed(self, definition: nodes.TypeDefinition, given: Mapping[str, Value], span: Span) -> Container:
        """Make a testbed of a type, with values for its parameters.

        Raises:
            At: a parameter has no value, or one of the wrong kind.
        """
        if len(self._open) > MAX_TYPES:
            raise BoundPassed(f"testbeds stand in each other more than {MAX_TYPES} deep")
        outside = Scope(self.globals)
        for parameter in definition.parameters:
            name = parameter.name.id
            if name in given:
                value = cast(Run, given[name])
            elif parameter.default is not None:
                value = self._expressions.value(parameter.default, outside)
            else:
                raise At(
                    Failed("GTS015", f"the type `{definition.name.id}` gets no value for its parameter `{name}`"), span
                )
            outside.variables[name] = of_kind(parameter.kind, value, name)
        values = {name: kept(value, self.meter) for name, value in outside.variables.items()}
        place = Span(definition.name.start, definition.name.end)
        return self.header(definition.name.id, definition.body, outside, place, values)

    def header(
        self,
        name: str,
        body: nodes.Body,
        outside: Scope,
        place: Span,
        parameters: Mapping[str, Value] = NOTHING,
    ) -> Container:
        """Run the body of a testbed."""
        container = Container(
            Level.TESTBED, name, TESTBED_ATTRIBUTES, place, Scope(outside), parameters=parameters or NOTHING
        )
        opened, self._open = self._open, [*self._open, container]
        try:
            self._block_body(body, container.scope)
        finally:
            self._open = opened
        return container

    # ------------------------------------------------------------------------------------------------ adjacencies

    def _plain_adjacency(self, node: nodes.AdjacencyOf, container: Container, scope: Scope) -> bool:
        """An adjacency of two ports by id, ``h1.p1, l1.src``, as nearly all are; False where there is more to it."""
        first, second = node.first, node.second
        if (
            container.level is not Level.TESTBED
            or type(first) is not nodes.Postfix
            or type(second) is not nodes.Postfix
        ):
            return False
        one, other = self._plain_reference(first, scope), self._plain_reference(second, scope)
        if one is None or other is None:
            return False
        places = Span(first.start, first.end), Span(second.start, second.end)
        self._join(container, one, other, Span(node.start, node.end), *places)
        return True

    def _join(self, testbed: Container, first: PortRef | str, second: PortRef | str, *places: Span) -> None:
        self.meter.element(*first, *second)
        testbed.adjacencies.append((first, second, *places))  # type: ignore[arg-type]  # three places

    def _plain_reference(self, node: nodes.Postfix, scope: Scope) -> PortRef | None:
        suffixes = node.suffixes
        if len(suffixes) == 1 and type(suffixes[0]) is nodes.Property and type(node.target) is nodes.Name:
            name = node.target.id
            if scope.holder(name) is None:
                return PortRef(name, suffixes[0].name.id)
        return None

    def _adjacency(self, node: nodes.AdjacencyOf, scope: Scope) -> Run:
        span = Span(node.start, node.end)
        if not self._open or self._open[-1].level is not Level.TESTBED:
            where = f"inside a `{printable(self._open[-1].name)}`" if self._open else "outside of a testbed"
            raise At(Failed("GTS018", f"an adjacency stands {where}"), span)
        first, second = self._end(node.first, scope), self._end(node.second, scope)
        places = Span(node.first.start, node.first.end), Span(node.second.start, node.second.end)
        self._join(self._open[-1], first, second, span, *places)
        return None

    def _end(self, node: nodes.Expression, scope: Scope) -> PortRef | str:
        """What an adjacency names. A string is taken apart later, when all ids are known."""
        if isinstance(node, nodes.Name) and scope.holder(node.id) is None:
            return PortRef("", node.id)
        if (
            isinstance(node, nodes.Postfix)
            and isinstance(node.target, nodes.Name)
            and scope.holder(node.target.id) is None
            and all(isinstance(suffix, nodes.Property) for suffix in node.suffixes)
        ):
            path = ".".join(cast(nodes.Property, suffix).name.id for suffix in node.suffixes)
            return PortRef(node.target.id, path)
        value = self._expressions.value(node, scope)
        if isinstance(value, PortRef | str):
            return value
        hint = "say which port: `h1.p1`" if isinstance(value, Handle) else None
        raise At(
            Failed("GTS011", f"an adjacency joins ports, not {kind_of(value)}", hint),
            Span(node.start, node.end),
        )


def _inside(scope: Scope | None, holder: Scope, container: Container) -> bool:
    """Whether a variable, seen from ``scope``, was declared between a container's own braces, so that it hides the
    attribute of its name. One from outside does not: `def machine(id) { host { id = id } }`."""
    while scope is not None and scope is not holder:
        if scope is container.scope:
            return False
        scope = scope.parent
    return scope is holder


def _is_idle(statement: nodes.Statement) -> bool:
    if type(statement) is nodes.Postfix:
        return not any(type(suffix) is nodes.Call for suffix in statement.suffixes)
    return type(statement) in _IDLE
