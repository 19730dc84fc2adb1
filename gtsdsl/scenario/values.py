"""Values of a scenario's keys, as a file states them, to what the events have."""

from __future__ import annotations

import math

from gtsdsl.model.units import MIN_CPUS
from gtsdsl.topology.changes import changed
from gtsdsl.topology.impairments import Impairment

_MOST_WORDS, _LONGEST_WORD = 100, 4096


class MistakeError(Exception):
    """A value is wrong; the message says how. ``hint`` may name a value that is right."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def text_of(value: object, key: str) -> str:
    """Return the value of a key that has a text.

    Raises:
        MistakeError: it is none.
    """
    if value is None:
        raise MistakeError(f"`{key}` is missing")
    if not isinstance(value, str):
        raise MistakeError(f"`{key}` must be a text in quotes")
    return value


def truth_of(value: object) -> bool:
    """Return a value that is true or false.

    Raises:
        MistakeError: it is none.
    """
    if not isinstance(value, bool):
        raise MistakeError("this must be true or false")
    return value


def changed_text(attribute: str, value: object) -> str:
    """Return the value of an attribute as a text, after a check that a circuit can have it.

    Raises:
        MistakeError: it is neither a number nor a text.
        ValueError: no circuit can have it.
    """
    if not isinstance(value, str | int | float):
        raise MistakeError(f"`{attribute}` must be a number or a text in quotes")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    changed((Impairment(), Impairment()), attribute, text)
    return text


def cpus_of(value: object) -> float:
    """Return a number of processors.

    Raises:
        MistakeError: it is none, or too small.
    """
    if value is None:
        raise MistakeError("`cpus` is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_CPUS <= value < math.inf:
        raise MistakeError(f"`cpus` must be a number of processors, {MIN_CPUS:g} or more: 0.25 is a quarter of one")
    return float(value)


def command_of(value: object) -> tuple[str, ...]:
    """Return a program and its arguments.

    Raises:
        MistakeError: it is none.
    """
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise MistakeError('`command` must be an array of a program and its arguments: ["ping", "-c", "3", "h2"]')
    words = tuple(str(word) for word in value)
    if len(words) > _MOST_WORDS or not words[0] or any("\0" in word or len(word) > _LONGEST_WORD for word in words):
        raise MistakeError(
            f"a command has a program and fewer than {_MOST_WORDS} arguments, each of at most {_LONGEST_WORD:,} "
            "characters and without NUL"
        )
    return words
