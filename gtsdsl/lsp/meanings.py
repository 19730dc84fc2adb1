"""A line on each word of the language, for completion and hover."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        "adjacency": "Joins two ports: `adjacency h1.p1, l1.src`.",
        "type": "Defines a testbed that others can be made of: `type Mesh(n = 5) { … }`.",
        "def": "Declares a variable, `def n = 5`, or a method, `def mesh(n) { … }`.",
        "if": "`if (condition) { … } else { … }`",
        "else": "What is done where the condition does not hold.",
        "for": "`for (x in values) { … }` or `for (int i = 0; i < n; i++) { … }`",
        "while": "`while (condition) { … }`",
        "in": "What a loop goes over.",
        "return": "Ends a method with a value.",
        "break": "Leaves a loop.",
        "continue": "Goes on with the next round of a loop.",
        "int": "Declares a whole number.",
        "Integer": "Declares a whole number.",
        "String": "Declares a text.",
        "List": "Declares a list.",
        "Map": "Declares a map.",
        "true": "The boolean that holds.",
        "false": "The boolean that does not hold.",
        "null": "No value.",
        "it": "The one argument of a closure that names none.",
        "port": "A port of a resource, or, directly in a type, one for the outside: an adjacency inside binds it.",
    }
)

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "each": "Runs a closure for each item: `(0..<n).each { i -> … }`.",
        "eachWithIndex": "Runs a closure for each item and its number: `xs.eachWithIndex { x, i -> … }`.",
        "collect": "The list of what a closure makes of each item.",
        "findAll": "The items for which a closure holds.",
        "size": "How many items, or characters, there are.",
        "join": 'The items as one text with something between them: `xs.join(", ")`.',
        "first": "The first item.",
        "last": "The last item.",
        "contains": "Whether an item, or a piece of text, is in it.",
        "step": "Every so many: `(0..<n).step(2)`, `0.step(10, 2) { … }`.",
        "toString": "The value as a text.",
        "toUpperCase": "The text in capitals.",
        "toLowerCase": "The text in small letters.",
        "times": "Runs a closure for 0, 1, … below the number.",
        "upto": "Runs a closure from the number up to another: `1.upto(n) { i -> … }`.",
        "port": 'A port of a resource by its id: `h.port("p${i}")`.',
    }
)

OF_SEQUENCES = ("each", "eachWithIndex", "collect", "findAll", "size", "join", "first", "last", "contains", "step")
OF_STRINGS = ("size", "contains", "toUpperCase", "toLowerCase", "toString")
OF_NUMBERS = ("times", "upto", "step", "toString")
OF_MAPS = ("each", "eachWithIndex", "collect", "findAll", "size")
OF_RESOURCES = ("port",)
