"""Text for messages: names that are safe to show, quantities, and hints at the nearest known name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice


def printable(text: str, limit: int = 80) -> str:
    """Return text from a file as a message may show it: on one line, without control or bidirectional characters.

    Control and bidirectional characters become escapes. A text of more than ``limit`` characters is cut and ends
    in ``…``. Ids come from strangers: none may move a terminal's cursor, start a line or turn the text around.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():  # nearly every text
        return text
    return "".join(
        character
        if character == " " or unicodedata.category(character)[0] not in "CZ"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def quantity(number: int, noun: str) -> str:
    """Return a number and its noun, such as ``1 error`` and ``1,000 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def both(there: float, back: float, unit: str = "") -> str:
    """Return the values of a circuit's two directions, such as ``18/20 ms``; one value if they are equal."""
    values = f"{there:.12g}" if there == back else f"{there:.12g}/{back:.12g}"
    return f"{values} {unit}".rstrip()


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the known name nearest to an unknown one; None if no known name is near."""
    import difflib

    if len(name) > _LONGEST_NEAR:
        return None
    by_look: dict[str, str] = {}
    for candidate in known:
        if len(candidate) <= _LONGEST_NEAR and candidate != name:  # a hint must not repeat what was written
            by_look.setdefault(_look(candidate), candidate)
    look = _look(name)
    near = difflib.get_close_matches(look, by_look, n=8, cutoff=0.6)
    if not near:
        return None
    # of equally near names, prefer one with the same first letter: `AMX` is rather `AMS` than `HAM`
    best = max(near, key=lambda each: (difflib.SequenceMatcher(None, each, look).ratio(), each[:1] == look[:1]))
    return f"did you mean `{printable(by_look[best])}`?"


def nearest_or_all(name: str, known: Sequence[str], lead: str = "choose one of") -> str:
    """Return a hint for an unknown name: the nearest known name, else all of them after ``lead``."""
    return did_you_mean(name, known) or f"{lead} {', '.join(known)}"


class Hints:
    """`did_you_mean` for the names of one source, within a limit: a hostile file has a hundred thousand wrong names."""

    def __init__(self) -> None:
        self._left = _COMPARISONS

    def near(self, name: str, known: Iterable[str]) -> str | None:
        """Return the hint; None also when earlier calls have used up the comparisons."""
        if self._left == 0:
            return None
        names = list(islice(known, self._left))
        self._left -= len(names)
        return did_you_mean(name, names)


_COMPARISONS = 50_000
"""The most names that are compared for the hints of one source; they take a fifth of a second."""
_LONGEST_NEAR = 64
"""The most characters of a name that is compared. difflib is quadratic in the length, and no real name is longer."""

_LOOK_ALIKE = str.maketrans({"l": "1", "i": "1", "|": "1", "o": "0"})


def _look(name: str) -> str:
    """Return a name with look-alike characters made equal: `port1l` is nearer to `PORT11` than to `port12`."""
    return name.casefold().translate(_LOOK_ALIKE)
