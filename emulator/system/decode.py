"""Frozen dataclasses to JSON and back; each part of the JSON must have the type that its field declares.

JSON that a guest wrote is not trusted, so no value is converted, no missing field is filled in, and no unknown field
is passed over.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar, cast

from emulator.system.errors import EmulationError
from gtsdsl.text import printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Value = TypeVar("_Value")
Decoder: TypeAlias = Callable[[object], object]
"""Returns the value that a part of the JSON stands for; raises ValueError or OverflowError if it has another type."""

_MAX_DEPTH = 20
_MAX_BRACKETS = 1_000_000
"""The most lists and objects in a text. An empty one takes three bytes of JSON, and eighty bytes of memory."""


def encode(value: DataclassInstance) -> bytes:
    """Return a dataclass as a JSON text, which `decode` takes."""
    return json.dumps(dataclasses.asdict(value)).encode()


def decode(kind: type[_Value], text: str | bytes, noun: str) -> _Value:
    """Return the value of type ``kind`` that a JSON text holds; ``noun`` names the text in the error.

    Raises:
        EmulationError: the text is not JSON, or holds a value of another type (see `decode_value`).
    """
    return decode_value(kind, load(text, noun), noun)


def load(text: str | bytes, noun: str) -> object:
    """Return what `json.loads` makes of a text that may be hostile; ``noun`` names the text in the error.

    Raises:
        EmulationError: the text is not JSON, or would take too much memory or depth.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
        if data.count(b"[") + data.count(b"{") > _MAX_BRACKETS:
            raise ValueError(f"it has more than {_MAX_BRACKETS} lists and objects")
        value: object = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _malformed(noun, error) from None
    return value


def decode_value(kind: type[_Value], value: object, noun: str) -> _Value:
    """Return the value of type ``kind`` that a value from `json.loads` stands for.

    ``kind`` is a dataclass (written by `encode`), ``str``, ``int``, ``float``, ``bool``, a tuple, a dictionary with
    strings as keys, a ``Literal`` of strings or integers, one of these or None, or ``object``. Floats are finite.

    Raises:
        EmulationError: the value has another type.
    """
    try:
        return cast("_Value", _decoder(cast("Hashable", kind))(value))
    except (ValueError, OverflowError) as error:
        raise _malformed(noun, error) from None


def _malformed(noun: str, error: Exception) -> EmulationError:
    return EmulationError(f"{noun} is malformed: {printable(str(error), 100)}")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


@functools.cache
def _decoder(kind: object) -> Decoder:
    """Return the function that decodes values of type ``kind``: made once a type, because a plan has many values."""
    arguments = typing.get_args(kind)
    if kind is object:
        return partial(_checked_depth, depth=_MAX_DEPTH)
    if kind is float:
        return _float
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:  # a Literal's is the latter
        return partial(_optional, _decoder(arguments[0]))
    if typing.get_origin(kind) is typing.Literal:
        return partial(_literal, arguments)
    if typing.get_origin(kind) is dict:
        return partial(_dictionary, _decoder(arguments[1]))
    if typing.get_origin(kind) is tuple and arguments[-1] is Ellipsis:
        return partial(_items, _decoder(arguments[0]))
    if typing.get_origin(kind) is tuple:
        return partial(_fixed_items, tuple(map(_decoder, arguments)))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return partial(_fields, kind, {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)})
    return partial(_exact, cast("type", kind))


def _exact(kind: type, value: object) -> object:
    # not `isinstance`: True is an int
    return value if type(value) is kind else _refuse(value, kind.__name__)


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(value, "float")
    return float(value)


def _optional(decoder: Decoder, value: object) -> object:
    return None if value is None else decoder(value)


def _literal(choices: tuple[object, ...], value: object) -> object:
    if any(type(value) is type(choice) and value == choice for choice in choices):
        return value
    return _refuse(value, " | ".join(map(str, choices)))


def _dictionary(decoder: Decoder, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(value, "dict")
    return {key: decoder(item) for key, item in value.items()}


def _items(decoder: Decoder, value: object) -> tuple[object, ...]:
    return tuple([decoder(item) for item in _list(value)])


def _fixed_items(decoders: tuple[Decoder, ...], value: object) -> tuple[object, ...]:
    return tuple([decoder(item) for decoder, item in zip(decoders, _list(value), strict=True)])


def _fields(kind: type, decoders: Mapping[str, Decoder], value: object) -> object:
    if not isinstance(value, dict) or value.keys() != decoders.keys():
        _refuse(value, kind.__name__)
    return kind(**{name: decoders[name](item) for name, item in value.items()})


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else _refuse(value, "list")


def _refuse(value: object, expected: str) -> NoReturn:
    shown = "this list or object" if isinstance(value, list | dict) else repr(value)[:60]
    raise ValueError(f"{shown} is not of type {expected}")


def _checked_depth(value: object, depth: int) -> object:
    """Return a value of any type, after a check that it can be copied and written: both recurse.

    Raises:
        ValueError: lists and objects are nested deeper than ``depth``.
    """
    if isinstance(value, list | dict):
        if depth == 0:
            raise ValueError(f"lists and objects are nested more than {_MAX_DEPTH} deep")
        for item in value.values() if isinstance(value, dict) else value:
            _checked_depth(item, depth - 1)
    return value
