"""Testbed to what is wrong with it: a file a family of rules."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import Testbed
from gtsdsl.rules.attributes import check_attributes
from gtsdsl.rules.ids import check_ids
from gtsdsl.rules.index import Index, path_bound
from gtsdsl.rules.topology import check_topology
from gtsdsl.rules.values import check_values
from gtsdsl.rules.wiring import check_wiring
from gtsdsl.source import Source

__all__ = ["apply"]


def apply(testbed: Testbed, source: Source) -> Iterator[Diagnostic]:
    """Yield all that is wrong with a testbed and with those nested in it, in no particular order.

    What a loop or a type that is used twice repeats comes again and again: `Findings` takes it once.
    """
    passed = path_bound(testbed, source)
    if passed is not None:
        yield passed
        return
    index = Index(testbed, source)
    for check in (check_ids, check_attributes, check_values, check_wiring, check_topology):
        yield from check(index)
