"""Compile, check, draw and emulate GTS topologies.

    >>> import gtsdsl
    >>> testbed = gtsdsl.load("examples/full_mesh.dsl")
    >>> graph = gtsdsl.to_graph(testbed)
    >>> print(gtsdsl.compile_to(testbed, "gts-json"))

A name's module is imported when the name is first used, because networkx alone takes longer to import than a small
file takes to check.
"""

import importlib

TYPE_CHECKING = False  # as type checkers know it: the import of `typing` would be the longest before Ctrl-C is set up
if TYPE_CHECKING:
    from typing import Any

    from gtsdsl.diagnostics import Diagnostic, GtsError
    from gtsdsl.graph import from_graph, to_graph
    from gtsdsl.loading import load, loads
    from gtsdsl.model.testbed import Testbed
    from gtsdsl.targets import compile_to

    emulate: Any  # `emulator.emulate` has its type: no module of the compiler imports the emulator

__version__ = "0.1.0"

_HOMES = {
    "Diagnostic": "gtsdsl.diagnostics",
    "GtsError": "gtsdsl.diagnostics",
    "Testbed": "gtsdsl.model.testbed",
    "compile_to": "gtsdsl.targets",
    "emulate": "emulator",
    "from_graph": "gtsdsl.graph",
    "load": "gtsdsl.loading",
    "loads": "gtsdsl.loading",
    "to_graph": "gtsdsl.graph",
}

__all__ = ["Diagnostic", "GtsError", "Testbed", "compile_to", "emulate", "from_graph", "load", "loads", "to_graph"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'gtsdsl' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
