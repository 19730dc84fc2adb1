"""Losses: independent, correlated, in bursts."""

from __future__ import annotations

import pytest

from gtsdsl.model.losses import Bursts, Loss, parse_loss
from gtsdsl.model.values import Value


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("0.1%", Loss(0.1)),
        ("1 %", Loss(1)),
        ("1% 25%", Loss(1, 25)),
        ("gemodel 1%", Loss(0.990099, bursts=Bursts(1))),
        ("gemodel 1% 9%", Loss(10, bursts=Bursts(1, 9))),
        ("gemodel 1% 9% 70% 0.1%", Loss(7.09, bursts=Bursts(1, 9, 70, 0.1))),
        ("gemodel 0% 0% 50% 2%", Loss(2, bursts=Bursts(0, 0, 50, 2))),
    ],
)
def test_a_loss_as_tc_writes_it(text: str, loss: Loss) -> None:
    assert parse_loss(text) == loss


@pytest.mark.parametrize(
    "value", ["", "1", 1, "1% 2% 3%", "gemodel", "gemodel 1% 2% 3% 4% 5%", "gemodel 101%", "state 1%", "1% 101%"]
)
def test_what_is_no_loss(value: Value) -> None:
    with pytest.raises(ValueError, match=r"loss|share|more than 100"):
        parse_loss(value)
