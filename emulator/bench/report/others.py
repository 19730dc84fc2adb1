"""The sections about workloads that have no section of their own, such as the user's own commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from emulator.bench.report.common import all_figures, remarks
from emulator.bench.report.groups import measured, workloads
from emulator.bench.report.model import Section
from emulator.bench.report.numbers import slug
from emulator.bench.results import Results
from gtsdsl.text import printable

_KNOWN = ("latency", "throughput", "streaming", "convergence", "store", "encapsulation")
_TITLES = {"command": "Your command"}


def others(results: Results) -> Iterator[Section]:
    """Yield a section with all figures for each such workload."""
    for number, name in enumerate(workloads(results)):
        groups = measured(results, name) if name not in _KNOWN else ()
        if groups:
            table = replace(all_figures(groups, printable(name, 40)), is_folded=False)
            title = _TITLES.get(name, printable(name, 40))
            yield Section(f"other-{number}-{slug(name)}", title, (table, *remarks(groups)))
