"""Completion of a line of the shell, for the shell in the network and for the prompt outside of it."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.mininet.impair import LINK_WORDS
from gtsdsl.topology.naming import SHELL_COMMANDS

PROMPT = "gtsdsl> "
HISTORY = "history"
"""The file in the shared folder that the shell leaves the typed lines in."""


def complete(names: Sequence[str], circuits: Sequence[str], before: str, text: str) -> list[str]:
    """Return the words that complete ``text``, which follows ``before`` on its line.

    ``names`` are those of hosts, switches and containers, ``circuits`` the ids of circuits.
    """
    words = before.split()
    if not words:
        candidates: Sequence[str] = (*SHELL_COMMANDS, *names)
    elif words[0] == "link":
        candidates = circuits if len(words) == 1 else LINK_WORDS
    elif words[0] == "capture":
        candidates = circuits if len(words) == 1 else ("stop",)
    else:
        candidates = names
    return [word for word in candidates if word.startswith(text)]
