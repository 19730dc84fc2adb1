"""Limits of the evaluation of a source, and the meter that enforces them."""

from __future__ import annotations

from gtsdsl.evaluate.errors import LimitError
from gtsdsl.model.values import MAX_STRING

MAX_STEPS = 10_000_000
"""Greatest number of steps. An expression or a statement is one step; an operation takes more, by the size of its
operands. A full mesh of 400 hosts takes 6,000,000."""
BLOCK_STEPS = 5
"""Steps that the braces of a resource, a port or a structured attribute count as."""
FAILURE_STEPS = 20
"""Steps that a statement that fails counts as."""
MAX_ALLOCATION = 200_000_000
"""Greatest number of characters that are made in all. Values other than strings count as about their size in bytes."""
MAX_COLLECTION = 1_000_000
"""Greatest number of items of a list, a map or a range that a loop goes over."""
MAX_CALLS = 50
"""Greatest number of calls of methods and closures inside one another."""
MAX_NESTED_TESTBEDS = 20
"""Greatest number of testbeds inside one another."""
MAX_VALUE_DEPTH = 20
"""Greatest number of lists and maps inside one another, in a value that is compared, printed or set as an attribute."""
MAX_ELEMENTS = 1_000_000
"""Greatest number of resources, ports and adjacencies; a resource counts as `RESOURCE_WEIGHT` of them."""
MAX_FINDINGS = 100
"""Greatest number of errors; after them, the rest of the source is not evaluated."""

SCOPE_COST = 128
"""Characters that the variables of one call count as."""
ITEM_COST = 16
"""Characters that an item of a list counts as."""
ENTRY_COST = 100
"""Characters that an entry of a map counts as, beside its key."""
ATTRIBUTE_COST = 128
"""Characters that an attribute counts as, beside its name and its value."""
ELEMENT_COST = 64
"""Characters that a port or an adjacency counts as, beside its names."""
RESOURCE_WEIGHT = 4
"""Elements that a resource counts as: it takes the memory of four ports."""
ELEMENT_STEPS = 3
"""Steps that an element counts as, because the rules look at each."""
STEP_CHARACTERS = 64
"""Characters that are copied or compared in the time of one step."""


class Meter:
    """The counters of one evaluation: steps, characters, elements, calls. A method raises `LimitError` at a limit."""

    def __init__(self) -> None:
        self.steps = 0
        self.allocation = 0
        self.elements = 0
        self.calls = 0

    def step(self, count: int = 1) -> None:
        """Count steps of evaluation."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise LimitError(f"evaluation takes more than {MAX_STEPS} steps; does a loop never end?")

    def allocate(self, count: int) -> None:
        """Count characters before they are made."""
        self.allocation += count
        self.steps += count // STEP_CHARACTERS
        if self.allocation > MAX_ALLOCATION:
            raise LimitError(f"more than {MAX_ALLOCATION} characters and items are made in all")

    def element(self, *names: str, weight: int = 1) -> None:
        """Count a resource, a port or an adjacency, with the names that are printed for it."""
        self.elements += weight
        self.allocate(sum(map(len, names)) + weight * ELEMENT_COST)
        self.step(ELEMENT_STEPS)
        if self.elements > MAX_ELEMENTS:
            raise LimitError(f"more than {MAX_ELEMENTS} resources, ports and adjacencies")

    def string(self, text: str) -> str:
        """Count a new string, and return it."""
        if len(text) > MAX_STRING:
            raise LimitError(f"a string has more than {MAX_STRING} characters")
        self.allocate((len(text) if text.isascii() else 4 * len(text)) + 1)
        return text

    def grow(self, size: int, cost: int) -> None:
        """Count an item that is added to a collection of ``size`` items; ``cost`` is in characters."""
        if size >= MAX_COLLECTION:
            raise LimitError(f"a collection has more than {MAX_COLLECTION} items")
        self.allocate(cost)

    def list_of(self, size: int) -> None:
        """Count a list of ``size`` items before it is made."""
        self._collection(size, ITEM_COST)

    def map_of(self, size: int) -> None:
        """Count a map of ``size`` entries before it is made."""
        self._collection(size, ENTRY_COST)

    def _collection(self, size: int, cost: int) -> None:
        if size > MAX_COLLECTION:
            raise LimitError(f"a collection has more than {MAX_COLLECTION} items")
        self.allocate((size + 1) * cost)
