"""From `host { … }`, `Island { … }` and `type … { … }` to resources and testbeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from gtsdsl.evaluate.expressions import At, of_kind
from gtsdsl.evaluate.limits import ATTRIBUTE_COST, BLOCK_STEPS, MAX_TYPES, RESOURCE_WEIGHT, STEP_CHARACTERS, BoundPassed
from gtsdsl.evaluate.open_blocks import Level, OpenBlock
from gtsdsl.evaluate.values import POISON, ClosureValue, Failed, Handle, MethodValue, RuntimeValue, Scope, kept
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.testbed import NOTHING, TESTBED_CLASS, Port, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.evaluate.statements import Statements

_KNOWN_IN_BLOCK: Mapping[str, Mapping[str, str]] = {"controller": CONTROLLER_ATTRIBUTES}
_KNOWN_ANYWHERE: Mapping[str, str] = {"id": "", "location": ""}
_HAVE_PORTS = (Level.TESTBED, Level.RESOURCE)


def constructor_of(definition: nodes.TypeDefinition) -> nodes.MethodDefinition | None:
    """The method of a type that has the type's own name: it is run when the type's body has been."""
    for statement in definition.body:
        if type(statement) is nodes.MethodDefinition and statement.name.id == definition.name.id:
            return statement
    return None


def parameters_of(definition: nodes.TypeDefinition) -> tuple[nodes.Parameter, ...]:
    """The parameters of a type; where it states none, those of its constructor."""
    constructor = None if definition.parameters else constructor_of(definition)
    return definition.parameters if constructor is None else constructor.parameters


def as_type(header: nodes.Block) -> nodes.TypeDefinition:
    """``Lab { … }`` at the top of a file, as the type that it stands for."""
    return nodes.TypeDefinition(header.start, header.end, header.name, (), header.closure.body)


class Blocks:
    """Declares for `Statements`, which holds the state."""

    def __init__(self, owner: Statements) -> None:
        self._owner = owner
        self._meter = owner.meter

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
            container = self.testbed(as_type(root), given, place)
        else:  # a block of a type at the top of the file: `Mesh { n = 5 }`
            made = self.made_of(definition, root, place, self._owner.globals, given)
            if made is None:
                return None
            container = made
        if not container.id and "id" not in container.failed:
            container.attributes["id"] = root.name.id
        return container.testbed()

    def block(self, node: nodes.Block, scope: Scope) -> RuntimeValue:
        """Declare what a block describes; its value is a handle on it."""
        name = node.name.id
        opened = self._owner.open
        if name == "port" and opened and self._plain_port(node, opened[-1], scope):
            return None
        # a name of the language's own always means what it means there
        holder = None if name in CLASSES or name == "port" else scope.holder(name)
        if holder is not None:
            callee = holder.variables[name]
            closure = ClosureValue(node.closure, scope)
            if isinstance(callee, MethodValue):
                return self._owner.expressions.call_method(callee, [closure])
            if isinstance(callee, ClosureValue):
                return self._owner.expressions.call_closure(callee, [closure])
        span = Span(node.name.start, node.name.end)
        if not opened:
            raise At(Failed("GTS018", f"`{printable(name)}` stands outside of a testbed"), span)
        if node.closure.parameters is not None:
            raise At(Failed("GTS018", "the braces of a resource take no parameters"), span)
        outer = opened[-1]
        if name == TESTBED_CLASS:  # in GTS JSON the class of a testbed in a testbed
            raise At(Failed("GTS018", "a testbed in a testbed is made by the name of its type: `Island { … }`"), span)
        is_resource = name in CLASSES or name in self._owner.types
        if outer.level is Level.TESTBED:
            if name == "port":
                return self._port(node, span, scope)
            return self._instance(node, span, scope) if name in self._owner.types else self._resource(node, span, scope)
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
    ) -> OpenBlock:
        """A container filled by the statements of a block."""
        weight = 1 if level in (Level.PORT, Level.BLOCK) else RESOURCE_WEIGHT
        self._meter.element(node.name.id, weight=weight)
        self._meter.step(BLOCK_STEPS)
        container = OpenBlock(level, node.name.id, known, span, Scope(scope))
        self._owner.open.append(container)
        try:
            self._owner.block_body(node.closure.body, container.scope)
        finally:
            self._owner.open.pop()
        return container

    def _port(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        container = self._fill(Level.PORT, PORT_ATTRIBUTES, node, span, scope)
        if "id" not in container.failed:
            self._owner.open[-1].ports.append(container.port())
        return None

    def _plain_port(self, node: nodes.Block, container: OpenBlock, scope: Scope) -> bool:
        """Declare a port that has only an id, as nearly all have; False where there is more to it."""
        body = node.closure.body
        if len(body) != 1 or container.level not in _HAVE_PORTS or node.closure.parameters is not None:
            return False
        (attribute,) = body
        if type(attribute) is not nodes.Assignment or attribute.sign != "=":
            return False
        target, value = attribute.target, attribute.value
        if type(target) is not nodes.Name or target.id != "id":
            return False
        id_ = value.value if type(value) is nodes.Literal else self._owner.expressions.value(value, scope)
        if type(id_) is not str:
            return False
        self._meter.element(id_)
        container.ports.append(Port(id_, NOTHING, Span(value.start, value.end)))
        return True

    def _resource(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        spec = CLASSES.get(node.name.id)
        container = self._fill(Level.RESOURCE, spec.attributes if spec else _KNOWN_ANYWHERE, node, span, scope)
        testbed = self._owner.open[-1]
        if "id" not in container.failed:
            testbed.resources.append(container.resource())
            testbed.by_id.setdefault(container.id, Handle(container))
        return Handle(container)

    def _structured(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        """A structured attribute, ``controller { … }``; one that occurs again makes a list."""
        name = node.name.id
        container = self._fill(Level.BLOCK, _KNOWN_IN_BLOCK.get(name, NOTHING), node, span, scope)
        outer = self._owner.open[-1]
        if outer.blocks.get(name) == 1:  # the places of the first one are looked for among all
            self._meter.step(len(outer.places) // STEP_CHARACTERS)
        self._meter.make(ATTRIBUTE_COST + len(name))
        outer.add_block(name, container)
        return None

    def _instance(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        made = self.made_of(self._owner.types[node.name.id], node, span, scope, NOTHING)
        if made is None:
            return POISON
        testbed = self._owner.open[-1]
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
    ) -> OpenBlock | None:
        """A testbed of a type, with the parameters and attributes that a block gives it."""
        parameters_of_type = parameters_of(definition)
        self._meter.step(len(parameters_of_type))
        known = {**TESTBED_ATTRIBUTES, **{parameter.name.id: "" for parameter in parameters_of_type}}
        given = self._fill(Level.INSTANCE, known, node, span, scope)
        if given.failed & known.keys():
            return None
        names = {parameter.name.id for parameter in parameters_of_type}
        parameters = {name: value for name, value in given.attributes.items() if name in names}
        own = {name: value for name, value in given.attributes.items() if name not in names}
        inner = self.testbed(definition, {**parameters, **overriding}, span)
        inner.attributes |= own
        inner.places |= {name: place for name, place in given.places.items() if name in own}
        inner.place = span
        return inner

    def testbed(self, definition: nodes.TypeDefinition, given: Mapping[str, Value], span: Span) -> OpenBlock:
        """Make a testbed of a type, with values for its parameters.

        Raises:
            At: a parameter has no value, or one of the wrong kind.
        """
        if len(self._owner.open) > MAX_TYPES:
            raise BoundPassed(f"testbeds stand in each other more than {MAX_TYPES} deep")
        outside = Scope(self._owner.globals)
        for parameter in parameters_of(definition):
            name = parameter.name.id
            if name in given:
                value = cast(RuntimeValue, given[name])
            elif parameter.default is not None:
                value = self._owner.expressions.value(parameter.default, outside)
            else:
                raise At(
                    Failed("GTS015", f"the type `{definition.name.id}` gets no value for its parameter `{name}`"), span
                )
            outside.variables[name] = of_kind(parameter.kind, value, name)
        values = {name: kept(value, self._meter) for name, value in outside.variables.items()}
        type_name, place = definition.name.id, Span(definition.name.start, definition.name.end)
        container = OpenBlock(
            Level.TESTBED, type_name, TESTBED_ATTRIBUTES, place, Scope(outside), parameters=values or NOTHING
        )
        constructor = constructor_of(definition)
        arguments = [] if definition.parameters else list(outside.variables.values())
        opened, self._owner.open = self._owner.open, [*self._owner.open, container]
        try:
            self._owner.block_body(definition.body, container.scope)
            if constructor is not None:
                method = MethodValue(constructor, container.scope)
                call = lambda: self._owner.expressions.call_method(method, arguments)  # noqa: E731
                self._owner.attempt(call, Span(constructor.name.start, constructor.name.end))
        finally:
            self._owner.open = opened
        return container
