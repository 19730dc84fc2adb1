"""Operations on runtime values, with the results that Groovy has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow

from gtsdsl.evaluate.errors import LimitError, OperationError
from gtsdsl.evaluate.limits import MAX_VALUE_DEPTH, STEP_CHARACTERS, Meter
from gtsdsl.evaluate.runtime import ClosureValue, MethodValue, ResourceValue, RuntimeValue, ThisValue
from gtsdsl.model.testbed import PortRef
from gtsdsl.model.values import MAX_DIGITS, MAX_STRING, Value
from gtsdsl.text import printable

_CONTEXT = Context(prec=MAX_DIGITS, traps=[Overflow, InvalidOperation])
_LIMIT = 10**MAX_DIGITS


def kind_of(value: RuntimeValue) -> str:
    """Return the kind of a value as messages name it, such as ``a list``."""
    if value is None:
        return "null"
    if isinstance(value, ResourceValue):
        return f"a `{value.block.name}`"
    names: dict[type, str] = {
        bool: "a boolean",
        int: "a number",
        Decimal: "a number",
        str: "a string",
        list: "a list",
        range: "a range",
        dict: "a map",
        ClosureValue: "a closure",
        MethodValue: "a method",
        ThisValue: "the testbed",
        PortRef: "a port",
    }
    return names[type(value)]


def _is_number(value: RuntimeValue) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def truth(value: RuntimeValue) -> bool:
    """Return Groovy's truth of a value: null, false, zero and empty strings and collections are false."""
    return bool(value)


def _checked_number(value: int | Decimal) -> int | Decimal:
    if isinstance(value, int):
        if -_LIMIT < value < _LIMIT:
            return value
    elif value.is_finite() and abs(value.adjusted()) < MAX_DIGITS:
        return value
    raise LimitError(f"a number has more than {MAX_DIGITS} digits")


def add(left: RuntimeValue, right: RuntimeValue, meter: Meter) -> RuntimeValue:
    """Return ``left + right``: the sum of two numbers, or two strings, lists or maps joined."""
    if isinstance(left, str) or isinstance(right, str):
        return meter.string(text_of(left, meter) + text_of(right, meter))
    if isinstance(left, list | range):
        items = right if isinstance(right, list | range) else [right]
        meter.list_of(len(left) + len(items))
        return [*left, *items]
    if isinstance(left, dict) and isinstance(right, dict):
        meter.map_of(len(left) + len(right))
        return left | right
    return arithmetic("+", left, right, meter)


def arithmetic(sign: str, left: RuntimeValue, right: RuntimeValue, meter: Meter) -> RuntimeValue:
    """Apply ``+``, ``-``, ``*``, ``/`` or ``%`` to two numbers, or repeat a string."""
    if sign == "*" and isinstance(left, str) and type(right) is int:
        if right < 0:
            raise OperationError("GTS013", f"a string cannot be repeated {right} times")
        if len(left) * right > MAX_STRING:
            raise LimitError(f"a string has more than {MAX_STRING} characters")
        return meter.string(left * right)
    if (
        isinstance(left, bool)
        or isinstance(right, bool)
        or not (isinstance(left, int | Decimal) and isinstance(right, int | Decimal))
    ):
        raise OperationError("GTS011", f"`{sign}` cannot be applied to {kind_of(left)} and {kind_of(right)}")
    if sign in "/%" and right == 0:
        raise OperationError("GTS013", "division by zero")
    if isinstance(left, int) and isinstance(right, int):
        return _checked_number(_of_integers(sign, left, right))
    try:
        return _checked_number(_of_decimals(sign, Decimal(left), Decimal(right)))
    except (Overflow, InvalidOperation):
        raise LimitError(f"a number has more than {MAX_DIGITS} digits") from None


def _of_integers(sign: str, left: int, right: int) -> int | Decimal:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if sign == "%":  # the sign is the dividend's, as in Java
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return left // right if left % right == 0 else _quotient(Decimal(left), Decimal(right))


def _of_decimals(sign: str, left: Decimal, right: Decimal) -> Decimal:
    if sign == "+":
        return _CONTEXT.add(left, right)
    if sign == "-":
        return _CONTEXT.subtract(left, right)
    if sign == "*":
        return _CONTEXT.multiply(left, right)
    if sign == "%":
        return _CONTEXT.remainder(left, right)
    return _quotient(left, right)


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    """Return Groovy's quotient of decimals: rounded to ten digits after the point."""
    quotient = _CONTEXT.divide(left, right)
    if -quotient.as_tuple().exponent > 10:  # type: ignore[operator]  # finite: the exponent is a number
        quotient = quotient.quantize(Decimal("1e-10"), ROUND_HALF_UP, _CONTEXT).normalize(_CONTEXT)
    return quotient


def compare(sign: str, left: RuntimeValue, right: RuntimeValue) -> bool:
    """Compare two numbers or two strings by ``<``, ``<=``, ``>`` or ``>=``."""
    operations: dict[str, Callable[[object, object], bool]] = {
        "<": lambda a, b: a < b,  # type: ignore[operator]
        "<=": lambda a, b: a <= b,  # type: ignore[operator]
        ">": lambda a, b: a > b,  # type: ignore[operator]
        ">=": lambda a, b: a >= b,  # type: ignore[operator]
    }
    if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return operations[sign](left, right)
    raise OperationError("GTS011", f"{kind_of(left)} cannot be compared with {kind_of(right)}")


def equal(left: RuntimeValue, right: RuntimeValue, meter: Meter, depth: int = 0) -> bool:
    """Return whether two values are equal; lists and maps are compared item by item."""
    meter.step()
    if depth > MAX_VALUE_DEPTH:
        raise LimitError(f"lists and maps are nested more than {MAX_VALUE_DEPTH} deep")
    if isinstance(left, list | range) and isinstance(right, list | range):
        if len(left) != len(right):
            return False
        return all(equal(a, b, meter, depth + 1) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        meter.step(keys_cost(left))
        if left.keys() != right.keys():
            return False
        return all(equal(value, right[key], meter, depth + 1) for key, value in left.items())
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, ResourceValue) and isinstance(right, ResourceValue):
        return left.block is right.block
    if isinstance(left, str) and isinstance(right, str):
        meter.step(min(len(left), len(right)) // STEP_CHARACTERS)
    return bool(left == right)


def text_of(value: RuntimeValue, meter: Meter, depth: int = 0) -> str:
    """Return a value as Groovy prints it: ``[1, 2]``, ``[a:1]``, ``null``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, PortRef):
        return meter.string(str(value))
    if isinstance(value, list | range | dict):
        if depth >= MAX_VALUE_DEPTH:
            raise LimitError(f"lists and maps are nested more than {MAX_VALUE_DEPTH} deep")
        pieces = []
        length = 0
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            meter.step()
            piece = text_of(item, meter, depth + 1)
            pieces.append(piece if key is None else f"{key}:{piece}")
            length += len(pieces[-1]) + 2
            if length > MAX_STRING:
                raise LimitError(f"a string has more than {MAX_STRING} characters")
        if isinstance(value, dict) and not pieces:
            return "[:]"
        return meter.string(f"[{', '.join(pieces)}]")
    raise OperationError("GTS011", f"{kind_of(value)} cannot be converted to a string", _use_its_id(value))


def attribute_value(value: RuntimeValue, meter: Meter, depth: int = 0) -> Value:
    """Return a copy of a value as an attribute keeps it: plain data, a port as its text."""
    meter.step()
    if isinstance(value, str):
        meter.allocate(len(value))
        return value
    if value is None or isinstance(value, bool | int | Decimal):
        return value
    if isinstance(value, PortRef):
        return str(value)
    if depth >= MAX_VALUE_DEPTH:
        raise LimitError(f"lists and maps are nested more than {MAX_VALUE_DEPTH} deep")
    if isinstance(value, list | range):
        meter.list_of(len(value))
        return [attribute_value(item, meter, depth + 1) for item in value]
    if isinstance(value, dict):
        meter.map_of(len(value))
        return {key: attribute_value(item, meter, depth + 1) for key, item in value.items()}
    raise OperationError("GTS011", f"{kind_of(value)} cannot be the value of an attribute", _use_its_id(value))


def keys_cost(value: Mapping[str, RuntimeValue]) -> int:
    """Return the cost, in steps, of a look-up of each key of a map in another map."""
    return len(value) // 4 + sum(map(len, value)) // STEP_CHARACTERS


def _use_its_id(value: RuntimeValue) -> str | None:
    return "use its id: `h.id`" if isinstance(value, ResourceValue) else None


def range_of(first: RuntimeValue, last: RuntimeValue, *, is_open: bool, meter: Meter) -> range:
    """Return ``first..last`` or, if ``is_open``, ``first..<last``; the range goes down if ``first`` is greater."""
    if type(first) is not int or type(last) is not int:
        raise OperationError(
            "GTS011", f"a range goes from a whole number to another, not from {kind_of(first)} to {kind_of(last)}"
        )
    step = 1 if first <= last else -1
    result = range(first, last if is_open else last + step, step)
    meter.list_of(0)  # a range takes memory only when a loop goes over it
    if abs(last - first) > 10 * MAX_STRING:
        raise LimitError(f"a collection has more than {10 * MAX_STRING} items")
    return result


def holds(value: RuntimeValue, wanted: list[RuntimeValue] | dict[str, RuntimeValue], meter: Meter) -> bool:
    """Return whether a value is, or has anywhere inside, a certain list or map (the same object)."""
    meter.step()
    if value is wanted:
        return True
    if isinstance(value, dict):
        return any(holds(item, wanted, meter) for item in value.values())
    return isinstance(value, list) and any(holds(item, wanted, meter) for item in value)


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "int": (int, "a whole number"),
    "Integer": (int, "a whole number"),
    "String": (str, "a string"),
    "List": ((list, range), "a list"),
    "Map": (dict, "a map"),
}


def of_kind(kind: str | None, value: RuntimeValue, name: str) -> RuntimeValue:
    """Return the value of a variable that is declared with a type or with ``def``.

    Raises:
        OperationError: the value is not of the type.
    """
    if kind in _KINDS and value is not None:
        types, wanted = _KINDS[kind]
        if not isinstance(value, types) or isinstance(value, bool):
            raise OperationError("GTS011", f"`{kind} {printable(name)}` is {wanted}, not {kind_of(value)}")
    return value
