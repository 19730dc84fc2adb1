"""Meanings of keywords and methods, a line each, which completion and hover show."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        "adjacency": "Joins two ports: `adjacency h1.p1, l1.src`.",
        "type": "Defines a testbed that others can be made of: `type Mesh(n = 5) { … }`.",
        "def": "Declares a variable, `def n = 5`, or a method, `def mesh(n) { … }`.",
        "if": "`if (condition) { … } else { … }`",
        "else": "Begins the statements to run if the condition does not hold.",
        "for": "`for (x in values) { … }` or `for (int i = 0; i < n; i++) { … }`",
        "while": "`while (condition) { … }`",
        "in": "Stands before the values that a loop goes over.",
        "return": "Ends a method with a value.",
        "break": "Leaves a loop.",
        "continue": "Begins the next round of a loop.",
        "int": "Declares a whole number.",
        "Integer": "Declares a whole number.",
        "String": "Declares a text.",
        "List": "Declares a list.",
        "Map": "Declares a map.",
        "true": "The boolean value true.",
        "false": "The boolean value false.",
        "null": "No value.",
        "it": "The argument of a closure that declares no parameters.",
        "port": "A port of a resource, or, directly in a type, an exported port, which an adjacency in the type binds.",
    }
)

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "each": "Runs a closure for each item: `(0..<n).each { i -> … }`.",
        "eachWithIndex": "Runs a closure for each item and its number: `xs.eachWithIndex { x, i -> … }`.",
        "collect": "A list of the results of a closure for each item.",
        "findAll": "The items for which a closure is true.",
        "size": "The number of items or characters.",
        "join": 'The items as one text, with a separator between them: `xs.join(", ")`.',
        "first": "The first item.",
        "last": "The last item.",
        "contains": "True if the list has an item, or the text a piece.",
        "step": "Every second item: `(0..<n).step(2)`; 0, 2, 4 and so on below 10: `0.step(10, 2) { … }`.",
        "toString": "The value as a text.",
        "toUpperCase": "The text in capitals.",
        "toLowerCase": "The text in small letters.",
        "times": "Runs a closure for 0, 1, … below the number.",
        "upto": "Runs a closure from the number up to another: `1.upto(n) { i -> … }`.",
        "port": 'A port of a resource by its id: `h.port("p${i}")`.',
    }
)

SEQUENCE_METHODS = ("each", "eachWithIndex", "collect", "findAll", "size", "join", "first", "last", "contains", "step")
STRING_METHODS = ("size", "contains", "toUpperCase", "toLowerCase", "toString")
NUMBER_METHODS = ("times", "upto", "step", "toString")
MAP_METHODS = ("each", "eachWithIndex", "collect", "findAll", "size")
RESOURCE_METHODS = ("port",)
