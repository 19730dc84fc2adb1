"""The operators of the language, with the cost of each in steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gtsdsl.evaluate.errors import OperationError
from gtsdsl.evaluate.limits import STEP_CHARACTERS, Meter
from gtsdsl.evaluate.runtime import RuntimeValue
from gtsdsl.evaluate.values import add, arithmetic, compare, equal, keys_cost, kind_of, range_of


class Operator(NamedTuple):
    """An operator of two operands. ``cost`` gives its steps, without those that the meter counts for the result."""

    do: Callable[[RuntimeValue, RuntimeValue, Meter], RuntimeValue]
    cost: Callable[[RuntimeValue, RuntimeValue], int]


def operate(sign: str, left: RuntimeValue, right: RuntimeValue, meter: Meter) -> RuntimeValue:
    """Count the cost of an operator, and return ``left sign right``.

    Raises:
        OperationError: the operator cannot be applied to these values.
        LimitError: a limit is passed.
    """
    operator = OPERATORS[sign]
    meter.step(operator.cost(left, right))
    return operator.do(left, right, meter)


def item(target: RuntimeValue, index: RuntimeValue, _meter: Meter) -> RuntimeValue:
    """Return ``target[index]``."""
    if isinstance(target, dict):
        return target.get(key_of(index))
    if not isinstance(target, list | range | str):
        raise OperationError("GTS011", f"{kind_of(target)} has no items")
    if type(index) is not int:
        raise OperationError("GTS011", f"an index is a whole number, not {kind_of(index)}")
    if not -len(target) <= index < len(target):
        raise OperationError("GTS013", f"there is no item {index} in {kind_of(target)} of {len(target)}")
    return target[index]


def key_of(index: RuntimeValue) -> str:
    """Return the key of a map as a string: the key of ``[1: "a"]`` is ``"1"``, because JSON has only strings as keys.

    Raises:
        OperationError: the key is neither a string nor an integer.
    """
    if type(index) is int:
        return str(index)
    if isinstance(index, str):
        return index
    raise OperationError("GTS011", f"the key of a map is a string, not {kind_of(index)}")


def length_of(value: RuntimeValue) -> int:
    """Return the cost, in steps, of a look at each character of a string; 0 for other values."""
    return len(value) // STEP_CHARACTERS if isinstance(value, str) else 0


def _free(_left: RuntimeValue, _right: RuntimeValue) -> int:
    return 0


def _of_both(left: RuntimeValue, right: RuntimeValue) -> int:
    """Return the cost of reading strings, or of looking up the keys of maps; the meter counts the result."""
    keys = keys_cost(right) if isinstance(left, dict) and isinstance(right, dict) else 0
    return length_of(left) + length_of(right) + keys


def _arithmetic(sign: str) -> Operator:
    return Operator(lambda left, right, meter: arithmetic(sign, left, right, meter), _free)


def _comparison(sign: str) -> Operator:
    return Operator(lambda left, right, _meter: compare(sign, left, right), _of_both)


def _range(*, is_open: bool) -> Operator:
    def do(first: RuntimeValue, last: RuntimeValue, meter: Meter) -> RuntimeValue:
        return range_of(first, last, is_open=is_open, meter=meter)

    return Operator(do, _free)


OPERATORS: dict[str, Operator] = {
    "+": Operator(add, _of_both),
    **{sign: _arithmetic(sign) for sign in ("-", "*", "/", "%")},
    # equal counts the items that it compares
    "==": Operator(equal, _free),
    "!=": Operator(lambda left, right, meter: not equal(left, right, meter), _free),
    **{sign: _comparison(sign) for sign in ("<", "<=", ">", ">=")},
    "..": _range(is_open=False),
    "..<": _range(is_open=True),
    "[]": Operator(item, lambda _target, index: length_of(index)),
}
"""All operators of two operands, ``target[index]`` among them. Arithmetic is free because numbers are short."""
