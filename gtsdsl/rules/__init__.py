"""Testbed to what is wrong with it: a file a family of rules."""

from __future__ import annotations

from itertools import chain

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.rules.attributes import check_attributes
from gtsdsl.rules.ids import check_ids
from gtsdsl.rules.index import Index
from gtsdsl.rules.topology import check_topology
from gtsdsl.rules.values import check_values
from gtsdsl.rules.wiring import check_wiring
from gtsdsl.source import Source
from gtsdsl.testbed import Testbed

__all__ = ["apply"]


def apply(testbed: Testbed, source: Source) -> list[Diagnostic]:
    """All that is wrong with a testbed and with those nested in it, in no particular order.

    Two findings are never the same: what a loop or a type that is used twice repeats is said once.
    """
    index = Index(testbed, source)
    families = (check_ids, check_attributes, check_values, check_wiring, check_topology)
    found: dict[tuple[object, ...], Diagnostic] = {}
    for finding in chain.from_iterable(check(index) for check in families):
        found.setdefault((finding.code, finding.message, finding.place), finding)
    return list(found.values())
