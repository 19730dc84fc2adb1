"""A JSON text that a program prints, or a value that a function returns, to figures and series, within limits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from emulator.workloads.base import WorkloadError
from emulator.workloads.model import Figure, Series
from gtsdsl.text import printable

MOST_BYTES = 2**20
MOST_DEPTH = 16
MOST_FIGURES = 1000
_MOST_NAME = 100
_VALUE, _VALUES, _UNIT = "value", "values", "unit"


def figures_of(text: str) -> tuple[tuple[Figure, ...], tuple[Series, ...]]:
    """Return the numbers of a JSON object as figures and its lists of numbers as series.

    A nested value is named by the way to it: ``tcp.rate``; an item of a list by its index. An object that has only
    ``value`` or ``values``, and ``unit``, is a number or a list with a unit. A null is a figure without a value. Texts
    and booleans are left out.

    Raises:
        WorkloadError: the text is no JSON object, has no number, or is larger than a limit allows; the message says
            what is wrong, as in "it is no JSON".
    """
    if len(text.encode(errors="surrogateescape")) > MOST_BYTES:
        raise WorkloadError(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise WorkloadError(f"it is nested deeper than {MOST_DEPTH} levels") from None
    except ValueError as error:
        raise WorkloadError(f"it is no JSON: {printable(str(error), 100)}") from None
    if not isinstance(value, dict):
        raise WorkloadError("it is JSON, but no object")
    figures: dict[str, Figure] = {}
    series: dict[str, Series] = {}
    for found in _found("", value, 0):
        if found.name in figures or found.name in series:
            raise WorkloadError(f"the name {found.name} is there twice")
        if isinstance(found, Series):
            series[found.name] = found
        else:
            figures[found.name] = found
        if len(figures) + len(series) > MOST_FIGURES:
            raise WorkloadError(f"it has more than {MOST_FIGURES} numbers and lists")
    if not any(figure.value is not None for figure in figures.values()) and not series:
        raise WorkloadError("it has no number")
    return tuple(figures.values()), tuple(series.values())


def _found(name: str, value: object, depth: int) -> Iterator[Figure | Series]:
    if depth > MOST_DEPTH:
        raise WorkloadError(f"it is nested deeper than {MOST_DEPTH} levels")
    if isinstance(value, dict):
        unit = value.get(_UNIT)
        if isinstance(unit, str) and value.keys() in ({_VALUE, _UNIT}, {_VALUES, _UNIT}):
            yield from _with_unit(name, value.get(_VALUE, value.get(_VALUES)), printable(unit, _MOST_NAME), depth)
            return
        for key, item in value.items():
            yield from _found(_joined(name, str(key)), item, depth + 1)
    else:
        yield from _with_unit(name, value, "", depth)


def _with_unit(name: str, value: object, unit: str, depth: int) -> Iterator[Figure | Series]:
    if isinstance(value, bool | str):
        return
    if value is None or isinstance(value, int | float):
        yield Figure(name, None if value is None else _number(name, value), unit)
    elif isinstance(value, list) and value and all(_is_number(item) for item in value):
        yield Series(name, unit, tuple(_number(name, item) for item in value))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _found(_joined(name, str(index)), item, depth + 1)
    elif isinstance(value, dict):
        yield from _found(name, value, depth + 1)


def _joined(name: str, key: str) -> str:
    return printable(f"{name}.{key}" if name else key, _MOST_NAME)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise WorkloadError(f"{name} is too large")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
