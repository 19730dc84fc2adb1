"""Errors of evaluation, and the jumps that leave a loop or a method."""

from __future__ import annotations

from gtsdsl.source import Span


class OperationError(Exception):
    """An operation that cannot be done: a diagnostic without a place."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def at(self, span: Span) -> PlacedError:
        """Return the same error with a place."""
        return PlacedError(self.code, self.message, span, self.hint)


class PlacedError(Exception):
    """An error of evaluation with the place of the node that is wrong."""

    def __init__(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.hint = hint


class ReportedError(Exception):
    """A value is missing because of an error that has been reported already."""


class TooManyFindingsError(Exception):
    """Evaluation ends because the source has `MAX_FINDINGS` errors, all of them reported."""


class LimitError(Exception):
    """Evaluation ends because the source needs more than a limit allows."""


class Jump(Exception):
    """The exception by which a statement leaves a loop, a method or a closure."""

    word: str
    """The keyword of the statement."""
    surroundings: str
    """The block or loop that the statement leaves, in the words of messages."""


class Break(Jump):
    """The exception by which ``break`` leaves its loop."""

    word = "break"
    surroundings = "loop"


class Continue(Jump):
    """The exception by which ``continue`` ends a round of its loop."""

    word = "continue"
    surroundings = "loop"
