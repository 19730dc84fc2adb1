"""A finding as a value: code, sentence, place, notes and hint."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from gtsdsl.diagnostics.codes import CODES, Severity
from gtsdsl.model.testbed import Value
from gtsdsl.source import Location, Source


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that a finding speaks of, in the same source."""

    message: str
    place: Location


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``place`` is None when it is about the source as a whole."""

    code: str
    message: str
    source: Source
    place: Location | None = None
    notes: tuple[Note, ...] = ()
    hint: str | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The hint for a name that is not known: the nearest of the known ones, if one is near."""
    if len(name) > _LONGEST_NEAR:
        return None
    by_look: dict[str, str] = {}
    for candidate in known:
        if len(candidate) <= _LONGEST_NEAR and candidate != name:  # what was written is no help
            by_look.setdefault(_look(candidate), candidate)
    look = _look(name)
    near = difflib.get_close_matches(look, by_look, n=8, cutoff=0.6)
    if not near:
        return None
    # of equally near ones, one that begins alike: `AMX` is rather `AMS` than `HAM`
    best = max(near, key=lambda each: (difflib.SequenceMatcher(None, each, look).ratio(), each[:1] == look[:1]))
    return f"did you mean `{printable(by_look[best])}`?"


class Hints:
    """`did_you_mean` for one source, while there is time for it: a hostile file has a hundred thousand wrong names."""

    def __init__(self) -> None:
        self._left = _COMPARISONS

    def near(self, name: str, known: Iterable[str]) -> str | None:
        """Return the hint; None too where many names were compared for the findings before."""
        if self._left == 0:
            return None
        names = list(islice(known, self._left))
        self._left -= len(names)
        return did_you_mean(name, names)


_COMPARISONS = 50_000
"""How many names are compared for the hints of one source: a fifth of a second."""
_LONGEST_NEAR = 64
"""difflib is quadratic in the names' length: a name longer than any real one has no near one."""

_LOOK_ALIKE = str.maketrans({"l": "1", "i": "1", "|": "1", "o": "0"})


def _look(name: str) -> str:
    """What a name looks like at a glance: `port1l` is `PORT11` to a tired eye, and nearer to it than to `port12`."""
    return name.casefold().translate(_LOOK_ALIKE)


def printable(text: str, limit: int = 80) -> str:
    """Text from a file as a message may show it: on one line, without control or bidirectional characters, not long.

    Ids come from strangers; none may move a terminal's cursor, start a line of its own or turn the text around.
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


def told(value: Value) -> str:
    """A value as a message shows it, whatever its kind and size."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{printable(value, 40)}"'
        case list():
            return "a list"
        case dict():
            return "a block"
        case int() if value.bit_length() > 128:
            return "a very large number"
        case _:
            return printable(str(value), 40)
