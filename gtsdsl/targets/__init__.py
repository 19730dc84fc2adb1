"""Output formats: a file each, and one function that finds the right one."""

from __future__ import annotations

import importlib

from gtsdsl.testbed import Testbed

FORMATS = {
    "gts-json": "gts_json",
    "dsl": "dsl",
    "editor-json": "editor_json",
    "graphml": "graphml",
    "node-link": "node_link",
    "dot": "dot",
    "containerlab": "containerlab",
    "mininet": "mininet",
}
"""The name of each format and the module that holds it; each module has ``write(testbed) -> str``."""


def compile_to(testbed: Testbed, target: str) -> str:
    """The testbed as text in one of `FORMATS`, ending in a newline; the same testbed gives the same text, always.

    Raises:
        ValueError: there is no such format.
    """
    if target not in FORMATS:
        raise ValueError(f"no format {target!r}; there are {', '.join(FORMATS)}")
    text = importlib.import_module(f"gtsdsl.targets.{FORMATS[target]}").write(testbed)
    if not isinstance(text, str):
        raise TypeError(f"gtsdsl.targets.{FORMATS[target]}.write gave no text")
    return text
