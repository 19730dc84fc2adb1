"""The exception for an input that has errors."""

from __future__ import annotations

from collections.abc import Iterable

from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic


class GtsError(Exception):
    """An input has errors; ``diagnostics`` holds its findings, including warnings, up to `MAX_FINDINGS`."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = diagnostics if isinstance(diagnostics, Findings) else Findings.of(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from gtsdsl.diagnostics.text import render

        return render(self.diagnostics, color=False)
