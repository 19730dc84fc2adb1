"""Testbed to findings: a module for each family of rules."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.testbed import Testbed
from gtsdsl.rules.addresses import check_addresses
from gtsdsl.rules.attributes import check_attributes
from gtsdsl.rules.ids import check_ids
from gtsdsl.rules.index import Index, check_paths
from gtsdsl.rules.topology import check_topology
from gtsdsl.rules.values import check_values
from gtsdsl.rules.wiring import check_wiring
from gtsdsl.source import Source

__all__ = ["apply"]


def apply(testbed: Testbed, source: Source) -> Iterator[Diagnostic]:
    """Yield the findings about a testbed and its nested testbeds, in no particular order.

    A finding that a loop or a repeated type causes is yielded each time; `Findings` keeps it once.
    """
    too_long = check_paths(testbed, source)
    if too_long is not None:
        yield too_long
        return
    index = Index(testbed, source)
    for check in (check_ids, check_attributes, check_values, check_wiring, check_topology, check_addresses):
        yield from check(index)
