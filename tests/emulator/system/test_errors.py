"""Messages of errors in a line, and their exit statuses."""

from __future__ import annotations

import pytest

from emulator.system.errors import (
    EmulationError,
    GuestFailedError,
    GuestPanickedError,
    GuestStalledError,
    GuestTimeoutError,
    OverlayError,
    UntrustedError,
    in_a_line,
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (EmulationError("no kernel"), "no kernel"),
        (ValueError("odd\x1b[31m"), "ValueError: odd\\x1b[31m"),
        (UntrustedError("others may write /tmp/x", "chmod go-w /tmp/x"), "others may write /tmp/x: chmod go-w /tmp/x"),
    ],
)
def test_an_error_is_one_printable_line(error: Exception, line: str) -> None:
    assert in_a_line(error) == line


def test_a_long_message_is_cut() -> None:
    assert len(in_a_line(EmulationError("x" * 100_000))) < 1100


def test_exit_statuses_tell_the_kinds_apart() -> None:
    kinds = (EmulationError, OverlayError, GuestTimeoutError, GuestStalledError, GuestFailedError, GuestPanickedError)
    assert [kind.exit_status for kind in kinds] == [3, 2, 124, 125, 125, 125]
