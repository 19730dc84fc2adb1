"""What is kept of all that is found in one source: the first findings in the order of the text, and how many more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from gtsdsl.diagnostics.model import Diagnostic

MAX_FINDINGS = 5_000
"""So many findings of one source are kept; the rest is counted. (GitHub shows 5,000 of a SARIF file.)"""
MAX_FOUND = 100_000
"""So many different findings of one source are looked for. They take 2 s; a large file can have two million."""


class Findings(tuple[Diagnostic, ...]):
    """The findings that are kept of one source. ``errors`` and ``warnings`` count those that are not kept, too."""

    errors: int
    warnings: int

    def __new__(cls, kept: Iterable[Diagnostic] = (), errors: int | None = None, warnings: int | None = None) -> Self:
        """Findings as they stand. ``errors`` and ``warnings`` are the numbers of those kept unless stated."""
        self = super().__new__(cls, kept)
        of_kept = sum(finding.is_error for finding in self)
        self.errors = of_kept if errors is None else errors
        self.warnings = len(self) - of_kept if warnings is None else warnings
        return self

    @property
    def omitted(self) -> int:
        """How many findings there were beyond those kept."""
        return self.errors + self.warnings - len(self)

    @classmethod
    def of(cls, found: Iterable[Diagnostic]) -> Self:
        """Take what is found in one source: each finding once, in the order of the text, those about the whole first.

        ``found`` is not read beyond `MAX_FOUND` different findings; then the last one kept says so, as an error.
        """
        distinct: dict[tuple[object, ...], Diagnostic] = {}
        last: list[Diagnostic] = []
        for finding in found:
            distinct.setdefault((finding.code, finding.message, finding.place), finding)
            if len(distinct) > MAX_FOUND:
                distinct.popitem()
                message = f"the input has more than {MAX_FOUND} mistakes: the rest was not looked for"
                last.append(Diagnostic("GTS012", message, finding.source, finding.place))
                break
        in_order = sorted(distinct.values(), key=_start)
        everything = cls(in_order + last)
        kept = in_order[: MAX_FINDINGS - len(last)] + last
        return cls(kept, everything.errors, everything.warnings)


def _start(finding: Diagnostic) -> int:
    return -1 if finding.place is None else finding.source.span(finding.place).start
