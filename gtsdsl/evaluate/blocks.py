"""Blocks: the resources, ports and testbeds that ``host { … }``, ``Island { … }`` and ``type … { … }`` declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gtsdsl.evaluate.bodies import Bodies
from gtsdsl.evaluate.calls import Calls
from gtsdsl.evaluate.errors import LimitError, PlacedError
from gtsdsl.evaluate.limits import (
    ATTRIBUTE_COST,
    BLOCK_STEPS,
    MAX_NESTED_TESTBEDS,
    RESOURCE_WEIGHT,
    STEP_CHARACTERS,
)
from gtsdsl.evaluate.runtime import (
    FAILED_VALUE,
    ClosureValue,
    Level,
    MethodValue,
    OpenBlock,
    ResourceValue,
    RuntimeValue,
    Scope,
)
from gtsdsl.evaluate.state import Evaluation, Evaluator
from gtsdsl.evaluate.values import attribute_value, of_kind
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.testbed import NOTHING, TESTBED_CLASS, Port, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

_STRUCTURED_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {"controller": CONTROLLER_ATTRIBUTES}
_ATTRIBUTES_OF_UNKNOWN_CLASS: Mapping[str, str] = {"id": "", "location": ""}
_HAVE_PORTS = (Level.TESTBED, Level.RESOURCE)


def constructor_of(definition: nodes.TypeDefinition) -> nodes.MethodDefinition | None:
    """Return the method of a type that has the type's own name, which is called after the type's body; None without."""
    for statement in definition.body:
        if type(statement) is nodes.MethodDefinition and statement.name.id == definition.name.id:
            return statement
    return None


def parameters_of(definition: nodes.TypeDefinition) -> tuple[nodes.Parameter, ...]:
    """Return the parameters of a type; for a type that states none, those of its constructor."""
    constructor = None if definition.parameters else constructor_of(definition)
    return definition.parameters if constructor is None else constructor.parameters


def as_type(header: nodes.Block) -> nodes.TypeDefinition:
    """Return the type that a header, ``Lab { … }`` at the top of a source, stands for."""
    return nodes.TypeDefinition(header.start, header.end, header.name, (), header.closure.body)


class Blocks:
    """The part of the interpreter that declares what blocks describe."""

    def __init__(self, evaluation: Evaluation, evaluator: Evaluator, calls: Calls, bodies: Bodies) -> None:
        self._evaluation = evaluation
        self._meter = evaluation.meter
        self._value = evaluator.value
        self._calls = calls
        self._bodies = bodies

    def root(
        self,
        root: nodes.TypeDefinition | nodes.Block,
        definition: nodes.TypeDefinition | None,
        parameters: Mapping[str, Value],
    ) -> Testbed | None:
        """Return the testbed of the root of a source; its id is the name of its type if it states none.

        ``definition`` is the type of the root, None for a header. None is returned where parameters failed.

        Raises:
            PlacedError: a parameter has no value, or one of the wrong kind.
        """
        place = Span(root.name.start, root.name.end)
        if isinstance(root, nodes.TypeDefinition):
            block = self._testbed(root, parameters, place)
        elif definition is None:
            if root.closure.parameters is not None:
                raise PlacedError("GTS018", "the braces of a testbed take no parameters", place)
            block = self._testbed(as_type(root), parameters, place)
        else:  # a block of a type at the top of the source: `Mesh { n = 5 }`
            instance = self._instance(definition, root, place, self._evaluation.globals, parameters)
            if instance is None:
                return None
            block = instance
        if not block.id and "id" not in block.failed_attributes:
            block.attributes["id"] = root.name.id
        return block.testbed()

    def declare(self, node: nodes.Block, scope: Scope) -> RuntimeValue:
        """Declare what a block describes; return a resource or nested testbed as a value, None for anything else.

        A block that has the name of a method or closure is a call of it.
        """
        name = node.name.id
        blocks = self._evaluation.open_blocks
        if name == "port" and blocks and self._declare_plain_port(node, blocks[-1], scope):
            return None
        # no variable hides a name of the language
        holder = None if name in CLASSES or name == "port" else scope.holder(name)
        if holder is not None:
            callee = holder.variables[name]
            if isinstance(callee, MethodValue | ClosureValue):
                return self._calls.call(callee, [ClosureValue(node.closure, scope)])
        span = Span(node.name.start, node.name.end)
        if not blocks:
            raise PlacedError("GTS018", f"`{printable(name)}` stands outside of a testbed", span)
        if node.closure.parameters is not None:
            raise PlacedError("GTS018", "the braces of a resource take no parameters", span)
        outer = blocks[-1]
        if name == TESTBED_CLASS:  # in GTS JSON the class of a testbed in a testbed
            message = "a testbed in a testbed is made by the name of its type: `Island { … }`"
            raise PlacedError("GTS018", message, span)
        is_type = name in self._evaluation.types
        is_resource = name in CLASSES or is_type
        if outer.level is Level.TESTBED:
            if name == "port":
                return self._declare_port(node, span, scope)
            return self._declare_instance(node, span, scope) if is_type else self._declare_resource(node, span, scope)
        if outer.level is Level.INSTANCE or (is_resource and outer.level is not Level.BLOCK):
            hint = "is a `}` missing before it?" if is_resource else None
            message = f"a `{printable(name)}` cannot stand inside a `{printable(outer.name)}`"
            raise PlacedError("GTS018", message, span, hint)
        if name == "port" and outer.level is Level.RESOURCE:
            return self._declare_port(node, span, scope)
        return self._set_structured(node, span, scope)

    def _run_body(
        self, level: Level, known_attributes: Mapping[str, object], node: nodes.Block, span: Span, scope: Scope
    ) -> OpenBlock:
        """Open a block, run its statements, and return it with what they have declared."""
        weight = 1 if level in (Level.PORT, Level.BLOCK) else RESOURCE_WEIGHT
        self._meter.element(node.name.id, weight=weight)
        self._meter.step(BLOCK_STEPS)
        block = OpenBlock(level, node.name.id, known_attributes, span, Scope(scope))
        self._evaluation.open_blocks.append(block)
        try:
            self._bodies.run(node.closure.body, block.scope)
        finally:
            self._evaluation.open_blocks.pop()
        return block

    def _declare_port(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        block = self._run_body(Level.PORT, PORT_ATTRIBUTES, node, span, scope)
        if "id" not in block.failed_attributes:
            self._evaluation.open_blocks[-1].ports.append(block.port())
        return None

    def _declare_plain_port(self, node: nodes.Block, block: OpenBlock, scope: Scope) -> bool:
        """Declare a port of a block that has only an id, as nearly all have.

        Returns False, and does nothing, for any other port.
        """
        body = node.closure.body
        if len(body) != 1 or block.level not in _HAVE_PORTS or node.closure.parameters is not None:
            return False
        (attribute,) = body
        if type(attribute) is not nodes.Assignment or attribute.sign != "=":
            return False
        target, value = attribute.target, attribute.value
        if type(target) is not nodes.Name or target.id != "id":
            return False
        id_ = value.value if type(value) is nodes.Literal else self._value(value, scope)
        if type(id_) is not str:
            return False
        self._meter.element(id_)
        block.ports.append(Port(id_, NOTHING, Span(value.start, value.end)))
        return True

    def _declare_resource(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        spec = CLASSES.get(node.name.id)
        known_attributes = spec.attributes if spec else _ATTRIBUTES_OF_UNKNOWN_CLASS
        block = self._run_body(Level.RESOURCE, known_attributes, node, span, scope)
        resource = ResourceValue(block)
        testbed = self._evaluation.open_blocks[-1]
        if "id" not in block.failed_attributes:
            testbed.resources.append(block.resource())
            testbed.resources_by_id.setdefault(block.id, resource)
        return resource

    def _set_structured(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        """Set a structured attribute, ``controller { … }``; one that occurs again makes a list."""
        name = node.name.id
        block = self._run_body(Level.BLOCK, _STRUCTURED_ATTRIBUTES.get(name, NOTHING), node, span, scope)
        outer = self._evaluation.open_blocks[-1]
        if outer.block_counts.get(name) == 1:  # add_block looks through all places for those of the first
            self._meter.step(len(outer.places) // STEP_CHARACTERS)
        self._meter.allocate(ATTRIBUTE_COST + len(name))
        outer.add_block(name, block)
        return None

    def _declare_instance(self, node: nodes.Block, span: Span, scope: Scope) -> RuntimeValue:
        """Declare a nested testbed, ``Island { … }``."""
        block = self._instance(self._evaluation.types[node.name.id], node, span, scope, NOTHING)
        if block is None:
            return FAILED_VALUE
        testbed = self._evaluation.open_blocks[-1]
        testbed.resources.append(block.testbed())
        resource = ResourceValue(block)
        testbed.resources_by_id.setdefault(block.id, resource)
        return resource

    def _instance(
        self,
        definition: nodes.TypeDefinition,
        node: nodes.Block,
        span: Span,
        scope: Scope,
        overriding: Mapping[str, Value],
    ) -> OpenBlock | None:
        """Return a testbed of a type, with the parameters and attributes that a block states.

        ``overriding`` are values for parameters that count instead of those of the block. None is returned where a
        parameter or attribute failed.
        """
        parameters = {parameter.name.id: "" for parameter in parameters_of(definition)}
        self._meter.step(len(parameters))
        known_attributes = {**TESTBED_ATTRIBUTES, **parameters}
        stated = self._run_body(Level.INSTANCE, known_attributes, node, span, scope)
        if stated.failed_attributes & known_attributes.keys():
            return None
        arguments = {name: value for name, value in stated.attributes.items() if name in parameters}
        attributes = {name: value for name, value in stated.attributes.items() if name not in parameters}
        block = self._testbed(definition, {**arguments, **overriding}, span)
        block.attributes |= attributes
        block.places |= {name: place for name, place in stated.places.items() if name in attributes}
        block.place = span
        return block

    def _testbed(self, definition: nodes.TypeDefinition, arguments: Mapping[str, Value], span: Span) -> OpenBlock:
        """Return a testbed of a type, with values for its parameters.

        Raises:
            PlacedError: a parameter has no value, or one of the wrong kind.
        """
        if len(self._evaluation.open_blocks) > MAX_NESTED_TESTBEDS:
            raise LimitError(f"testbeds are nested more than {MAX_NESTED_TESTBEDS} deep")
        outside = Scope(self._evaluation.globals)
        for parameter in parameters_of(definition):
            name = parameter.name.id
            if name in arguments:
                value = cast(RuntimeValue, arguments[name])
            elif parameter.default is not None:
                value = self._value(parameter.default, outside)
            else:
                message = f"the type `{definition.name.id}` gets no value for its parameter `{name}`"
                raise PlacedError("GTS015", message, span)
            outside.variables[name] = of_kind(parameter.kind, value, name)
        parameters = {name: attribute_value(value, self._meter) for name, value in outside.variables.items()}
        type_name, place = definition.name.id, Span(definition.name.start, definition.name.end)
        block = OpenBlock(
            Level.TESTBED, type_name, TESTBED_ATTRIBUTES, place, Scope(outside), parameters=parameters or NOTHING
        )
        constructor = constructor_of(definition)
        constructor_arguments = [] if definition.parameters else list(outside.variables.values())
        evaluation = self._evaluation
        blocks_outside, evaluation.open_blocks = evaluation.open_blocks, [*evaluation.open_blocks, block]
        try:
            self._bodies.run(definition.body, block.scope)
            if constructor is not None:
                method = MethodValue(constructor, block.scope)
                call = lambda: self._calls.call_method(method, constructor_arguments)  # noqa: E731
                evaluation.attempt(call, Span(constructor.name.start, constructor.name.end))
        finally:
            evaluation.open_blocks = blocks_outside
        return block
