"""The methods of values: ``.each``, ``.size()``, ``.join(", ")`` and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from gtsdsl.evaluate.errors import LimitError, OperationError
from gtsdsl.evaluate.limits import MAX_COLLECTION, STEP_CHARACTERS, Meter
from gtsdsl.evaluate.operators import length_of
from gtsdsl.evaluate.runtime import ClosureValue, ResourceValue, RuntimeValue
from gtsdsl.evaluate.values import equal, kind_of, text_of, truth
from gtsdsl.model.testbed import PortRef

Caller: TypeAlias = Callable[[ClosureValue, list[RuntimeValue]], RuntimeValue]
"""A function that calls a closure with arguments."""


def call_method(
    target: RuntimeValue, name: str, arguments: list[RuntimeValue], call: Caller, meter: Meter
) -> RuntimeValue:
    """Return the value of ``target.name(arguments)``; a closure behind the call is its last argument.

    Raises:
        UnknownMethodError: the value has no method of this name.
        OperationError: the method takes other arguments.
    """
    for kinds, methods in METHODS:
        if isinstance(target, kinds) and not (isinstance(target, bool) and kinds is int) and name in methods:
            method = methods[name]
            if len(arguments) not in method.takes:
                wanted = " or ".join(str(number) for number in method.takes)
                raise OperationError(
                    "GTS015", f"wrong number of arguments: `.{name}` takes {wanted}, not {len(arguments)}"
                )
            meter.step(method.cost(target, arguments))
            return method.do(target, arguments, call, meter)
    known = [method for kinds, methods in METHODS if isinstance(target, kinds) for method in methods]
    raise UnknownMethodError(name, kind_of(target), known)


class UnknownMethodError(Exception):
    """A value has no method of this name. ``kind`` is the value's kind; ``known`` are the names of its methods."""

    def __init__(self, name: str, kind: str, known: list[str]) -> None:
        super().__init__(name)
        self.name = name
        self.kind = kind
        self.known = known


def _closure(value: RuntimeValue, name: str) -> ClosureValue:
    if isinstance(value, ClosureValue):
        return value
    raise OperationError("GTS015", f"`.{name}` takes a closure, not {kind_of(value)}")


def _integer(value: RuntimeValue, name: str) -> int:
    if type(value) is int:
        return value
    raise OperationError("GTS015", f"`.{name}` takes a whole number, not {kind_of(value)}")


_Collection: TypeAlias = list[RuntimeValue] | dict[str, RuntimeValue] | range


def _collection(target: RuntimeValue, meter: Meter) -> _Collection:
    """Return the items that a loop goes over: a copy, because the closure may change the collection."""
    if isinstance(target, range):
        return target
    if isinstance(target, list | dict):
        (meter.map_of if isinstance(target, dict) else meter.list_of)(len(target))
        return target.copy()
    raise TypeError(f"{target!r} has no items")


def _arguments_for(
    closure: ClosureValue, item: RuntimeValue, items: _Collection, index: tuple[RuntimeValue, ...] = ()
) -> list[RuntimeValue]:
    """Return the arguments of a closure for an item; of a map: the key and the value, or the entry as one map."""
    if not isinstance(items, dict):
        return [item, *index]
    value = items[str(item)]
    if closure.node.parameters is not None and len(closure.node.parameters) > 1 + len(index):
        return [item, value, *index]
    return [{"key": item, "value": value}, *index]


def _each(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    closure = _closure(arguments[0], "each")
    items = _collection(target, meter)
    for item in items:
        meter.step()
        call(closure, _arguments_for(closure, item, items))
    return target


def _each_with_index(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    closure = _closure(arguments[0], "eachWithIndex")
    items = _collection(target, meter)
    for index, item in enumerate(items):
        meter.step()
        call(closure, _arguments_for(closure, item, items, (index,)))
    return target


def _collect(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    closure = _closure(arguments[0], "collect")
    items = _collection(target, meter)
    meter.list_of(len(items))
    return [call(closure, _arguments_for(closure, item, items)) for item in items]


def _find_all(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    closure = _closure(arguments[0], "findAll")
    items = _collection(target, meter)
    meter.list_of(len(items))
    found = [item for item in items if truth(call(closure, _arguments_for(closure, item, items)))]
    return {str(key): items[str(key)] for key in found} if isinstance(items, dict) else found


def _size(target: RuntimeValue, _arguments: list[RuntimeValue], _call: Caller, _meter: Meter) -> RuntimeValue:
    return len(target)  # type: ignore[arg-type]  # only what has a size has this method


def _join(target: RuntimeValue, arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    separator = text_of(arguments[0], meter) if arguments else ""
    pieces = []
    for item in _sequence(target):
        meter.step()
        pieces.append(text_of(item, meter))
        meter.allocate(len(pieces[-1]) + len(separator))
    return meter.string(separator.join(pieces))


def _item_at(index: int, name: str) -> Callable[[RuntimeValue, list[RuntimeValue], Caller, Meter], RuntimeValue]:
    def method(target: RuntimeValue, _arguments: list[RuntimeValue], _call: Caller, _meter: Meter) -> RuntimeValue:
        if isinstance(target, list | range) and len(target) > 0:
            return target[index]
        raise OperationError("GTS013", f"`.{name}()` of an empty list")

    return method


def _contains(target: RuntimeValue, arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    if isinstance(target, str):
        return text_of(arguments[0], meter) in target
    return any(equal(item, arguments[0], meter) for item in _sequence(target))


def _sequence(target: RuntimeValue) -> list[RuntimeValue] | range:
    if isinstance(target, list | range):
        return target
    raise TypeError(f"{target!r} is no sequence")


def _step_of_range(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    width = _width(arguments[0])
    taken = _sequence(target)[::width]
    if len(arguments) == 1:
        meter.list_of(len(taken))
        return list(taken)
    return _each(taken, arguments[1:], call, meter)


def _width(value: RuntimeValue) -> int:
    width = _integer(value, "step")
    if width == 0:
        raise OperationError("GTS013", "a step of zero never ends")
    return width


def _times(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    return _count(range(_integer(target, "times")), _closure(arguments[0], "times"), call, meter)


def _up_to(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    start, end = _integer(target, "upto"), _integer(arguments[0], "upto")
    if end < start:  # as in Groovy
        raise OperationError("GTS013", f"`.upto` counts up: {end} is less than {start}")
    values = range(start, end + 1)
    return _count(values, _closure(arguments[1], "upto"), call, meter)


def _step_to(target: RuntimeValue, arguments: list[RuntimeValue], call: Caller, meter: Meter) -> RuntimeValue:
    start, end, width = _integer(target, "step"), _integer(arguments[0], "step"), _width(arguments[1])
    if (end - start) * width < 0:  # as in Groovy
        raise OperationError("GTS013", f"with a step of {width}, {start} never reaches {end}")
    values = range(start, end, width)
    return _count(values, _closure(arguments[2], "step"), call, meter)


def _count(values: range, closure: ClosureValue, call: Caller, meter: Meter) -> RuntimeValue:
    # not len(), which raises OverflowError for a range that is longer than sys.maxsize
    if values and abs(values[-1] - values.start) // abs(values.step) >= MAX_COLLECTION:
        raise LimitError(f"a loop runs more than {MAX_COLLECTION} times")
    for value in values:
        meter.step()
        call(closure, [value])
    return None


def _to_string(target: RuntimeValue, _arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    return text_of(target, meter)


def _to_upper(target: RuntimeValue, _arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    return meter.string(str(target).upper())


def _to_lower(target: RuntimeValue, _arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    return meter.string(str(target).lower())


def _port(target: RuntimeValue, arguments: list[RuntimeValue], _call: Caller, meter: Meter) -> RuntimeValue:
    if not isinstance(target, ResourceValue):
        raise TypeError(f"{target!r} has no ports")
    return PortRef(target.block.id, text_of(arguments[0], meter))


class Method(NamedTuple):
    """A method of a value. ``takes`` are the numbers of arguments that it may have, a closure among them.

    ``cost`` gives its steps, without those that the meter counts for its result and for the closures that it calls.
    """

    do: Callable[[RuntimeValue, list[RuntimeValue], Caller, Meter], RuntimeValue]
    takes: tuple[int, ...]
    cost: Callable[[RuntimeValue, list[RuntimeValue]], int]


def _free(_target: RuntimeValue, _arguments: list[RuntimeValue]) -> int:
    return 0


def _of_text(target: RuntimeValue, _arguments: list[RuntimeValue]) -> int:
    """Return the cost of reading the characters of a string one by one."""
    return 4 * length_of(target)


def _of_search(target: RuntimeValue, arguments: list[RuntimeValue]) -> int:
    """Return the cost of a search in a string: at most `_FEW_CHARACTERS` comparisons for each character."""
    wanted = arguments[0]
    if not isinstance(target, str):
        return 0  # equal counts the items that it compares
    return length_of(target) * (1 + (min(len(wanted), _FEW_CHARACTERS) // 4 if isinstance(wanted, str) else 0))


def _of_slice(target: RuntimeValue, _arguments: list[RuntimeValue]) -> int:
    return len(target) // STEP_CHARACTERS if isinstance(target, list) else 0


_FEW_CHARACTERS = 128
"""Length above which CPython searches for a string in time that is linear in the lengths of both strings."""
_COLLECTION: dict[str, Method] = {
    # the meter counts the copy of the collection, and each round
    "each": Method(_each, (1,), _free),
    "eachWithIndex": Method(_each_with_index, (1,), _free),
    "collect": Method(_collect, (1,), _free),
    "findAll": Method(_find_all, (1,), _free),
    "size": Method(_size, (0,), _free),
    # text_of counts the items
    "toString": Method(_to_string, (0,), _free),
}
_SEQUENCE: dict[str, Method] = {
    **_COLLECTION,
    "join": Method(_join, (0, 1), _free),
    "first": Method(_item_at(0, "first"), (0,), _free),
    "last": Method(_item_at(-1, "last"), (0,), _free),
    "contains": Method(_contains, (1,), _of_search),
    "step": Method(_step_of_range, (1, 2), _of_slice),
}
METHODS: tuple[tuple[type | tuple[type, ...], dict[str, Method]], ...] = (
    ((list, range), _SEQUENCE),
    (dict, _COLLECTION),
    (
        str,
        {
            "size": Method(_size, (0,), _free),
            "contains": Method(_contains, (1,), _of_search),
            "toString": Method(_to_string, (0,), _free),
            "toUpperCase": Method(_to_upper, (0,), _of_text),
            "toLowerCase": Method(_to_lower, (0,), _of_text),
        },
    ),
    (
        int,
        {
            "times": Method(_times, (1,), _free),
            "upto": Method(_up_to, (2,), _free),
            "step": Method(_step_to, (3,), _free),
        },
    ),
    (ResourceValue, {"port": Method(_port, (1,), _free)}),
    (object, {"toString": Method(_to_string, (0,), _free)}),
)
"""Methods by the type of a value. The first entry that fits the type and has the name counts."""
