"""JSON that a guest left to the value that it should be: nothing of it is believed, each part has to have its type."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from typing import NoReturn, TypeVar, cast

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

_Value = TypeVar("_Value")

_DEEPEST = 20
_MOST_BRACKETS = 1_000_000
"""How many lists and objects are read: an empty one takes three bytes of JSON, and eighty of memory."""


def parsed(kind: type[_Value], data: bytes) -> _Value:
    """The value that some JSON should be, as `checked` has it.

    Raises:
        EmulationError: it is no JSON, or that of something else.
    """
    try:
        if data.count(b"[") + data.count(b"{") > _MOST_BRACKETS:
            raise ValueError(f"it has more than {_MOST_BRACKETS} lists and objects")
        value: object = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _no_result(error) from None
    return checked(kind, value)


def checked(kind: type[_Value], value: object) -> _Value:
    """The value that something from JSON should be; a dataclass's, for example, from what `asdict` made of it.

    It is a string, a whole or a finite number, a truth value, a tuple, a dictionary by strings, a dataclass's, each of
    these or None, or any `object`.

    Raises:
        EmulationError: it is something else.
    """
    try:
        return cast("_Value", _checked(kind, value))
    except (ValueError, OverflowError) as error:
        raise _no_result(error) from None


def _no_result(error: Exception) -> EmulationError:
    return EmulationError(f"the run left no result: {printable(str(error), 100)}")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _checked(kind: object, value: object) -> object:
    """A part of it.

    Raises:
        ValueError: it is not of this type.
        OverflowError: a number is too large for it.
    """
    arguments = typing.get_args(kind)
    match value:
        case _ if kind is object:
            return _shallow(value, _DEEPEST)
        case _ if isinstance(kind, types.UnionType):
            return None if value is None else _checked(arguments[0], value)
        case int() | float() if kind is float and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        case int() | str() if kind is type(value):
            return value
        case list() if typing.get_origin(kind) is tuple:
            kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
            return tuple(_checked(each, item) for each, item in zip(kinds, value, strict=True))
        case dict() if typing.get_origin(kind) is dict:
            return {key: _checked(arguments[1], item) for key, item in value.items()}
        case dict() if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            kind_of = typing.get_type_hints(kind)
            if value.keys() == {field.name for field in dataclasses.fields(kind)}:
                return kind(**{name: _checked(kind_of[name], item) for name, item in value.items()})
    shown = "something else" if isinstance(value, list | dict) else str(value)[:60]
    raise ValueError(f"{shown} is no {getattr(kind, '__name__', kind)}")


def _shallow(value: object, deepest: int) -> object:
    """A value that nobody looks at, but that will be copied and written: at most so deep, or it could not be.

    Raises:
        ValueError: it is deeper.
    """
    if isinstance(value, list | dict):
        if deepest == 0:
            raise ValueError(f"lists in lists, more than {_DEEPEST} deep")
        for item in value.values() if isinstance(value, dict) else value:
            _shallow(item, deepest - 1)
    return value
