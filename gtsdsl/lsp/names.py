"""Names and references of a text, before references are bound to the symbols that they name."""

from __future__ import annotations

from dataclasses import dataclass, field

from gtsdsl.evaluate.runtime import Level
from gtsdsl.lsp.symbols import IdScope, Symbol, VariableScope
from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes


@dataclass(slots=True)
class Reference:
    """An end of an adjacency."""

    id_scope: IdScope
    span: Span
    resource: tuple[str, Span] | None = None
    """The id of the resource and its place, if the id is written letter by letter; else None."""
    port: tuple[str, Span] | None = None
    """The id of the port and its place, if the id is written letter by letter; else None."""
    text: tuple[str, Span] | None = None
    """A string that holds both ids, which `index` splits, and its place without the quotes."""
    variable_value: Symbol | None = None
    """The resource that a variable holds, if the end of the adjacency names the variable."""


@dataclass(slots=True)
class Names:
    """The names of a text, in lists that `walk` fills."""

    id_scopes: list[IdScope] = field(default_factory=list)
    types: dict[str, Symbol] = field(default_factory=dict)
    symbols: list[Symbol] = field(default_factory=list)
    scopes: list[VariableScope] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    members: dict[Symbol, list[Symbol]] = field(default_factory=dict)
    """The resources and ports of a type, and the ports of a resource."""
    ports: list[tuple[IdScope, Symbol]] = field(default_factory=list)
    other_words: list[tuple[IdScope, str, Span]] = field(default_factory=list)
    """Words that are no variables and may be ids of resources."""


def known_attributes(level: Level | None, name: str, type_: Symbol | None) -> frozenset[str]:
    """Return the words that are attributes inside a block, even if variables have the same names.

    ``name`` is the word before the braces; ``type_`` is the type of this name, if there is one.
    """
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
    """Return the parameters of a type, by name."""
    if type_ is None or not isinstance(type_.node, nodes.TypeDefinition):
        return {}
    return {parameter.name.id: parameter for parameter in type_.node.parameters}
