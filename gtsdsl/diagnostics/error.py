"""An input that has errors, as an exception."""

from __future__ import annotations

from collections.abc import Iterable

from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic


class GtsError(Exception):
    """An input that has errors; ``diagnostics`` holds what is kept of all that was found, warnings too."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = diagnostics if isinstance(diagnostics, Findings) else Findings.of(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from gtsdsl.diagnostics.text import render

        return render(self.diagnostics, color=False)
