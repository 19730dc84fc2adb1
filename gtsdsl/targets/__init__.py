"""Output formats: a module for each, and the functions that choose it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING

from gtsdsl.collector import without_collector
from gtsdsl.diagnostics import Diagnostic
from gtsdsl.diagnostics.findings import MAX_FOUND, Findings
from gtsdsl.model.testbed import Testbed
from gtsdsl.source import Source

if TYPE_CHECKING:
    from gtsdsl.targets.remark import Remark

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
"""The name of each format and the module that holds it.

Each module has ``write(testbed) -> str``. A module whose format cannot hold everything also has
``remarks(testbed) -> Iterator[Remark]``.
"""


def compile_to(testbed: Testbed, target: str) -> str:
    """Return a testbed as text in one of `FORMATS`, with a line feed at the end; equal testbeds have equal texts.

    Raises:
        ValueError: ``target`` is not a format, or the format cannot hold the testbed.
    """
    if target not in FORMATS:
        raise ValueError(f"no format {target!r}: use one of {', '.join(FORMATS)}")
    with without_collector():
        text = _module(target).write(testbed)
    if not isinstance(text, str):
        raise TypeError(f"gtsdsl.targets.{FORMATS[target]}.write must return a text")
    return text


def warnings(testbed: Testbed, target: str, source: Source) -> Findings:
    """Return warnings about the parts of a testbed that a format changes or leaves out (GTS050).

    ``source`` is the text of the testbed.
    """
    module = _module(target)
    remarks: Iterable[Remark] = module.remarks(testbed) if hasattr(module, "remarks") else ()
    found = (Diagnostic("GTS050", it.message, source, it.place, hint=it.hint) for it in remarks)
    return Findings.of(islice(found, MAX_FOUND))


def _module(target: str) -> ModuleType:
    return importlib.import_module(f"gtsdsl.targets.{FORMATS[target]}")
