"""Durations, shares and bandwidths of attributes become numbers in fixed units, or a message says why not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gtsdsl.model.units import parse_bandwidth, parse_duration_us, parse_percent
from gtsdsl.model.values import Value


@pytest.mark.parametrize(
    ("value", "us"),
    [
        ("18ms", 18_000),
        ("18 ms", 18_000),
        ("250us", 250),
        ("0.5s", 500_000),
        ("0.0004ms", 0),
        ("18.1ms", 18_100),
        ("60s", 60_000_000),
        ("0us", 0),
    ],
)
def test_duration(value: str, us: int) -> None:
    assert parse_duration_us(value) == us


@pytest.mark.parametrize(
    "value",
    [
        "18",
        18,
        Decimal("0.5"),
        "ms",
        "-1ms",
        "1e3ms",
        "18 m s",
        "18ms\n",
        " 18ms",
        "18MS",
        "١٨ms",
        "",
        None,
        True,
        [],
        {},
        "60.001s",
        "9" * 100 + "s",
        pytest.param(10**5000, id="huge"),
    ],
)
def test_no_duration(value: Value) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,130}$"):
        parse_duration_us(value)


@pytest.mark.parametrize(("value", "percent"), [("0.1%", 0.1), ("0%", 0), ("100%", 100), ("7 %", 7), ("0.07%", 0.07)])
def test_loss(value: str, percent: float) -> None:
    assert parse_percent(value) == percent


@pytest.mark.parametrize("value", ["0.1", Decimal("0.1"), 0, "100.1%", "-1%", "%", "1%%", "nan%", None, "1%\n"])
def test_no_loss(value: Value) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,130}$"):
        parse_percent(value)


@pytest.mark.parametrize(
    ("value", "bps"),
    [
        (1000, 10**9),
        ("1000", 10**9),
        (Decimal("0.5"), 500_000),
        ("0.001", 1000),
        (1_000_000, 10**12),
        ("0.001001", 1000),
        ("0.001006", 1008),
    ],  # whole bytes a second
)
def test_bandwidth(value: Value, bps: int) -> None:
    assert parse_bandwidth(value) == bps


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0",
        "1Gbit",
        "1e3",
        " 1",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+9999"),
        pytest.param(10**5000, id="huge"),
        True,
        None,
        1000001,
        "0.0001",
        [1000],
        "١",
    ],
)
def test_no_bandwidth(value: Value) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,130}$"):
        parse_bandwidth(value)


def test_a_messages_quotes_are_harmless() -> None:
    with pytest.raises(ValueError, match=r"\\x1b") as caught:
        parse_duration_us("\x1b[31m\n::error::" + "x" * 1000)
    assert str(caught.value).isprintable()
