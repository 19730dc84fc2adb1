"""Questions about the user's terminal and machine that decide how a run starts."""

from __future__ import annotations

import sys

from gtsdsl.cli.errors import complain


def is_person() -> bool:
    """Return whether standard input and output are both terminals, so that a person can type and read."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def warn_if_unconfined() -> None:
    """Warn the user if nothing on this machine keeps a guest from the user's files."""
    from emulator.kernel.confine import landlock_version, unconfined

    if (version := landlock_version()) == 0:  # `gtsdsl doctor` reports what older versions of Landlock leave open
        complain("warning", f"this kernel has no Landlock: {unconfined(version)}")
