"""Objects of one kind that a package has in modules of their own: the modules' names are the objects' names."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from emulator.system.errors import UnknownNameError
from gtsdsl.text import nearest_or_all, printable


class NamedModules:
    """The modules of a package that have an object called ``attribute``; ``noun`` names its kind in an error.

    ``path`` is the package's ``__path__``. ``others`` are the names of its modules that have no such object.
    """

    def __init__(self, package: str, path: Iterable[str], attribute: str, noun: str, others: Iterable[str]) -> None:
        self._package = package
        self._path = path
        self._attribute = attribute
        self._noun = noun
        self._others = frozenset(others)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all objects in alphabetical order."""
        return tuple(sorted(item.name for item in pkgutil.iter_modules(self._path) if item.name not in self._others))

    def find(self, name: str) -> Any:
        """Return an object by its name, after importing its module.

        Raises:
            UnknownNameError: no object has this name.
        """
        if not name:
            raise UnknownNameError(f"the name of the {self._noun} is empty; {nearest_or_all(name, self.names)}")
        if name not in self.names:
            known = nearest_or_all(name, self.names)
            raise UnknownNameError(f"unknown {self._noun} {printable(name, 80)}; {known}")
        return getattr(importlib.import_module(f"{self._package}.{name}"), self._attribute)
