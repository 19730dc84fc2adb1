"""What is wrong with an input, and how it is shown."""

from gtsdsl.diagnostics.codes import CODES, Code, Severity
from gtsdsl.diagnostics.model import Diagnostic, GtsError, Note, did_you_mean, printable, told

__all__ = ["CODES", "Code", "Diagnostic", "GtsError", "Note", "Severity", "did_you_mean", "printable", "told"]
