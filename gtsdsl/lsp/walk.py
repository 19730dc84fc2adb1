"""Syntax to names: a walk through the nodes of a text finds scopes, symbols and references."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, cast

from gtsdsl.evaluate.runtime import Level
from gtsdsl.lsp.names import Names, Reference, known_attributes
from gtsdsl.lsp.symbols import DefiningNode, IdScope, Symbol, SymbolKind, VariableScope
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


class NodeContext(NamedTuple):
    """The surroundings of a node: its scopes, and the innermost block that attributes belong to.

    ``level`` and ``owner`` are the kind and the symbol of this block. The level is None in a method at the top of the
    text, because calls of it may stand in any block.
    """

    scope: VariableScope
    id_scope: IdScope
    level: Level | None
    owner: Symbol | None


_Step: TypeAlias = "tuple[nodes.Statement | nodes.Closure | nodes.Entry, NodeContext]"


def walk(body: nodes.Body, text: str) -> Names:
    """Return the names of a text."""
    return _Walk(text).file(body)


class _Walk:
    """A walk through a tree, with a stack of its own, because a text can make a tree deeper than Python's stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._names = Names()
        self._todo: list[_Step] = []
        self._parameters: dict[str, dict[str, Symbol]] = {}
        self._symbols_by_start: dict[int, Symbol] = {}
        self._visitors = cast(
            "dict[type, Callable[[nodes.Statement, NodeContext], None]]",
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
        """Return the names of a whole text."""
        whole = Span(0, len(self._text))
        top = IdScope(None, whole)
        self._names.id_scopes.append(top)
        scope = self._new_scope(None, whole)
        context = NodeContext(scope, top, None, None)
        types = [statement for statement in body if isinstance(statement, nodes.TypeDefinition)]
        for definition in types:
            symbol = self._define(SymbolKind.TYPE, definition.name, definition)
            self._names.types.setdefault(symbol.name, symbol)
        self._declare_methods(body, scope)
        others = [it for it in body if not isinstance(it, nodes.TypeDefinition | nodes.MethodDefinition)]
        headers = [it for it in others if self._is_header(it, scope)]
        self._visit([it for it in others if it not in headers], context)  # all that follows sees their variables
        self._visit([it for it in body if isinstance(it, nodes.MethodDefinition)], context)
        opened = [self._type(symbol, scope) for symbol in self._names.symbols if symbol.kind is SymbolKind.TYPE]
        for statements, inner in opened:  # all parameters are known now, also those of types further down
            self._visit(statements, inner)
        for header in headers:
            self._header(cast(nodes.Block, header), scope)
        self._names.scopes.sort(key=lambda it: it.span.start)
        return self._names

    def _is_header(self, statement: nodes.Statement, scope: VariableScope) -> bool:
        return (
            isinstance(statement, nodes.Block)
            and scope.find(statement.name.id) is None
            and statement.name.id not in self._names.types
        )

    def _visit(self, statements: list[nodes.Statement], context: NodeContext) -> None:
        self._todo.extend((statement, context) for statement in reversed(statements))
        while self._todo:
            node, its_context = self._todo.pop()
            visitor = self._visitors.get(type(node))
            if visitor is not None:
                visitor(cast(nodes.Statement, node), its_context)
            else:
                self._visit_parts(node, its_context)

    def _visit_parts(self, node: object, context: NodeContext) -> None:
        """Schedule all parts of a node that have a visitor."""
        parts: list[object] = [node]
        steps: list[_Step] = []
        while parts:
            part = parts.pop()
            if part is not node and type(part) in self._visitors:
                steps.append((cast(nodes.Statement, part), context))
            elif isinstance(part, nodes.Property):
                continue
            elif isinstance(part, nodes.Call):
                parts.extend((part.arguments, part.closure))
            elif isinstance(part, tuple):
                parts.extend(it for it in part if isinstance(it, tuple))
        steps.sort(key=lambda step: -step[0].start)
        self._todo.extend(steps)

    def _new_scope(self, parent: VariableScope | None, span: Span) -> VariableScope:
        scope = VariableScope(parent, span)
        self._names.scopes.append(scope)
        return scope

    def _define(self, kind: SymbolKind, name: nodes.Name, node: DefiningNode) -> Symbol:
        symbol = Symbol(kind, name.id, node, places=[Span(name.start, name.end)])
        self._names.symbols.append(symbol)
        return symbol

    def _define_variable(self, name: nodes.Name, node: DefiningNode, scope: VariableScope) -> Symbol:
        symbol = self._define(SymbolKind.VARIABLE, name, node)
        scope.names[name.id] = symbol
        return symbol

    # ------------------------------------------------------------------------------------------------ definitions

    def _declare_methods(self, body: nodes.Body, scope: VariableScope) -> None:
        for statement in body:
            if isinstance(statement, nodes.MethodDefinition):
                scope.names[statement.name.id] = self._define(SymbolKind.METHOD, statement.name, statement)

    def _declare_parameters(self, parameters: tuple[nodes.Parameter, ...], context: NodeContext) -> list[Symbol]:
        """Define parameters as variables; each default sees the parameters before it."""
        symbols = []
        for parameter in parameters:
            if parameter.default is not None:
                self._visit_now(parameter.default, context)
            symbols.append(self._define_variable(parameter.name, parameter, context.scope))
        return symbols

    def _visit_now(self, default: nodes.Value, context: NodeContext) -> None:
        """Visit a default before the nodes that wait. The recursion is shallow: no parameters stand in a default."""
        waiting, self._todo = self._todo, []
        self._visit([cast(nodes.Statement, default)], context)
        self._todo = waiting

    def _type(self, symbol: Symbol, scope: VariableScope) -> tuple[list[nodes.Statement], NodeContext]:
        node = cast(nodes.TypeDefinition, symbol.node)
        outside = self._new_scope(scope, Span(node.name.end, node.end))
        id_scope = IdScope(symbol, Span(node.name.end, node.end))
        self._names.id_scopes.append(id_scope)
        parameters = self._declare_parameters(node.parameters, NodeContext(outside, id_scope, None, None))
        self._parameters.setdefault(symbol.name, {parameter.name: parameter for parameter in parameters})
        inner = self._new_scope(outside, Span(node.name.end, node.end))
        self._declare_methods(node.body, inner)
        return list(node.body), NodeContext(inner, id_scope, Level.TESTBED, symbol)

    def _nested_type(self, node: nodes.TypeDefinition, _context: NodeContext) -> None:
        """Skip a type inside something else, which is an error."""

    def _header(self, node: nodes.Block, scope: VariableScope) -> None:
        symbol = self._define(SymbolKind.TYPE, node.name, node)
        span = Span(node.closure.start, node.end)
        id_scope = IdScope(symbol, span)
        self._names.id_scopes.append(id_scope)
        inner = self._new_scope(scope, span)
        self._declare_methods(node.closure.body, inner)
        self._visit(list(node.closure.body), NodeContext(inner, id_scope, Level.TESTBED, symbol))

    def _method(self, node: nodes.MethodDefinition, context: NodeContext) -> None:
        if context.scope.find(node.name.id) is None:  # a method inside something else is an error
            return
        scope = self._new_scope(context.scope, Span(node.name.end, node.end))
        inner = context._replace(scope=scope)
        self._declare_parameters(node.parameters, inner)
        self._todo.extend((statement, inner) for statement in reversed(node.body))

    def _declaration(self, node: nodes.Declaration, context: NodeContext) -> None:
        self._define_variable(node.name, node, context.scope)
        if node.value is not None:
            self._todo.append((cast(nodes.Statement, node.value), context))

    def _closure(self, node: nodes.Closure, context: NodeContext) -> None:
        scope = self._new_scope(context.scope, Span(node.start, node.end))
        if node.parameters is None:
            scope.names["it"] = Symbol(SymbolKind.VARIABLE, "it", node)
        else:
            for parameter in node.parameters:
                self._define_variable(parameter.name, parameter, scope)
        inner = context._replace(scope=scope)
        self._todo.extend((statement, inner) for statement in reversed(node.body))

    def _branch(self, body: nodes.Body, scope: VariableScope, context: NodeContext) -> None:
        inner = context._replace(scope=scope)
        self._todo.extend((statement, inner) for statement in reversed(body))

    def _span_of(self, body: nodes.Body, end: int) -> Span:
        return Span(body[0].start, end) if body else Span(end, end)

    def _for_in(self, node: nodes.ForIn, context: NodeContext) -> None:
        scope = self._new_scope(context.scope, Span(node.values.end, node.end))
        self._define_variable(node.name, node, scope)
        self._branch(node.body, scope, context)
        self._todo.append((node.values, context))

    def _for(self, node: nodes.For, context: NodeContext) -> None:
        scope = self._new_scope(context.scope, Span(node.start, node.end))
        inner = context._replace(scope=scope)
        self._branch(node.body, self._new_scope(scope, self._span_of(node.body, node.end)), context)
        self._todo.extend((part, inner) for part in (node.step, node.condition, node.first) if part is not None)

    def _if(self, node: nodes.If, context: NodeContext) -> None:
        middle = node.otherwise[0].start - 1 if node.otherwise else node.end
        for body, end in ((node.otherwise, node.end), (node.then, middle)):
            if body:
                self._branch(body, self._new_scope(context.scope, self._span_of(body, end)), context)
        self._todo.append((node.condition, context))

    def _while(self, node: nodes.While, context: NodeContext) -> None:
        self._branch(node.body, self._new_scope(context.scope, self._span_of(node.body, node.end)), context)
        self._todo.append((node.condition, context))

    # ------------------------------------------------------------------------------------------------ blocks

    def _block(self, node: nodes.Block, context: NodeContext) -> None:
        name = node.name.id
        variable = context.scope.find(name)
        if variable is not None and _may_be_called(variable):
            variable.uses.append(Span(node.name.start, node.name.end))
            self._todo.append((cast(nodes.Statement, node.closure), context))
            return
        type_ = self._names.types.get(name)
        if type_ is not None:
            type_.uses.append(Span(node.name.start, node.name.end))
        outer = context.level
        if outer in (Level.TESTBED, None) and name != "port":
            symbol = self._declare(SymbolKind.RESOURCE, node, context)
            level = Level.INSTANCE if type_ is not None else Level.RESOURCE
        elif name == "port" and outer in (Level.TESTBED, Level.RESOURCE, None):
            symbol = self._declare(SymbolKind.PORT, node, context)
            level = Level.PORT
        else:
            symbol = Symbol(SymbolKind.RESOURCE, name, node, context.owner)
            level = Level.BLOCK
        scope = self._new_scope(context.scope, Span(node.closure.start, node.end))
        inner = NodeContext(scope, context.id_scope, level, symbol)
        self._todo.extend((statement, inner) for statement in reversed(node.closure.body))

    def _declare(self, kind: SymbolKind, node: nodes.Block, context: NodeContext) -> Symbol:
        symbol = Symbol(kind, "", node, context.owner)
        self._names.symbols.append(symbol)
        self._symbols_by_start[node.start] = symbol
        if kind is SymbolKind.PORT:
            self._names.ports.append((context.id_scope, symbol))
        owner = context.owner or context.id_scope.type
        if owner is not None:
            self._names.members.setdefault(owner, []).append(symbol)
        return symbol

    def _assignment(self, node: nodes.Assignment, context: NodeContext) -> None:
        target, value = node.target, node.value
        if isinstance(target, nodes.Name):
            owner, level = context.owner, context.level
            if target.id == "id" and owner is not None and level in (Level.RESOURCE, Level.PORT, Level.INSTANCE):
                self._set_id(owner, value, context)
            variable = context.scope.find(target.id)
            block = owner.node.name.id if owner is not None and isinstance(owner.node, nodes.Block) else ""
            if level is Level.INSTANCE and (parameter := self._parameters.get(block, {}).get(target.id)) is not None:
                parameter.uses.append(Span(target.start, target.end))
            elif variable is not None and target.id not in known_attributes(level, block, self._names.types.get(block)):
                variable.uses.append(Span(target.start, target.end))
        else:
            self._todo.append((target, context))
        if type(value) is not nodes.Literal:
            self._todo.append((cast(nodes.Statement, value), context))

    def _set_id(self, owner: Symbol, value: nodes.Value, context: NodeContext) -> None:
        """Name a resource or port after its id."""
        plain = self._plain_string(value)
        if plain is None:
            place = Span(value.start, value.end)
            owner.is_computed = True
            name = self._text[place.start : place.end]
            owner.name = owner.name or (name[1:-1] if name[:1] in "\"'" else name)
        else:
            name, place = plain
            owner.name = owner.name or name
            if owner.kind is SymbolKind.RESOURCE:
                context.id_scope.resources.setdefault(name, owner)
        owner.places.append(place)

    def _plain_string(self, value: nodes.Value) -> tuple[str, Span] | None:
        """Return a string without escapes or interpolation, and its place without the quotes; None for other values."""
        if not isinstance(value, nodes.Literal) or not isinstance(value.value, str):
            return None
        place = Span(value.start + 1, value.end - 1)
        return (value.value, place) if self._text[place.start : place.end] == value.value else None

    # ------------------------------------------------------------------------------------------------ uses

    def _name(self, node: nodes.Name, context: NodeContext) -> None:
        variable = context.scope.find(node.id)
        if variable is not None:
            variable.uses.append(Span(node.start, node.end))
        else:
            self._names.other_words.append((context.id_scope, node.id, Span(node.start, node.end)))

    def _method_call(self, node: nodes.MethodCall, context: NodeContext) -> None:
        variable = context.scope.find(node.name.id)
        if variable is not None:
            variable.uses.append(Span(node.name.start, node.name.end))
        parts = (*node.arguments, *((node.closure,) if node.closure else ()))
        self._todo.extend((cast(nodes.Statement, part), context) for part in reversed(parts))

    def _adjacency(self, node: nodes.AdjacencyOf, context: NodeContext) -> None:
        for end in (node.first, node.second):
            self._names.references.append(self._reference(end, context))

    def _reference(self, end: nodes.Expression, context: NodeContext) -> Reference:
        reference = Reference(context.id_scope, Span(end.start, end.end))
        find = context.scope.find
        if isinstance(end, nodes.Name) and find(end.id) is None:
            reference.resource = ("", Span(end.start, end.start))
            reference.port = (end.id, reference.span)
            return reference
        if isinstance(end, nodes.Postfix):
            last = end.suffixes[-1]
            if isinstance(last, nodes.Property):
                reference.port = (last.name.id, Span(last.name.start, last.name.end))
            elif isinstance(last, nodes.Call) and last.name.id == "port" and len(last.arguments) == 1:
                reference.port = self._plain_string(last.arguments[0])
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
                    reference.variable_value = self._resource_in(variable.node)
        reference.text = self._plain_string(end)
        self._todo.append((end, context))
        return reference

    def _resource_in(self, node: nodes.Declaration) -> Symbol | None:
        """Return the resource that a variable is declared with; None if it is declared with anything else."""
        if not isinstance(node.value, nodes.Block):
            return None
        return self._symbols_by_start.get(node.value.start)


def _may_be_called(variable: Symbol) -> bool:
    node = variable.node
    if isinstance(node, nodes.Declaration):
        return isinstance(node.value, nodes.Closure)
    return isinstance(node, nodes.MethodDefinition)
