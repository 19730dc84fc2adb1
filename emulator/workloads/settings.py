"""Settings of workloads: the texts that a user writes to a frozen dataclass of the workload, and their mistakes."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from emulator.system.errors import EmulationError, UnknownNameError
from emulator.workloads.model import Setting
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Settings = TypeVar("_Settings", bound="DataclassInstance")
_Value = TypeVar("_Value")
_ABOUT = "about"
_MOST_VALUES = 64
"""The most values of a list, such as rates; each is measured by itself."""


@dataclass(frozen=True, slots=True)
class About:
    """The meaning of a setting, the smallest and the largest number that it takes, and whether it names a file."""

    help: str
    least: float = 0
    most: float = math.inf
    is_file: bool = False


def setting(
    default: _Value, help_text: str, *, least: float = 0, most: float = math.inf, is_file: bool = False
) -> _Value:
    """Return a field of a settings class. Its type is text, a choice, a number, or a tuple of these."""
    found: _Value = dataclasses.field(default=default, metadata={_ABOUT: About(help_text, least, most, is_file)})
    return found


@dataclass(frozen=True, slots=True)
class NoSettings:
    """The settings of a workload that has none."""


def described(kind: type[DataclassInstance]) -> Mapping[str, tuple[str, str]]:
    """Return the default, as text, and the meaning of each setting of a class."""
    return {item.name: (_text(item.default), _about(item).help) for item in dataclasses.fields(kind)}


def file_settings(kind: type[DataclassInstance]) -> frozenset[str]:
    """Return the names of the settings of a class that name a file."""
    return frozenset(item.name for item in dataclasses.fields(kind) if _about(item).is_file)


def parse(kind: type[_Settings], settings: Sequence[Setting], workload: str) -> _Settings:
    """Return the settings of a workload; those that are not named have their defaults.

    Raises:
        EmulationError: a setting is unknown, given twice, or has a value that it does not take.
    """
    hints = typing.get_type_hints(kind)
    about = {item.name: _about(item) for item in dataclasses.fields(kind)}
    found: dict[str, object] = {}
    for item in settings:
        name = f"{workload}.{printable(item.name, 80)}"
        if item.name not in about:
            known = did_you_mean(item.name, list(about)) or (
                "its settings are " + ", ".join(about) if about else f"{workload} has no settings"
            )
            raise UnknownNameError(f"unknown setting {name}; {known}")
        if item.name in found:
            raise EmulationError(f"the setting {name} is given twice")
        try:
            found[item.name] = _parser(hints[item.name], about[item.name])(item.value)
        except ValueError as error:
            raise EmulationError(f"{name}: {printable(item.value, 80)} {error}") from None
    try:
        return kind(**found)
    except ValueError as error:  # from the class: settings that do not go together
        raise EmulationError(f"{workload}: {error}") from None


def texts(settings: DataclassInstance) -> tuple[Setting, ...]:
    """Return settings as the texts that `parse` takes, without those that have their defaults."""
    return tuple(
        Setting(item.name, _text(value))
        for item in dataclasses.fields(settings)
        if (value := getattr(settings, item.name)) != item.default
    )


def _about(item: dataclasses.Field[object]) -> About:
    about = item.metadata.get(_ABOUT)
    if not isinstance(about, About):
        raise TypeError(f"the field {item.name} is not made by `setting`")
    return about


def _parser(kind: object, about: About) -> Callable[[str], object]:
    arguments = typing.get_args(kind)
    if isinstance(kind, types.UnionType):  # a value or None
        return _parser(arguments[0], about)
    if typing.get_origin(kind) is tuple:
        return partial(_several, _parser(arguments[0], about))
    if typing.get_origin(kind) is typing.Literal:
        return partial(_choice, arguments)
    if kind is str:
        return str
    return partial(_number, int if kind is int else float, about)


def _several(parser: Callable[[str], object], text: str) -> tuple[object, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > _MOST_VALUES:
        raise ValueError(f"has more than {_MOST_VALUES} values")
    return tuple(map(parser, dict.fromkeys(parts)))


def _choice(choices: Sequence[str], text: str) -> str:
    if text not in choices:
        raise ValueError(f"is none of {', '.join(choices)}")
    return text


def _number(kind: type[int] | type[float], about: About, text: str) -> int | float:
    try:
        number = kind(text)
    except ValueError:
        raise ValueError("is not a whole number" if kind is int else "is not a number") from None
    if not (math.isfinite(number) and about.least <= number <= about.most):
        most = f" and {about.most:g}" if about.most < math.inf else ""
        raise ValueError(f"is not between {about.least:g}{most}" if most else f"is less than {about.least:g}")
    return number


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, typing.cast("Iterable[object]", value)))
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
