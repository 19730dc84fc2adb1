"""Values of TOML to the texts and numbers that an option takes on the command line."""

from __future__ import annotations

import json

from emulator.options import Flag
from gtsdsl.cli.bench.keys import Key


class MistakeError(Exception):
    """A value is wrong; ``index`` is the item of the array or of the table that is wrong, or None."""

    def __init__(self, message: str, index: int | str | None = None) -> None:
        super().__init__(message)
        self.index = index


def option_value(key: Key, value: object) -> object:
    """Return a value as click takes it from the command line.

    Raises:
        MistakeError: the value has another type.
    """
    flag = key.flag
    if isinstance(key.field.default, bool):
        return _typed(value, bool, "true or false")
    match flag.type:
        case "number":
            return _typed(value, int, "a whole number")
        case "seconds":
            return _typed(value, (int, float), "a number")
        case "size":
            return _typed(value, str, 'a size in quotes, such as "2G"')
        case "names":
            return _joined(value)
        case "texts" | "pairs":
            return _several(value, flag)
        case _:
            return text(value)


def _typed(value: object, kind: type | tuple[type, ...], noun: str) -> object:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise MistakeError(f"this must be {noun}, not {_noun(value)}")
    return value


def text(value: object) -> str:
    """Return a text.

    Raises:
        MistakeError: the value is of another type.
    """
    if not isinstance(value, str):
        raise MistakeError(f"this must be a text in quotes, not {_noun(value)}")
    return value


def _joined(value: object) -> str:
    """Return an array of names, or a single name, as the names between commas that the command line takes."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise MistakeError(f'this must be an array of texts, such as ["a", "b"], not {_noun(value)}')
    if not value:
        raise MistakeError("this array is empty: leave the key out for the default")
    for index, item in enumerate(value):
        if not isinstance(item, str) or not item.strip() or "," in item:
            raise MistakeError("each item must be one name in quotes", index)
    return ",".join(value)


def _several(value: object, flag: Flag) -> list[str]:
    """Return an array of texts, or for ``NAME=VALUE`` a table, as the texts of an option that is given repeatedly."""
    if isinstance(value, dict) and "=" in (flag.metavar or ""):
        found = []
        for name, item in value.items():
            if isinstance(item, dict):
                raise MistakeError("this must be a value, not a table", name)
            found.append(f"{name}={item if isinstance(item, str) else json.dumps(item, default=str)}")
        return found
    if not isinstance(value, list):
        raise MistakeError(f"this must be a table or an array of {flag.metavar}, not {_noun(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise MistakeError(f"this must be a text in quotes, not {_noun(item)}", index)
    return value


def setting_text(value: object) -> str:
    """Return the value of a workload's setting as it is written on the command line.

    Raises:
        MistakeError: the value is a table or a date.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, list | dict) or (isinstance(item, str) and "," in item):
                raise MistakeError("each item must be a single value", index)
        return ",".join(map(setting_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise MistakeError(f"this must be a text, a number or an array of these, not {_noun(value)}")


def _noun(value: object) -> str:
    """Return the noun of TOML for a value."""
    match value:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or a time"
