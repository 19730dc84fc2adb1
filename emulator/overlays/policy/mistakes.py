"""The mistakes in a policy file, each with its line and column, and the error that lists them."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.system.errors import OverlayError
from gtsdsl.source import Position
from gtsdsl.text import Hints, printable, quantity

_MOST = 20
_SHOWN = 4


class PolicyError(OverlayError):
    """A policy file has mistakes. The message has the first ones, each as ``FILE:LINE:COLUMN: sentence``."""


class Mistakes:
    """The mistakes that were found in a file so far. The reader goes on after a mistake, to find the next."""

    def __init__(self, name: str) -> None:
        """``name`` is the file's name, as the user gave it."""
        self._name = printable(name, 120)
        self._found: list[tuple[Position, str]] = []
        self._hints = Hints()

    def add(self, at: Position, sentence: str) -> None:
        """Add a mistake.

        Raises:
            PolicyError: there are so many mistakes that the file is not read any further.
        """
        self._found.append((at, sentence))
        if len(self._found) >= _MOST:
            self.check()

    def add_unknown(self, at: Position, noun: str, word: str, known: Iterable[str]) -> None:
        """Add the mistake that ``word`` is not one of the known words, with the nearest of them."""
        words = list(known)
        hint = self._hints.near(word, words) or f"choose one of {', '.join(words)}"
        self.add(at, f"unknown {noun} `{printable(word, 60)}`; {hint}")

    def near(self, word: str, known: Iterable[str]) -> str | None:
        """Return the hint at the known word nearest to a word; None if no known word is near."""
        return self._hints.near(word, known)

    def check(self) -> None:
        """Check that no mistake was found.

        Raises:
            PolicyError: the file has mistakes.
        """
        if not self._found:
            return
        found = sorted(self._found)
        shown = [f"{self._name}:{at.line}:{at.column}: {sentence}" for at, sentence in found[:_SHOWN]]
        if found[_SHOWN:]:
            shown.append(f"and {quantity(len(found[_SHOWN:]), 'more mistake')}")
        raise PolicyError(" | ".join(shown))
