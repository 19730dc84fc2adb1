"""Each operator and each method is charged by the size of what it touches: no step takes much longer than another."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from gtsdsl.evaluate import limits
from gtsdsl.evaluate.errors import LimitError, OperationError
from gtsdsl.evaluate.limits import Meter
from gtsdsl.evaluate.methods import METHODS, Caller
from gtsdsl.evaluate.operators import OPERATORS, operate
from gtsdsl.evaluate.runtime import ClosureValue, RuntimeValue, Scope
from gtsdsl.loading import check
from gtsdsl.model.testbed import PortRef
from gtsdsl.source import Source
from gtsdsl.syntax import nodes
from tests.slowness import slowness

_STEP_S = 2e-6
"""The seconds that a step may take, so that MAX_STEPS take 20 s on the machine on which the bounds were set."""
_MARGIN = 5
"""The factor by which an operation may be slower in this test: other programs run beside it."""


def _nest(depth: int) -> RuntimeValue:
    value: RuntimeValue = ["a"]
    for _ in range(depth):
        value = [value, value]
    return value


def _keyed(size: int, last: str) -> RuntimeValue:
    return {**{f"k{number}": number for number in range(size)}, last: 1}


_LARGE: dict[str, list[RuntimeValue]] = {
    "strings": ["a" * 50_000, "a" * 29_000 + "b", "b" * 100_000, "a" * 49 + "b" + "a" * 49, "ä" * 100_000],
    "numbers": [10**99 + 7, 3, -1, 10**50],
    "lists": [["a" * 90] * 10_000, [*(["a" * 90] * 9_999), "b"], list(range(10_000)), _nest(12)],
    "ranges": [range(10_000), range(9_999, -1, -1)],
    "maps": [_keyed(10_000, "x"), _keyed(10_000, "y"), {"k" * 90_000 + str(number): 1 for number in range(50)}],
    "others": [None, True, PortRef("h" * 90_000, "p" * 9_000)],
}
_VALUES = [value for kind in _LARGE.values() for value in kind]


def _seconds_a_step(action: Callable[[Meter], object], least_s: float) -> float:
    """Return the processor's seconds for each step that an action is charged, over many runs of it."""
    meter = Meter()
    begin = time.process_time()
    runs = 0
    with suppress(LimitError, OperationError):
        while time.process_time() - begin < least_s or runs < 3:
            runs += 1
            meter.step()  # the expression itself
            action(meter)
    if runs < 3:  # the first runs are refused: nothing goes on
        return 0
    return (time.process_time() - begin) / meter.steps


def _is_charged(action: Callable[[Meter], object]) -> bool:
    """Return whether a step takes no longer than it may, in one of three ever longer tries."""
    most_s = _STEP_S * _MARGIN * slowness()
    return any(_seconds_a_step(action, least_s) < most_s for least_s in (0.002, 0.02, 0.2))


@pytest.mark.parametrize("sign", OPERATORS)
def test_an_operator_is_charged_by_the_size_of_its_operands(sign: str) -> None:
    for left in _VALUES:
        for right in _VALUES:
            is_charged = _is_charged(lambda meter, a=left, b=right: operate(sign, a, b, meter))  # type: ignore[misc]
            assert is_charged, (sign, str(left)[:40], str(right)[:40])


_CLOSURE = ClosureValue(nodes.Closure(0, 0, None, ()), Scope(None))
_METHODS = [(kind, name) for kind, methods in enumerate(METHODS) for name in methods[1]]


@pytest.mark.parametrize(("kind", "name"), _METHODS, ids=str)
def test_a_method_is_charged_by_the_size_of_what_it_touches(kind: int, name: str) -> None:
    kinds, methods = METHODS[kind]
    method = methods[name]
    call: Caller = lambda _closure, _arguments: None  # noqa: E731 (an empty closure)
    for target in _VALUES:
        if not isinstance(target, kinds):
            continue
        for count in method.takes:
            for argument in [*_VALUES, _CLOSURE] if count else [None]:
                given: list[RuntimeValue] = [argument] * (count - 1) + [_CLOSURE if argument is not None else None]
                arguments = given if count > 1 else [argument] * count

                def action(
                    meter: Meter, target: RuntimeValue = target, arguments: list[RuntimeValue] = arguments
                ) -> None:
                    meter.step(method.cost(target, arguments))
                    method.do(target, arguments, call, meter)

                assert _is_charged(action), (name, str(target)[:40], str(argument)[:40])


_LOOPS = {
    "a search": "def s = 'a' * 99999; def n = 'a' * 500 + 'b'; while (true) { s.contains(n) }",
    "maps compared": "def m = [:]; 50000.times { m[\"k$it\"] = 1 }; def p = m + [x: 1]; def q = m + [y: 1]; while (true) { p == q }",  # noqa: E501
    "long keys": "def k = 'k' * 99999; def m = [(k): 1]; while (true) { m[k + ''] }",
    "a name far out": "def x = 1; " + "if (true) { " * 90 + "while (true) { x }" + "}" * 90,
    "names that stand for nothing": "5000.times { host { id = \"h$it\" } }; while (true) { host { id = hx } }",
    "entries of a map": "def m = [:]; 9999.times { m[\"k$it\"] = 1 }; while (true) { for (e in m) { break } }",
    "many strings in one": "def s = 'a' * 99999; while (true) { x = \"" + "$s" * 49_000 + "\" }",
    "dots": "def s = '.' * 99999; while (true) { adjacency s, s }",
    "adjacencies": "while (true) { adjacency a.b, c.d }",
}  # fmt: skip


@pytest.mark.parametrize("name", _LOOPS)
def test_a_loop_without_an_end_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_STEPS", limits.MAX_STEPS // 10)
    begin = time.process_time()
    checked = check(Source("<test>", f"T {{ {_LOOPS[name]} }}"))
    assert "GTS012" in {finding.code for finding in checked.diagnostics}
    assert time.process_time() - begin < 2 * _MARGIN * slowness()
