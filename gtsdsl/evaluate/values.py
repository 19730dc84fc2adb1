"""What expressions evaluate to while a file is read, and what the operators do with it, as Groovy does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow
from typing import TYPE_CHECKING, TypeAlias

from gtsdsl.evaluate.limits import MAX_DEPTH, STEP_CHARACTERS, BoundPassed, Meter
from gtsdsl.model.testbed import PortRef
from gtsdsl.model.values import MAX_DIGITS, MAX_STRING, Value
from gtsdsl.syntax.nodes import Closure, MethodDefinition

if TYPE_CHECKING:
    from gtsdsl.evaluate.open_blocks import OpenBlock


class Failed(Exception):
    """An operation that cannot be done: a diagnostic without its place."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Scope:
    """The variables of a block, and the scope that it stands in; ``depth`` is how many scopes are around it."""

    __slots__ = ("depth", "parent", "variables")

    def __init__(self, parent: Scope | None, variables: dict[str, RuntimeValue] | None = None) -> None:
        self.parent = parent
        self.variables = {} if variables is None else variables
        self.depth: int = 0 if parent is None else parent.depth + 1

    def holder(self, name: str) -> Scope | None:
        """The nearest scope that has a variable."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True, eq=False)
class ClosureValue:
    """A closure and the variables that it sees."""

    node: Closure
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class MethodValue:
    """A method of the file's own."""

    node: MethodDefinition
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """A resource as a value: what a block evaluates to."""

    container: OpenBlock


@dataclass(frozen=True, slots=True, eq=False)
class This:
    """The testbed that a method stands in, as ``this`` in it."""

    container: OpenBlock


class Poison:
    """The value of a variable whose own value failed: using it fails too, without another finding."""


POISON = Poison()

RuntimeValue: TypeAlias = (
    "bool | int | Decimal | str | list[RuntimeValue] | dict[str, RuntimeValue] | range"
    " | ClosureValue | MethodValue | Handle | This | PortRef | Poison | None"
)
"""A value while a file is evaluated."""

_CONTEXT = Context(prec=MAX_DIGITS, traps=[Overflow, InvalidOperation])
_LIMIT = 10**MAX_DIGITS


def kind_of(value: RuntimeValue) -> str:
    """What a value is, for a message."""
    if value is None:
        return "null"
    if isinstance(value, Handle):
        return f"a `{value.container.name}`"
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
        This: "the testbed",
        PortRef: "a port",
    }
    return names[type(value)]


def is_number(value: RuntimeValue) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def truth(value: RuntimeValue) -> bool:
    """Groovy's truth: null, false, zero and what is empty are false."""
    return bool(value)


def checked_number(value: int | Decimal) -> int | Decimal:
    if isinstance(value, int):
        if -_LIMIT < value < _LIMIT:
            return value
    elif value.is_finite() and abs(value.adjusted()) < MAX_DIGITS:
        return value
    raise BoundPassed(f"a number has more than {MAX_DIGITS} digits")


def add(left: RuntimeValue, right: RuntimeValue, meter: Meter) -> RuntimeValue:
    """``left + right``: a sum, or strings, lists or maps joined."""
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
    """``+``, ``-``, ``*``, ``/`` or ``%`` of two numbers, or a string repeated."""
    if sign == "*" and isinstance(left, str) and type(right) is int:
        if right < 0:
            raise Failed("GTS013", f"a string cannot be repeated {right} times")
        if len(left) * right > MAX_STRING:
            raise BoundPassed(f"a string has more than {MAX_STRING} characters")
        return meter.string(left * right)
    if (
        isinstance(left, bool)
        or isinstance(right, bool)
        or not (isinstance(left, int | Decimal) and isinstance(right, int | Decimal))
    ):
        raise Failed("GTS011", f"`{sign}` cannot be applied to {kind_of(left)} and {kind_of(right)}")
    if sign in "/%" and right == 0:
        raise Failed("GTS013", "division by zero")
    if isinstance(left, int) and isinstance(right, int):
        return checked_number(_of_integers(sign, left, right))
    try:
        return checked_number(_of_decimals(sign, Decimal(left), Decimal(right)))
    except (Overflow, InvalidOperation):
        raise BoundPassed(f"a number has more than {MAX_DIGITS} digits") from None


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
    """Groovy's quotient of decimals: ten digits behind the point where it does not come out even."""
    quotient = _CONTEXT.divide(left, right)
    if -quotient.as_tuple().exponent > 10:  # type: ignore[operator]  # finite: the exponent is a number
        quotient = quotient.quantize(Decimal("1e-10"), ROUND_HALF_UP, _CONTEXT).normalize(_CONTEXT)
    return quotient


def compare(sign: str, left: RuntimeValue, right: RuntimeValue) -> bool:
    """``<``, ``<=``, ``>`` or ``>=`` of two numbers or two strings."""
    operations: dict[str, Callable[[object, object], bool]] = {
        "<": lambda a, b: a < b,  # type: ignore[operator]
        "<=": lambda a, b: a <= b,  # type: ignore[operator]
        ">": lambda a, b: a > b,  # type: ignore[operator]
        ">=": lambda a, b: a >= b,  # type: ignore[operator]
    }
    if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return operations[sign](left, right)
    raise Failed("GTS011", f"{kind_of(left)} cannot be compared with {kind_of(right)}")


def equal(left: RuntimeValue, right: RuntimeValue, meter: Meter, depth: int = 0) -> bool:
    """``left == right``: by value, lists and maps item by item."""
    meter.step()
    if depth > MAX_DEPTH:
        raise BoundPassed(f"lists and maps stand in each other more than {MAX_DEPTH} deep")
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
    if isinstance(left, Handle) and isinstance(right, Handle):
        return left.container is right.container
    if isinstance(left, str) and isinstance(right, str):
        meter.step(min(len(left), len(right)) // STEP_CHARACTERS)
    return bool(left == right)


def text_of(value: RuntimeValue, meter: Meter, depth: int = 0) -> str:
    """A value as a string, as Groovy prints it: ``[1, 2]``, ``[a:1]``, ``null``."""
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
        if depth >= MAX_DEPTH:
            raise BoundPassed(f"lists and maps stand in each other more than {MAX_DEPTH} deep")
        pieces = []
        length = 0
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            meter.step()
            piece = text_of(item, meter, depth + 1)
            pieces.append(piece if key is None else f"{key}:{piece}")
            length += len(pieces[-1]) + 2
            if length > MAX_STRING:
                raise BoundPassed(f"a string has more than {MAX_STRING} characters")
        if isinstance(value, dict) and not pieces:
            return "[:]"
        return meter.string(f"[{', '.join(pieces)}]")
    raise Failed("GTS011", f"{kind_of(value)} has no text", _use_its_id(value))


def kept(value: RuntimeValue, meter: Meter, depth: int = 0) -> Value:
    """A value as an attribute keeps it: plain data of its own."""
    meter.step()
    if isinstance(value, str):
        meter.make(len(value))
        return value
    if value is None or isinstance(value, bool | int | Decimal):
        return value
    if isinstance(value, PortRef):
        return str(value)
    if depth >= MAX_DEPTH:
        raise BoundPassed(f"lists and maps stand in each other more than {MAX_DEPTH} deep")
    if isinstance(value, list | range):
        meter.list_of(len(value))
        return [kept(item, meter, depth + 1) for item in value]
    if isinstance(value, dict):
        meter.map_of(len(value))
        return {key: kept(item, meter, depth + 1) for key, item in value.items()}
    raise Failed("GTS011", f"{kind_of(value)} cannot be the value of an attribute", _use_its_id(value))


def keys_cost(value: Mapping[str, RuntimeValue]) -> int:
    """Return the steps that it takes to look up each key of a map in another map."""
    return len(value) // 4 + sum(map(len, value)) // STEP_CHARACTERS


def _use_its_id(value: RuntimeValue) -> str | None:
    return "use its id: `h.id`" if isinstance(value, Handle) else None


def span_of_integers(first: RuntimeValue, last: RuntimeValue, *, is_open: bool, meter: Meter) -> range:
    """``first..last`` or, open, ``first..<last``; it goes down where the first is the greater."""
    if type(first) is not int or type(last) is not int:
        raise Failed(
            "GTS011", f"a range goes from a whole number to another, not from {kind_of(first)} to {kind_of(last)}"
        )
    step = 1 if first <= last else -1
    result = range(first, last if is_open else last + step, step)
    meter.list_of(0)  # a range takes no room until it is walked, but no list may come to be longer
    if abs(last - first) > 10 * MAX_STRING:
        raise BoundPassed(f"a collection has more than {10 * MAX_STRING} items")
    return result


def holds(container: RuntimeValue, wanted: list[RuntimeValue] | dict[str, RuntimeValue], meter: Meter) -> bool:
    """Whether a list or map is, or is somewhere inside, a value."""
    meter.step()
    if container is wanted:
        return True
    if isinstance(container, dict):
        return any(holds(item, wanted, meter) for item in container.values())
    return isinstance(container, list) and any(holds(item, wanted, meter) for item in container)
