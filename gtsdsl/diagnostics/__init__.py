"""What is wrong with an input, and how it is shown."""

from gtsdsl.diagnostics.codes import CODES, Code, Severity
from gtsdsl.diagnostics.error import GtsError
from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic, Hints, Note, did_you_mean, printable, told

__all__ = [
    "CODES",
    "Code",
    "Diagnostic",
    "Findings",
    "GtsError",
    "Hints",
    "Note",
    "Severity",
    "did_you_mean",
    "printable",
    "told",
]
