"""How much a file may ask for: a number for each bound, and the meter that watches them."""

from __future__ import annotations

from gtsdsl.model.values import MAX_STRING

MAX_STEPS = 10_000_000
"""Steps of evaluation. An expression or a statement is one; an operation takes more, by the size of what it touches.
A full mesh of 400 hosts takes 6,000,000."""
BLOCK_STEPS = 5
"""What the braces of a resource, a port or a structured attribute count for."""
FAILURE_STEPS = 20
"""What a statement that fails counts for."""
MAX_MADE = 200_000_000
"""Characters that are made in all. What is no string counts for about as much memory as it takes."""
MAX_COLLECTION = 1_000_000
"""Items of a list, a map or a range that is walked."""
MAX_CALLS = 50
"""Methods and closures that wait for one another."""
MAX_TYPES = 20
"""Testbeds inside testbeds."""
MAX_DEPTH = 20
"""Lists and maps inside one another, in a value that is kept or shown."""
MAX_ELEMENTS = 1_000_000
"""Resources, ports and adjacencies; a resource counts as `RESOURCE_WEIGHT`."""
MAX_FINDINGS = 100
"""Errors of evaluation before the rest of the file is left alone."""

SCOPE_COST = 128
"""What the variables of one call count for, in characters."""
ITEM_COST = 16
"""What an item of a list counts for, in characters."""
ENTRY_COST = 100
"""What an entry of a map counts for, in characters, beside its key."""
ATTRIBUTE_COST = 128
"""What an attribute counts for, in characters, beside its name and its value."""
ELEMENT_COST = 64
"""What a port or an adjacency counts for, in characters, beside its names."""
RESOURCE_WEIGHT = 4
"""As how many elements a resource counts: it takes the memory of four ports."""
ELEMENT_STEPS = 3
"""What an element counts for in steps: the rules look at each."""
STEP_CHARACTERS = 64
"""So many characters are copied or compared in the time of one step."""


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
        self.steps += count // STEP_CHARACTERS
        if self.made > MAX_MADE:
            raise BoundPassed(f"more than {MAX_MADE} characters and items are made in all")

    def element(self, *names: str, weight: int = 1) -> None:
        """Count a resource, a port or an adjacency, and the names that it is written with each time."""
        self.elements += weight
        self.make(sum(map(len, names)) + weight * ELEMENT_COST)
        self.step(ELEMENT_STEPS)
        if self.elements > MAX_ELEMENTS:
            raise BoundPassed(f"more than {MAX_ELEMENTS} resources, ports and adjacencies")

    def string(self, text: str) -> str:
        """Count a string that was made."""
        if len(text) > MAX_STRING:
            raise BoundPassed(f"a string has more than {MAX_STRING} characters")
        self.make((len(text) if text.isascii() else 4 * len(text)) + 1)
        return text

    def grow(self, size: int, cost: int) -> None:
        """Count an item of a cost that is added to a collection of a size."""
        if size >= MAX_COLLECTION:
            raise BoundPassed(f"a collection has more than {MAX_COLLECTION} items")
        self.make(cost)

    def list_of(self, size: int) -> None:
        """Count a list before it is made."""
        self._collection(size, ITEM_COST)

    def map_of(self, size: int) -> None:
        """Count a map before it is made."""
        self._collection(size, ENTRY_COST)

    def _collection(self, size: int, cost: int) -> None:
        if size > MAX_COLLECTION:
            raise BoundPassed(f"a collection has more than {MAX_COLLECTION} items")
        self.make((size + 1) * cost)
