"""Groups of items that can be merged (union-find)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Groups(Generic[Item]):
    """Disjoint groups of items; at first, each item is a group of its own."""

    def __init__(self) -> None:
        self._parents: dict[Item, Item] = {}

    def root(self, item: Item) -> Item:
        """Return the item that stands for the group of an item."""
        parents = self._parents
        while (parent := parents.setdefault(item, item)) != item:
            parents[item] = parents[parent]  # halve the way for the next search
            item = parents[item]
        return item

    def merge(self, first: Item, second: Item) -> bool:
        """Put two items into one group, under the root of the first; return False if they were in one already."""
        kept, other = self.root(first), self.root(second)
        self._parents[other] = kept
        return kept != other
