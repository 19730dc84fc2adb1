"""The operators: what each does with two values, and the steps that it takes by their size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gtsdsl.evaluate import values
from gtsdsl.evaluate.limits import STEP_CHARACTERS, Meter
from gtsdsl.evaluate.values import Failed, RuntimeValue, kind_of


class Operator(NamedTuple):
    """What an operator does, and its cost: the steps that it takes beyond those for what it makes."""

    do: Callable[[RuntimeValue, RuntimeValue, Meter], RuntimeValue]
    cost: Callable[[RuntimeValue, RuntimeValue], int]


def operate(sign: str, left: RuntimeValue, right: RuntimeValue, meter: Meter) -> RuntimeValue:
    """Return ``left sign right``, after its cost was counted.

    Raises:
        Failed: the operator cannot be applied to these values.
        BoundPassed: the file has asked for too much.
    """
    operator = OPERATORS[sign]
    meter.step(operator.cost(left, right))
    return operator.do(left, right, meter)


def item(target: RuntimeValue, index: RuntimeValue, _meter: Meter) -> RuntimeValue:
    """Return ``target[index]``."""
    if isinstance(target, dict):
        return target.get(key_of(index))
    if not isinstance(target, list | range | str):
        raise Failed("GTS011", f"{kind_of(target)} has no items")
    if type(index) is not int:
        raise Failed("GTS011", f"an index is a whole number, not {kind_of(index)}")
    if not -len(target) <= index < len(target):
        raise Failed("GTS013", f"there is no item {index} in {kind_of(target)} of {len(target)}")
    return target[index]


def key_of(index: RuntimeValue) -> str:
    """Return the key of a map: all are strings, so that `[1: "a"]` can be an attribute."""
    if type(index) is int:
        return str(index)
    if isinstance(index, str):
        return index
    raise Failed("GTS011", f"the key of a map is a string, not {kind_of(index)}")


def length_of(value: RuntimeValue) -> int:
    """Return the steps that it takes to look at each character of a string, or to hash it."""
    return len(value) // STEP_CHARACTERS if isinstance(value, str) else 0


def _free(_left: RuntimeValue, _right: RuntimeValue) -> int:
    return 0


def _of_both(left: RuntimeValue, right: RuntimeValue) -> int:
    """Strings are read; the keys of maps are looked up; what is made is counted by the meter."""
    keys = values.keys_cost(right) if isinstance(left, dict) and isinstance(right, dict) else 0
    return length_of(left) + length_of(right) + keys


def _arithmetic(sign: str) -> Operator:
    return Operator(lambda left, right, meter: values.arithmetic(sign, left, right, meter), _free)


def _comparison(sign: str) -> Operator:
    return Operator(lambda left, right, _meter: values.compare(sign, left, right), _of_both)


def _range(*, is_open: bool) -> Operator:
    def do(first: RuntimeValue, last: RuntimeValue, meter: Meter) -> RuntimeValue:
        return values.span_of_integers(first, last, is_open=is_open, meter=meter)

    return Operator(do, _free)


OPERATORS: dict[str, Operator] = {
    "+": Operator(values.add, _of_both),
    **{sign: _arithmetic(sign) for sign in ("-", "*", "/", "%")},
    # equal counts each item that it compares
    "==": Operator(values.equal, _free),
    "!=": Operator(lambda left, right, meter: not values.equal(left, right, meter), _free),
    **{sign: _comparison(sign) for sign in ("<", "<=", ">", ">=")},
    "..": _range(is_open=False),
    "..<": _range(is_open=True),
    "[]": Operator(item, lambda _target, index: length_of(index)),
}
"""All operators of two operands, ``target[index]`` among them. Numbers have at most a hundred digits: they are free."""
