"""The values that an attribute can have, and their texts."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from gtsdsl.text import printable

Value: TypeAlias = "bool | int | Decimal | str | list[Value] | dict[str, Value] | None"
"""An attribute's value. A nested block (``controller { … }``) is a dict; a block that occurs twice or more, a list."""

MAX_DIGITS = 100
"""The most digits that a number may have, in any format."""
MAX_STRING = 100_000
"""The most characters that a string may have, in any format."""


def scalar_text(value: bool | int | Decimal | None) -> str:
    """Return a number, a truth value or None as JSON and the DSL both write it.

    Raises:
        ValueError: a decimal is not finite or has more than `MAX_DIGITS` digits.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else decimal_text(value)


def decimal_text(value: Decimal) -> str:
    """Return a decimal in plain notation with a point, as JSON and the DSL both write it: no exponent, no ``-0.0``.

    Raises:
        ValueError: the decimal is not finite or has more than `MAX_DIGITS` digits.
    """
    if not value.is_finite():
        raise ValueError(f"{value} is not a number that a testbed can hold")
    _, digits, exponent = value.as_tuple()
    if max(len(digits), len(digits) + int(exponent), -int(exponent)) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    text = format(value if value else abs(value), "f")
    return text if "." in text else f"{text}.0"


def describe(value: Value) -> str:
    """Return a value as a message shows it: short, on one line, whatever its kind and size."""
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
