"""Diagnostics: the findings about an input, and the formats that show them."""

from gtsdsl.diagnostics.codes import CODES, Code, Severity
from gtsdsl.diagnostics.error import GtsError
from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic, Note

__all__ = [
    "CODES",
    "Code",
    "Diagnostic",
    "Findings",
    "GtsError",
    "Note",
    "Severity",
]
