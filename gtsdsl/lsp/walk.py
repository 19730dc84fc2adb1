"""From syntax to the names in it: scopes are lexical, references wait until all ids are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, cast

from gtsdsl.evaluate.runtime import Level
from gtsdsl.lsp.symbols import Definer, IdScope, Kind, Symbol, Variables
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


class Inside(NamedTuple):
    """Where a node stands: its variables, its room, and the innermost pair of braces that attributes belong to.

    The level is None between the braces of a method of the whole file: what calls it is not known.
    """

    variables: Variables
    room: IdScope
    level: Level | None
    owner: Symbol | None


@dataclass(slots=True)
class Reference:
    """An end of an adjacency. ``resource`` and ``port`` are where the ids stand, if they stand there as they are."""

    room: IdScope
    span: Span
    resource: tuple[str, Span] | None = None
    port: tuple[str, Span] | None = None
    text: tuple[str, Span] | None = None
    """A string that holds both ids, still to be taken apart."""
    handle: Symbol | None = None
    """The resource, where a variable holds it."""


@dataclass(slots=True)
class Names:
    """What a walk finds."""

    rooms: list[IdScope] = field(default_factory=list)
    types: dict[str, Symbol] = field(default_factory=dict)
    symbols: list[Symbol] = field(default_factory=list)
    scopes: list[Variables] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    members: dict[Symbol, list[Symbol]] = field(default_factory=dict)
    ports: list[tuple[IdScope, Symbol]] = field(default_factory=list)
    names: list[tuple[IdScope, str, Span]] = field(default_factory=list)
    """Words that are no variables: resources by their id, perhaps."""


_Step: TypeAlias = "tuple[nodes.Statement | nodes.Closure | nodes.Entry, Inside]"


def walk(body: nodes.Body, text: str) -> Names:
    """Find the names of a file."""
    return _Walk(text).file(body)


def known_attributes(level: Level | None, name: str, type_: Symbol | None) -> frozenset[str]:
    """The words that are attributes between a block's braces, whatever variables there are."""
    if level is Level.TESTBED:
        return frozenset(TESTBED_ATTRIBUTES)
    if level is Level.PORT:
        return frozenset(PORT_ATTRIBUTES)
    if level is Level.BLOCK:
        return frozenset(CONTROLLER_ATTRIBUTES if name == "controller" else ())
    if level is Level.INSTANCE:
        return frozenset(TESTBED_ATTRIBUTES) | parameters_of(type_).keys()
    return frozenset(CLASSES[name].attributes if name in CLASSES else ("id", "location"))


def parameters_of(type_: Symbol | None) -> dict[str, nodes.Parameter]:
    """The parameters of a type by name."""
    if type_ is None or not isinstance(type_.node, nodes.TypeDefinition):
        return {}
    return {parameter.name.id: parameter for parameter in type_.node.parameters}


class _Walk:
    """One walk through a tree, with a stack of its own: a text can make a tree deeper than Python's."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = Names()
        self._todo: list[_Step] = []
        self._parameters: dict[str, dict[str, Symbol]] = {}
        self._blocks: dict[int, Symbol] = {}
        self._visitors = cast(
            "dict[type, Callable[[nodes.Statement, Inside], None]]",
            {
                nodes.Name: self._name,
                nodes.Assignment: self._assignment,
                nodes.AdjacencyOf: self._adjacency,
                nodes.Declaration: self._declaration,
                nodes.Block: self._block,
                nodes.MethodCall: self._method_call,
                nodes.Closure: self._closure,
                nodes.ForIn: self._for_in,
                nodes.For: self._for,
                nodes.If: self._if,
                nodes.While: self._while,
                nodes.MethodDefinition: self._method,
                nodes.TypeDefinition: self._nested_type,
            },
        )

    def file(self, body: nodes.Body) -> Names:
        whole = Span(0, len(self._text))
        top = IdScope(None, whole)
        self._found.rooms.append(top)
        variables = self._scope(None, whole)
        inside = Inside(variables, top, None, None)
        types = [statement for statement in body if isinstance(statement, nodes.TypeDefinition)]
        for definition in types:
            symbol = self._define(Kind.TYPE, definition.name, definition)
            self._found.types.setdefault(symbol.name, symbol)
        self._methods(body, variables)
        others = [it for it in body if not isinstance(it, nodes.TypeDefinition | nodes.MethodDefinition)]
        headers = [it for it in others if self._is_header(it, variables)]
        self._run([it for it in others if it not in headers], inside)  # their variables are seen by all that follows
        self._run([it for it in body if isinstance(it, nodes.MethodDefinition)], inside)
        opened = [self._type(symbol, variables) for symbol in self._found.symbols if symbol.kind is Kind.TYPE]
        for statements, inner in opened:  # all parameters are known now, those of types further down too
            self._run(statements, inner)
        for header in headers:
            self._header(cast(nodes.Block, header), variables)
        self._found.scopes.sort(key=lambda it: it.span.start)
        return self._found

    def _is_header(self, statement: nodes.Statement, variables: Variables) -> bool:
        return (
            isinstance(statement, nodes.Block)
            and variables.find(statement.name.id) is None
            and statement.name.id not in self._found.types
        )

    def _run(self, statements: list[nodes.Statement], inside: Inside) -> None:
        self._todo.extend((statement, inside) for statement in reversed(statements))
        while self._todo:
            node, where = self._todo.pop()
            visitor = self._visitors.get(type(node))
            if visitor is not None:
                visitor(cast(nodes.Statement, node), where)
            else:
                self._all(node, where)

    def _all(self, node: object, inside: Inside) -> None:
        """Go on with all parts of a node."""
        parts: list[object] = [node]
        found: list[_Step] = []
        while parts:
            part = parts.pop()
            if part is not node and type(part) in self._visitors:
                found.append((cast(nodes.Statement, part), inside))
            elif isinstance(part, nodes.Property):
                continue
            elif isinstance(part, nodes.Call):
                parts.extend((part.arguments, part.closure))
            elif isinstance(part, tuple):
                parts.extend(it for it in part if isinstance(it, tuple))
        found.sort(key=lambda step: -step[0].start)
        self._todo.extend(found)

    def _scope(self, parent: Variables | None, span: Span) -> Variables:
        variables = Variables(parent, span)
        self._found.scopes.append(variables)
        return variables

    def _define(self, kind: Kind, name: nodes.Name, node: Definer, owner: Symbol | None = None) -> Symbol:
        symbol = Symbol(kind, name.id, node, owner, [Span(name.start, name.end)])
        self._found.symbols.append(symbol)
        return symbol

    def _variable(self, name: nodes.Name, node: Definer, variables: Variables) -> Symbol:
        symbol = self._define(Kind.VARIABLE, name, node)
        variables.names[name.id] = symbol
        return symbol

    # ------------------------------------------------------------------------------------------------ definitions

    def _methods(self, body: nodes.Body, variables: Variables) -> None:
        for statement in body:
            if isinstance(statement, nodes.MethodDefinition):
                variables.names[statement.name.id] = self._define(Kind.METHOD, statement.name, statement)

    def _take(self, parameters: tuple[nodes.Parameter, ...], variables: Variables, inside: Inside) -> list[Symbol]:
        """The parameters as variables; each default sees those before it."""
        symbols = []
        for parameter in parameters:
            if parameter.default is not None:
                self._run_apart([parameter.default], inside._replace(variables=variables))
            symbols.append(self._variable(parameter.name, parameter, variables))
        return symbols

    def _run_apart(self, statements: list[nodes.Value], inside: Inside) -> None:
        """Visit something at once, whatever waits; defaults are few and hold no bodies that nest."""
        waiting, self._todo = self._todo, []
        self._run(cast("list[nodes.Statement]", statements), inside)
        self._todo = waiting

    def _type(self, symbol: Symbol, variables: Variables) -> tuple[list[nodes.Statement], Inside]:
        node = cast(nodes.TypeDefinition, symbol.node)
        outside = self._scope(variables, Span(node.name.end, node.end))
        room = IdScope(symbol, Span(node.name.end, node.end))
        self._found.rooms.append(room)
        parameters = self._take(node.parameters, outside, Inside(outside, room, None, None))
        self._parameters.setdefault(symbol.name, {parameter.name: parameter for parameter in parameters})
        inner = self._scope(outside, Span(node.name.end, node.end))
        self._methods(node.body, inner)
        return list(node.body), Inside(inner, room, Level.TESTBED, symbol)

    def _nested_type(self, node: nodes.TypeDefinition, _inside: Inside) -> None:
        """A type inside something is an error; its inside is left alone."""

    def _header(self, node: nodes.Block, variables: Variables) -> None:
        symbol = self._define(Kind.TYPE, node.name, node)
        span = Span(node.closure.start, node.end)
        room = IdScope(symbol, span)
        self._found.rooms.append(room)
        inner = self._scope(variables, span)
        self._methods(node.closure.body, inner)
        self._run(list(node.closure.body), Inside(inner, room, Level.TESTBED, symbol))

    def _method(self, node: nodes.MethodDefinition, inside: Inside) -> None:
        if inside.variables.find(node.name.id) is None:  # inside of something, which is an error
            return
        variables = self._scope(inside.variables, Span(node.name.end, node.end))
        inner = inside._replace(variables=variables)
        self._take(node.parameters, variables, inner)
        self._todo.extend((statement, inner) for statement in reversed(node.body))

    def _declaration(self, node: nodes.Declaration, inside: Inside) -> None:
        self._variable(node.name, node, inside.variables)
        if node.value is not None:
            self._todo.append((cast(nodes.Statement, node.value), inside))

    def _closure(self, node: nodes.Closure, inside: Inside) -> None:
        variables = self._scope(inside.variables, Span(node.start, node.end))
        if node.parameters is None:
            variables.names["it"] = Symbol(Kind.VARIABLE, "it", node)
        else:
            for parameter in node.parameters:
                self._variable(parameter.name, parameter, variables)
        inner = inside._replace(variables=variables)
        self._todo.extend((statement, inner) for statement in reversed(node.body))

    def _branch(self, body: nodes.Body, variables: Variables, inside: Inside) -> None:
        inner = inside._replace(variables=variables)
        self._todo.extend((statement, inner) for statement in reversed(body))

    def _span_of(self, body: nodes.Body, end: int) -> Span:
        return Span(body[0].start, end) if body else Span(end, end)

    def _for_in(self, node: nodes.ForIn, inside: Inside) -> None:
        variables = self._scope(inside.variables, Span(node.values.end, node.end))
        self._variable(node.name, node, variables)
        self._branch(node.body, variables, inside)
        self._todo.append((node.values, inside))

    def _for(self, node: nodes.For, inside: Inside) -> None:
        variables = self._scope(inside.variables, Span(node.start, node.end))
        inner = inside._replace(variables=variables)
        self._branch(node.body, self._scope(variables, self._span_of(node.body, node.end)), inside)
        self._todo.extend((part, inner) for part in (node.step, node.condition, node.first) if part is not None)

    def _if(self, node: nodes.If, inside: Inside) -> None:
        middle = node.otherwise[0].start - 1 if node.otherwise else node.end
        for body, end in ((node.otherwise, node.end), (node.then, middle)):
            if body:
                self._branch(body, self._scope(inside.variables, self._span_of(body, end)), inside)
        self._todo.append((node.condition, inside))

    def _while(self, node: nodes.While, inside: Inside) -> None:
        self._branch(node.body, self._scope(inside.variables, self._span_of(node.body, node.end)), inside)
        self._todo.append((node.condition, inside))

    # ------------------------------------------------------------------------------------------------ blocks

    def _block(self, node: nodes.Block, inside: Inside) -> None:
        name = node.name.id
        variable = inside.variables.find(name)
        if variable is not None and _may_be_called(variable):
            variable.uses.append(Span(node.name.start, node.name.end))
            self._todo.append((cast(nodes.Statement, node.closure), inside))
            return
        type_ = self._found.types.get(name)
        if type_ is not None:
            type_.uses.append(Span(node.name.start, node.name.end))
        outer = inside.level
        if outer in (Level.TESTBED, None) and name != "port":
            symbol = self._declared(Kind.RESOURCE, node, inside)
            level = Level.INSTANCE if type_ is not None else Level.RESOURCE
        elif name == "port" and outer in (Level.TESTBED, Level.RESOURCE, None):
            symbol = self._declared(Kind.PORT, node, inside)
            level = Level.PORT
        else:
            symbol = Symbol(Kind.RESOURCE, name, node, inside.owner)
            level = Level.BLOCK
        variables = self._scope(inside.variables, Span(node.closure.start, node.end))
        inner = Inside(variables, inside.room, level, symbol)
        self._todo.extend((statement, inner) for statement in reversed(node.closure.body))

    def _declared(self, kind: Kind, node: nodes.Block, inside: Inside) -> Symbol:
        symbol = Symbol(kind, "", node, inside.owner)
        self._found.symbols.append(symbol)
        self._blocks[node.start] = symbol
        if kind is Kind.PORT:
            self._found.ports.append((inside.room, symbol))
        owner = inside.owner or inside.room.type
        if owner is not None:
            self._found.members.setdefault(owner, []).append(symbol)
        return symbol

    def _assignment(self, node: nodes.Assignment, inside: Inside) -> None:
        target, value = node.target, node.value
        if isinstance(target, nodes.Name):
            owner, level = inside.owner, inside.level
            if target.id == "id" and owner is not None and level in (Level.RESOURCE, Level.PORT, Level.INSTANCE):
                self._identify(owner, value, inside)
            variable = inside.variables.find(target.id)
            block = owner.node.name.id if owner is not None and isinstance(owner.node, nodes.Block) else ""
            if level is Level.INSTANCE and (parameter := self._parameters.get(block, {}).get(target.id)) is not None:
                parameter.uses.append(Span(target.start, target.end))
            elif variable is not None and target.id not in known_attributes(level, block, self._found.types.get(block)):
                variable.uses.append(Span(target.start, target.end))
        else:
            self._todo.append((target, inside))
        if type(value) is not nodes.Literal:
            self._todo.append((cast(nodes.Statement, value), inside))

    def _identify(self, owner: Symbol, value: nodes.Value, inside: Inside) -> None:
        """Give a resource or port the name that its id says."""
        plain = self._plain(value)
        if plain is None:
            place = Span(value.start, value.end)
            owner.made = True
            name = self._text[place.start : place.end]
            owner.name = owner.name or (name[1:-1] if name[:1] in "\"'" else name)
        else:
            name, place = plain
            owner.name = owner.name or name
            if owner.kind is Kind.RESOURCE:
                inside.room.resources.setdefault(name, owner)
        owner.places.append(place)

    def _plain(self, value: nodes.Value) -> tuple[str, Span] | None:
        """A string that stands in the text as it is, and where, without its quotes."""
        if not isinstance(value, nodes.Literal) or not isinstance(value.value, str):
            return None
        place = Span(value.start + 1, value.end - 1)
        return (value.value, place) if self._text[place.start : place.end] == value.value else None

    # ------------------------------------------------------------------------------------------------ uses

    def _name(self, node: nodes.Name, inside: Inside) -> None:
        variable = inside.variables.find(node.id)
        if variable is not None:
            variable.uses.append(Span(node.start, node.end))
        else:
            self._found.names.append((inside.room, node.id, Span(node.start, node.end)))

    def _method_call(self, node: nodes.MethodCall, inside: Inside) -> None:
        variable = inside.variables.find(node.name.id)
        if variable is not None:
            variable.uses.append(Span(node.name.start, node.name.end))
        parts = (*node.arguments, *((node.closure,) if node.closure else ()))
        self._todo.extend((cast(nodes.Statement, part), inside) for part in reversed(parts))

    def _adjacency(self, node: nodes.AdjacencyOf, inside: Inside) -> None:
        for end in (node.first, node.second):
            self._found.references.append(self._reference(end, inside))

    def _reference(self, end: nodes.Expression, inside: Inside) -> Reference:
        reference = Reference(inside.room, Span(end.start, end.end))
        find = inside.variables.find
        if isinstance(end, nodes.Name) and find(end.id) is None:
            reference.resource = ("", Span(end.start, end.start))
            reference.port = (end.id, reference.span)
            return reference
        if isinstance(end, nodes.Postfix):
            last = end.suffixes[-1]
            if isinstance(last, nodes.Property):
                reference.port = (last.name.id, Span(last.name.start, last.name.end))
            elif isinstance(last, nodes.Call) and last.name.id == "port" and len(last.arguments) == 1:
                reference.port = self._plain(last.arguments[0])
            if isinstance(end.target, nodes.Name):
                variable = find(end.target.id)
                is_path = all(isinstance(suffix, nodes.Property) for suffix in end.suffixes)
                if variable is None and is_path:
                    first = cast(nodes.Property, end.suffixes[0]).name
                    place = Span(first.start, end.end)
                    reference.resource = (end.target.id, Span(end.target.start, end.target.end))
                    reference.port = (self._text[place.start : place.end], place)
                    return reference
                if variable is not None and isinstance(variable.node, nodes.Declaration) and len(end.suffixes) == 1:
                    reference.handle = self._held(variable.node)
        reference.text = self._plain(end)
        self._todo.append((end, inside))
        return reference

    def _held(self, node: nodes.Declaration) -> Symbol | None:
        """The resource that a variable is declared to hold."""
        if not isinstance(node.value, nodes.Block):
            return None
        return self._blocks.get(node.value.start)


def _may_be_called(variable: Symbol) -> bool:
    node = variable.node
    if isinstance(node, nodes.Declaration):
        return isinstance(node.value, nodes.Closure)
    return isinstance(node, nodes.MethodDefinition)
