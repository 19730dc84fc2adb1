"""How much a file may ask for: a number for each bound, and the meter that watches them."""

from __future__ import annotations

MAX_STEPS = 5_000_000
"""Expressions and statements that are evaluated. A full mesh of 400 hosts takes 4,300,000."""
BLOCK_STEPS = 5
"""What the braces of a resource, a port or a structured attribute count for."""
FAILURE_STEPS = 20
"""What a statement that fails counts for."""
MAX_MADE = 128_000_000
"""Characters of strings and items of collections that are made in all."""
MAX_COLLECTION = 1_000_000
"""Items of a list, a map or a range that is walked."""
MAX_STRING = 100_000
"""Characters of a string."""
MAX_CALLS = 50
"""Methods and closures that wait for one another."""
MAX_TYPES = 20
"""Testbeds inside testbeds."""
MAX_DEPTH = 20
"""Lists and maps inside one another, in a value that is kept or shown."""
MAX_ELEMENTS = 1_000_000
"""Resources, ports and adjacencies."""
MAX_FINDINGS = 100
"""Errors of evaluation before the rest of the file is left alone."""

SCOPE_COST = 128
"""What the variables of one call count for, in characters."""


class BoundPassed(Exception):
    """A file asks for more than a bound allows; evaluation ends."""


class Meter:
    """What a file has asked for so far."""

    def __init__(self) -> None:
        self.steps = 0
        self.made = 0
        self.elements = 0
        self.calls = 0

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise BoundPassed(f"evaluation takes more than {MAX_STEPS} steps; does a loop never end?")

    def make(self, count: int) -> None:
        self.made += count
        if self.made > MAX_MADE:
            raise BoundPassed(f"more than {MAX_MADE} characters and items are made in all")

    def element(self, *names: str) -> None:
        """Count a resource, a port or an adjacency, and the names that it is written with each time."""
        self.elements += 1
        self.make(sum(map(len, names)))
        if self.elements > MAX_ELEMENTS:
            raise BoundPassed(f"more than {MAX_ELEMENTS} resources, ports and adjacencies")

    def string(self, text: str) -> str:
        """Count a string that was made."""
        if len(text) > MAX_STRING:
            raise BoundPassed(f"a string has more than {MAX_STRING} characters")
        self.make(len(text) + 1)
        return text

    def grow(self, size: int) -> None:
        """Count an item that is added to a collection of a size."""
        if size >= MAX_COLLECTION:
            raise BoundPassed(f"a collection has more than {MAX_COLLECTION} items")
        self.make(1)

    def collection(self, size: int) -> None:
        """Count a collection before it is made."""
        if size > MAX_COLLECTION:
            raise BoundPassed(f"a collection has more than {MAX_COLLECTION} items")
        self.make(size + 1)
