"""The findings of one source: the first ones in the order of the text, and the number of the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from gtsdsl.diagnostics.model import Diagnostic

MAX_FINDINGS = 5_000
"""The most findings of one source that are kept; the others are counted. (GitHub shows 5,000 of a SARIF file.)"""
MAX_FOUND = 100_000
"""The most different findings of one source that are collected, in about 2 s; a large file can have two million."""


class Findings(tuple[Diagnostic, ...]):
    """The kept findings of one source; ``errors`` and ``warnings`` count the omitted findings too."""

    errors: int
    warnings: int

    def __new__(cls, kept: Iterable[Diagnostic] = (), errors: int | None = None, warnings: int | None = None) -> Self:
        """Keep findings as they are; ``errors`` and ``warnings`` default to the numbers of kept ones."""
        self = super().__new__(cls, kept)
        of_kept = sum(finding.is_error for finding in self)
        self.errors = of_kept if errors is None else errors
        self.warnings = len(self) - of_kept if warnings is None else warnings
        return self

    @property
    def omitted(self) -> int:
        """The number of findings that are not kept."""
        return self.errors + self.warnings - len(self)

    @classmethod
    def of(cls, found: Iterable[Diagnostic]) -> Self:
        """Collect the findings of one source, each once: those about the whole source, then the order of the text.

        ``found`` is read up to `MAX_FOUND` different findings; if it has more, the last kept finding is an error that
        says so.
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
