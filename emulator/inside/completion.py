"""A line that a person types in the shell to what its next word may be."""

from __future__ import annotations

from collections.abc import Sequence

PROMPT = "gtsdsl> "
HISTORY = "history"
"""The file, in the folder that both sides share, with the lines that were typed."""
VERBS = tuple(
    "capture dpctl dump exit gterm help intfs iperf iperfudp link links net nodes noecho overlay pingall pingallfull"
    " pingpair pingpairfull ports px py quit rtt sh source switch time x xterm".split()
)
"""The shell's commands. A prompt that is not where the network is knows them without loading Mininet."""
LINK_WORDS = ("up", "down", "rtt", "delay", "jitter", "loss", "bandwidth")


def complete(names: Sequence[str], links: Sequence[str], before: str, text: str) -> list[str]:
    """What the word ``text`` may become, after ``before`` on its line."""
    words = before.split()
    if not words:
        candidates: Sequence[str] = (*VERBS, *names)
    elif words[0] == "link":
        candidates = links if len(words) == 1 else LINK_WORDS
    elif words[0] == "capture":
        candidates = links if len(words) == 1 else ("stop",)
    else:
        candidates = names
    return [word for word in candidates if word.startswith(text)]
