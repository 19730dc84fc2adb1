"""Output formats: a file each, and one function that finds the right one."""

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

Each module has ``write(testbed) -> str``. One whose format cannot say all that a testbed says has
``remarks(testbed) -> Iterator[Remark]`` besides.
"""


def compile_to(testbed: Testbed, target: str) -> str:
    """The testbed as text in one of `FORMATS`, ending in a newline; the same testbed gives the same text, always.

    Raises:
        ValueError: there is no such format.
    """
    if target not in FORMATS:
        raise ValueError(f"no format {target!r}; there are {', '.join(FORMATS)}")
    with without_collector():
        text = _module(target).write(testbed)
    if not isinstance(text, str):
        raise TypeError(f"gtsdsl.targets.{FORMATS[target]}.write gave no text")
    return text


def warnings(testbed: Testbed, target: str, source: Source) -> Findings:
    """Return what a format does not say as the testbed, which comes from ``source``, says it (GTS050)."""
    module = _module(target)
    remarks: Iterable[Remark] = module.remarks(testbed) if hasattr(module, "remarks") else ()
    found = (Diagnostic("GTS050", it.message, source, it.place, hint=it.hint) for it in remarks)
    return Findings.of(islice(found, MAX_FOUND))


def _module(target: str) -> ModuleType:
    return importlib.import_module(f"gtsdsl.targets.{FORMATS[target]}")
